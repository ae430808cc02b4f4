"""`runplane admin rotate-kek`, killed at a step of one's choice: run it as a program with the step's number.

A step is a statement or a commit in the database, or a change of a file's name or its way to the disk.
Nothing of this is in the server: SQLAlchemy tells of the former, and the functions of `os` are wrapped. 0
kills never; the number of steps is printed then.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

FILE_STEPS = ("link", "rename", "replace", "unlink", "fsync")


def main(cut_at: int) -> None:
    """Rotate with the settings of the environment."""
    from sqlalchemy import Engine, event

    from runplane.server.commands.kek import rotate_kek
    from runplane.server.identity.sealed import resealing
    from runplane.server.settings import load_settings

    reached = 0

    def step(*_: Any) -> None:
        nonlocal reached
        reached += 1
        if reached == cut_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepping(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            step()
            return real(*arguments, **options)

        return call

    for name in FILE_STEPS:
        setattr(os, name, stepping(getattr(os, name)))
    event.listen(Engine, "before_cursor_execute", step)
    event.listen(Engine, "commit", step)
    # one value in each transaction: as many places to be cut at as there can be
    resealing.BATCH = 1  # type: ignore[misc]
    rotate_kek(load_settings(), lambda _: None, only_host=True)
    sys.stdout.write(f"{reached}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
