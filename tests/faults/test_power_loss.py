"""Power loss: a snapshot of what the file system really sent to its disk holds every acknowledged write.

The order matters: the ledger is read before the disk, or later answers would look lost. A control runs the
same server with synchronous=NORMAL, which loses them: without it, nobody would know that this can fail.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.disks import Image, images, traced
from support.launching import Start
from support.ledger import Writers, check_integrity, check_ledger, missing
from support.processes import SERVE
from support.trials import Figure, trials

__all__ = ["images"]

# `runplane serve` with the one setting changed that this is about
_CARELESSLY = """
import sys
from runplane.server.sql import engine
kept = [it for it in engine._SQLITE_PRAGMAS if "synchronous" not in it]
engine._SQLITE_PRAGMAS = (*kept, "PRAGMA synchronous=NORMAL")
sys.argv = ["runplane", "serve"]
from runplane.main import main
main()
"""
CARELESS = (sys.executable, "-c", _CARELESSLY)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def power_cut(
    images: Callable[..., Image], launch: Start, command: tuple[str, ...]
) -> tuple[list[str], Image]:
    """Cut the power of a server with writers at work: what it had acknowledged, and its disk then."""
    disk = images()
    server = launch(disk.data, command=command)
    server.wait_until_ready()
    # Slow writers: fast ones soon fill the log, and the checkpoint that follows hides a missing sync.
    writers = Writers(server, size=2, pause=0.04)
    writers.wait_for(30)
    ledger = list(writers.ledger)
    after = images(disk.file)
    # The cut must fall in the middle of the work. Taking it can hold up every write, so wait for one more.
    writers.wait_for(len(ledger) + 1)
    server.kill()
    writers.join()
    return ledger, after


def test_an_acknowledged_write_survives_power_loss(
    images: Callable[..., Image], launch: Start, figure: Figure
) -> None:
    rounds = trials(1, 10)
    total = 0
    for _ in range(rounds):
        ledger, after = power_cut(images, launch, SERVE)
        server = launch(after.data)
        server.wait_until_ready()
        check_ledger(server, ledger)
        server.kill()
        check_integrity(after.data / "runplane.db")
        total += len(ledger)
    figure("power cuts", rounds)
    figure("acknowledged before the cut", f"{total}, none missing")


def test_without_a_sync_per_commit_power_loss_takes_writes_away(
    images: Callable[..., Image], launch: Start, figure: Figure
) -> None:
    """The control: NORMAL keeps the database whole and forgets what was acknowledged."""
    ledger, after = power_cut(images, launch, CARELESS)
    server = launch(after.data)
    server.wait_until_ready()
    lost = missing(server, ledger)
    assert lost, "synchronous=NORMAL lost nothing: this test could not notice a missing sync"
    figure("lost at synchronous=NORMAL", f"{len(lost)} of {len(ledger)}")


@pytest.mark.parametrize("command", [SERVE, CARELESS], ids=["ours", "normal"])
def test_every_commit_is_synced_before_it_is_answered(
    start: Start, tmp_path: Path, figure: Figure, command: tuple[str, ...]
) -> None:
    """The same without a disk of its own: one writer, so no two commits can share a sync."""
    server = start(command=command)
    with traced(server, tmp_path / "trace", "-e", "trace=fdatasync,fsync") as trace:
        before = len(trace.lines())
        writers = Writers(server, size=1)
        writers.wait_for(20)
        writers.join()
        syncs = len([it for it in trace.lines()[before:] if "sync(" in it])
        written = len(writers.ledger)
    if command is SERVE:
        assert syncs >= written
    else:
        assert syncs < written / 2, "synchronous=NORMAL syncs as often: the count says nothing"
    figure("syncs per acknowledged write", f"{syncs / written:.2f} ({syncs} for {written})")
