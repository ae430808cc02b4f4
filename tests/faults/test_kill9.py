"""kill -9 in the middle of writes: what was acknowledged is there, and the server is soon back.

A killed process leaves what it wrote with the operating system, so this passes at any setting of SQLite; what
a power cut takes away is the matter of test_power_loss.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

import pytest

from support.launching import Start
from support.ledger import Writers, check_integrity, check_ledger
from support.trials import FULL, Figure, trials

# What is promised holds on a machine that does nothing else, as `make faults` asks for; the suite shares one.
READY_SECONDS = 5.0 if FULL else 30.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_an_acknowledged_write_survives_kill_9(
    start: Start, database: dict[str, str], tmp_path: Path, figure: Figure
) -> None:
    rounds = trials(2, 20) if database else trials(3, 100)
    server = start(**database)
    acknowledged: set[str] = set()
    cut_off = 0
    waits: list[float] = []
    for _ in range(rounds):
        before = len(acknowledged)
        writers = Writers(server)
        writers.wait_for(1)
        time.sleep(random.uniform(0.05, 0.5))
        server.kill()
        acknowledged.update(writers.join())
        cut_off += writers.cut_off
        assert len(acknowledged) > before, "nothing was written before the kill"
        started = time.monotonic()
        server.start()
        waits.append(time.monotonic() - started)
        check_ledger(server, acknowledged)
        if not database:
            check_integrity(tmp_path / "data" / "runplane.db")
    assert cut_off, "the kill never met a request on its way"
    figure("kills", rounds)
    figure("acknowledged writes", f"{len(acknowledged)}, none missing")
    figure("requests cut off", cut_off)
    figure("ready again", f"{statistics.median(waits):.2f} s in the middle, {max(waits):.2f} s at most")
    assert max(waits) < READY_SECONDS, "a killed server takes too long to come back"
