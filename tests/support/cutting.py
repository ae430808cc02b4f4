"""Migrations that are killed at a statement of one's choice; also the program that runs them.

The program imports the server once and forks for every migration. Nothing of it is in the server: SQLAlchemy
tells of each statement before it is sent, and the process that hears of the chosen one kills itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from support.processes import clean_environment

NEVER = 0


class Cutter:
    """A running program that migrates databases."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def migrate(self, url: str, cut_at: int = NEVER) -> int:
        """Migrate a database; kill that at statement `cut_at`, counted from 1, the commit being one too.

        Returns how many statements there were, or NEVER if it was killed. Raises AssertionError if it failed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{cut_at} {url}\n")
        self._process.stdin.flush()
        status, statements = map(int, self._process.stdout.readline().split())
        if cut_at == NEVER:
            assert status == 0, "the migration failed"
            return statements
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return NEVER
        assert status == 0, "the migration failed before it was cut"
        return statements


@contextmanager
def cutter() -> Generator[Cutter]:
    """Start the program; it ends with the context."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.cutting"],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Cutter(process)
        assert process.stdin is not None
        process.stdin.close()


def _migrate(url: str, cut_at: int, counted: int) -> None:
    from sqlalchemy import Engine, event

    from runplane.server.sql.engine import Database
    from runplane.server.sql.migrate import migrate

    reached = 0

    def count(*_: Any) -> None:
        nonlocal reached
        reached += 1
        if reached == cut_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    database = Database(url)
    migrate(database)
    database.close()
    os.write(counted, str(reached).encode())


def _main() -> None:
    # what a migration needs, loaded once and before the first fork
    import alembic.command
    import alembic.config  # noqa: F401

    import runplane.server.sql.migrate  # noqa: F401

    for line in sys.stdin:
        cut_at, _, url = line.strip().partition(" ")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _migrate(url, int(cut_at), writing)
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        statements = os.read(reading, 32).decode() or "0"
        os.close(reading)
        sys.stdout.write(f"{status} {statements}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
