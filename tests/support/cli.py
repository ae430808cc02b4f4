"""The command line as a person has it: with its own home folder, in this process or another."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from runplane.cli.session import credentials
from runplane.cli.session.contexts import Home
from runplane.cli.session.credentials import Credentials
from runplane.main import main
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

PROGRAM = '#!/bin/sh\nexec "{python}" -m runplane "$@"\n'


# The program becomes the leader of a session whose terminal it is, as one that a shell starts.
ON_TERMINAL = """
import os, sys
terminal = os.open(sys.argv[1], os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(terminal, number)
os.execv(sys.executable, [sys.executable, "-m", "runplane", *sys.argv[2:]])
"""
PATIENCE = 60.0


class Terminal:
    """A command on a terminal of its own, where it can ask. Use as a context manager."""

    def __init__(self, arguments: list[str], environ: dict[str, str]) -> None:
        # Theirs stays open here too: a terminal that nobody has open yet hangs up.
        self._mine, self._theirs = os.openpty()
        command = [sys.executable, "-c", ON_TERMINAL, os.ttyname(self._theirs), *arguments]
        self.process = subprocess.Popen(command, env=environ, start_new_session=True)
        self.text = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._mine)
        os.close(self._theirs)

    def expect(self, words: str) -> str:
        """Wait until these words were written since the last call, and return what was written."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.text:
            over = self.process.poll() is not None or time.monotonic() > deadline
            ready, _, _ = select.select([self._mine], [], [], 0.0 if over else 0.2)
            assert ready or not over, f"waited in vain for {words!r}, got {self.text!r}"
            if ready:
                self.text += os.read(self._mine, 4096).decode()
        seen, self.text = self.text, ""
        return seen

    def type(self, words: str) -> None:
        """Type a line."""
        os.write(self._mine, f"{words}\n".encode())

    def end(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE)


class Line:
    """Runs commands. `environ` is all that they see of the environment, HOME and PATH included."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.home = folder / ".runplane"
        self.kubeconfig = folder / ".kube" / "config"
        self._patch = monkeypatch
        self._capsys = capsys
        programs = folder / "bin"
        programs.mkdir(parents=True)
        program = programs / "runplane"
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        self.environ = {
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(programs), "/usr/bin", "/bin"]),
            "PYTHONPATH": os.pathsep.join(it for it in sys.path if it),
            "TZ": "UTC",
            "SSH_CONNECTION": "no browser opens in a test",
        }

    def __call__(self, *arguments: object, stdin: str = "", **environ: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command in this process."""
        with self._patch.context() as patch:
            patch.setattr(os, "environ", self.environ | environ)
            patch.setattr(sys, "argv", ["runplane", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            with pytest.raises(SystemExit) as ended:
                main()
        written = self._capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), written.out, written.err

    def ok(self, *arguments: object, stdin: str = "", **environ: str) -> str:
        """Standard output of a command that has to succeed."""
        code, out, err = self(*arguments, stdin=stdin, **environ)
        assert code == 0, err
        return out

    def start(self, *arguments: object, **environ: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "runplane", *map(str, arguments)],
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def terminal(self, *arguments: object, **environ: str) -> Terminal:
        """A command that can ask a person."""
        return Terminal([str(it) for it in arguments], self.environ | environ)

    def program(self, *command: object, **environ: str) -> subprocess.CompletedProcess[str]:
        """Another program, such as kubectl, that finds runplane on its path."""
        return subprocess.run(
            [str(it) for it in command],
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def log_in(self, server: Server, *arguments: object) -> None:
        """Log in as the administrator."""
        self.ok("login", "user", server.url, "--user", ADMIN_EMAIL, "--password", ADMIN_PASSWORD, *arguments)

    def secrets(self, context: str) -> Credentials:
        """What is stored of a context."""
        found = credentials.load(Home(self.home), context)
        assert found is not None
        return found

    def age(self, context: str, seconds: float) -> None:
        """Let the stored token become so much older."""
        found = self.secrets(context)
        older: dict[str, Any] = {
            name: getattr(found, name) - seconds for name in ("obtained_at", "expires_at")
        }
        credentials.store(Home(self.home), context, msgspec.structs.replace(found, **older))


def context_of(server: Server) -> str:
    """The name that a login at this server gets."""
    return f"127.0.0.1-{server.port}"


OPENER = '#!/bin/sh\nprintf %s "$1" > "{file}.part" && mv "{file}.part" "{file}"\n'


class Opened:
    """A login that waits for its browser."""

    def __init__(self, process: subprocess.Popen[str], page: str) -> None:
        self.process = process
        self.page = page
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}

    def answer(self, location: str) -> httpx.Response:
        """Go where the server sends the browser."""
        assert location.startswith(f"{self.asked['redirect_uri']}?")
        return httpx.get(location)

    def end(self) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@contextmanager
def opened(line: Line, *arguments: object, **environ: str) -> Iterator[Opened]:
    """Start `runplane login` with a program in the place of the browser, which tells the page."""
    file, program = line.folder / "page", line.folder / "bin" / "open-page"
    program.write_text(OPENER.format(file=file))
    program.chmod(0o755)
    file.unlink(missing_ok=True)
    process = line.start("login", *arguments, BROWSER=str(program), **environ)
    try:
        deadline = time.monotonic() + PATIENCE
        while not file.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Opened(process, file.read_text())
    finally:
        process.kill()
        process.communicate()
