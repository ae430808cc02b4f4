"""The command line: how long a command takes before it does anything."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.process import BenchError

_RUNPLANE = Path(sys.executable).with_name("runplane")


def time_of_help(core: int) -> float:
    """Seconds from starting `runplane --help` on one core to its end. Raises BenchError."""
    command = ["taskset", "-c", str(core), str(_RUNPLANE), "--help"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    passed = time.perf_counter() - started
    if done.returncode != 0:
        raise BenchError(f"`runplane --help` failed: {done.stderr.decode()}")
    return passed
