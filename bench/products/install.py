"""Installs what is compared, each into a folder of its own, and says how much it takes.

Versions are pinned here, so that a result can be repeated; the folders stay for the next run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peer_servers import cache
from bench.process import BenchError

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_UV: Final = str(Path(sys.executable).parent / "uv")
_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the programs are, and the size of all packages in MB of 10^6 bytes, before anything has run."""

    folder: Path
    megabytes: float

    @property
    def programs(self) -> Path:
        """The folder of the commands."""
        return self.folder / "bin"


def from_pypi(name: str, *requirements: str) -> Installed:
    """A virtual environment with `requirements`. Raises BenchError when a registry cannot be reached."""
    mark = re.sub(r"[^a-z0-9.]+", "-", " ".join(requirements).lower())
    folder = cache() / f"{name}-{mark}"[:120]
    return _environment(folder, lambda: [*requirements], keep=True)


def from_checkout(scratch: Path) -> Installed:
    """runplane as `pip install` leaves it: the wheel of this checkout, and what it needs as locked."""

    def build() -> list[str]:
        _run(_UV, "build", "--quiet", "--wheel", "--out-dir", str(scratch / "dist"), str(ROOT))
        (wheel,) = (scratch / "dist").glob("*.whl")
        _run(
            *(_UV, "pip", "install", "--quiet", "--python", str(scratch / "runplane" / "bin" / "python")),
            *("--require-hashes", "-r", str(ROOT / "requirements" / "run.lock")),
        )
        return ["--no-deps", str(wheel)]

    return _environment(scratch / "runplane", build, keep=False)


def size_mb(folder: Path) -> float:
    """Bytes of all files below `folder`, without compiled modules, in MB of 10^6 bytes."""
    total = 0
    for base, folders, files in os.walk(folder):
        folders[:] = [it for it in folders if it != "__pycache__"]
        total += sum((Path(base) / it).lstat().st_size for it in files)
    return round(total / 1e6, 1)


def _environment(folder: Path, requirements: Callable[[], list[str]], *, keep: bool) -> Installed:
    done = folder / "installed"
    if not (keep and done.exists()):
        _run(_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        python = str(folder / "bin" / "python")
        _run(_UV, "pip", "install", "--quiet", "--python", python, *requirements())
        done.touch()
    return Installed(folder, size_mb(folder / "lib"))


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if ran.returncode != 0:
        last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchError(f"{' '.join(command[1:4])} failed: {last}")
