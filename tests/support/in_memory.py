"""Temporary files in memory, where the machine has room: the suite's servers wait for no disk.

Otherwise every commit of every test waits for a disk, a third of the suite's time. The servers ask for it as
ever, and the tests of what a disk keeps bring a file system of their own (support.disks). Where figures are
wanted (RUNPLANE_FULL=1) they are those of a disk.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/dev/shm")
GIGABYTE: Final = 1024**3
# A run takes a few hundred megabytes, most of it of PostgreSQL, whose logs may grow to one gigabyte.
FREE: Final = 3 * GIGABYTE
AVAILABLE: Final = 6 * GIGABYTE


def use_memory() -> None:
    """Have this process and its children make temporary files in memory. TMPDIR, where it is set, stays."""
    if "TMPDIR" not in os.environ and os.environ.get("RUNPLANE_FULL") != "1" and _suits(FOLDER):
        os.environ["TMPDIR"] = str(FOLDER)
        # found out anew at the next use
        tempfile.tempdir = None


def _suits(folder: Path) -> bool:
    """Whether there is room, and programs may run from there, as some tests have them do."""
    try:
        system = os.statvfs(folder)
        memory = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:
        return False
    allowed = not system.f_flag & (os.ST_RDONLY | os.ST_NOEXEC) and os.access(folder, os.W_OK)
    room = system.f_bavail * system.f_frsize >= FREE
    return allowed and room and memory is not None and int(memory[1]) * 1024 >= AVAILABLE
