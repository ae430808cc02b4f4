"""A disk that says no to fsync: the request fails, the connection is given up, and nothing is called stored.

After a failed fsync the kernel may drop what it could not write and report success the next time, so a second
try on the same file handle proves nothing (what PostgreSQL learned in 2018).
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from support.disks import traced
from support.launching import Start
from support.ledger import ACCOUNTS, Writers, check_integrity, check_ledger
from support.trials import Figure, trials

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_failed_sync_is_never_a_success(start: Start, tmp_path: Path, figure: Figure) -> None:
    server = start()
    acknowledged: list[str] = [server.admin.post(ACCOUNTS, json={"name": "first"}).json()["id"]]
    refused = injected = 0
    # No third one: once the log is long, each commit makes three syncs, and the third is the checkpoint's.
    # That one may fail without a word, because everything is in the log still.
    for every in trials((5,), (1, 2, 5, 7)):
        log = tmp_path / f"trace-{every}"
        with traced(
            server,
            log,
            "-e", "trace=fdatasync,fsync",
            "-e", f"inject=fdatasync,fsync:error=EIO:when={every}+{every}",
        ) as trace:  # fmt: skip
            writers = Writers(server, size=3, refusals=(503,))
            writers.wait_for(0, refused=trials(5, 25))
            acknowledged += writers.join()
            refused += len(writers.refused)
            injected += trace.injected()
        assert all("disk" in it.json()["message"] for it in writers.refused)
    assert injected > 0
    answer = server.admin.post(ACCOUNTS, json={"name": "after"})
    assert answer.status_code == 201, "it has not recovered"
    acknowledged.append(answer.json()["id"])
    assert server.client().get("/readyz").json() == {"status": "ready"}
    check_ledger(server, acknowledged)
    server.kill()
    server.start()
    # An unacknowledged write may be there after all; an acknowledged one must, and its record with it.
    check_ledger(server, acknowledged)
    server.kill()
    check_integrity(tmp_path / "data" / "runplane.db")
    figure("syncs that failed", injected)
    figure("writes", f"{refused} refused, {len(acknowledged)} acknowledged, none missing")


def test_the_connection_of_a_failed_sync_is_not_used_again(start: Start, tmp_path: Path) -> None:
    """The next transaction opens the log anew before it writes.

    The handle of the database file itself may return: closing it would drop the locks of other threads' ones.
    """
    server = start()
    assert server.admin.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"}).status_code == 201
    with traced(
        server,
        tmp_path / "trace",
        "-e", "trace=openat,fdatasync,pwrite64",
        "-e", "inject=fdatasync:error=EIO:when=1",
    ) as trace:  # fmt: skip
        assert server.admin.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"}).status_code == 503
        assert server.admin.post(ACCOUNTS, json={"name": f"w{uuid4().hex}"}).status_code == 201
    lines = trace.lines()
    failed = next(number for number, line in enumerate(lines) if "(INJECTED)" in line)
    thread = lines[failed].split()[0]
    after = [it for it in lines[failed + 1 :] if it.startswith(thread)]
    opened = next(number for number, it in enumerate(after) if 'runplane.db-wal"' in it and "openat" in it)
    written = next(number for number, it in enumerate(after) if "pwrite64" in it)
    assert opened < written, "it wrote on the connection whose sync had failed"
