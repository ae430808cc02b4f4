"""Coverage-guided fuzzing of one reader: `python -m hardening.fuzz filter --seconds 60`.

Run it in `tests`, with `src` and `tests` on PYTHONPATH. It needs atheris, which is no dependency: it has
wheels for Linux only. What it finds it writes to a file in the current folder and prints; put that input into
SEEDS of hardening.targets, so that the suite keeps it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Fuzz until the time is up or something is found; libFuzzer then ends the process."""
    parser = argparse.ArgumentParser(prog="python -m hardening.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60, help="how long to look")
    parser.add_argument("--length", type=int, default=2048, help="the longest input in bytes")
    given = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: .venv/bin/uv pip install --python .venv/bin/python atheris")
    with atheris.instrument_imports(include=["runplane", "yaml", "ruamel"]):
        from hardening.targets import SEEDS, TARGETS
    if given.target not in TARGETS:
        sys.exit(f"There is no target {given.target!r}; there are {', '.join(TARGETS)}.")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[given.target]):
            (Path(folder) / str(number)).write_bytes(seed)
        # a single input may take 10 s of libFuzzer's own clock before it counts as a hang
        limits = [f"-max_total_time={given.seconds}", f"-max_len={given.length}", "-timeout=10"]
        atheris.Setup([sys.argv[0], *limits, folder], TARGETS[given.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
