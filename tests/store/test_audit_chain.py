"""The chain of the audit log: what is done to its rows behind the servers' backs is found."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from structlog.testing import capture_logs

from runplane.server.audit.chain import ADOPT_SECONDS, BATCH, LEAST, Chain, open_key
from runplane.server.audit.journal import Journal, Note, Origin
from runplane.server.audit.sealing import CONTENT, GENESIS, REFUSED, AuditKey
from runplane.server.audit.tables import audit_chains, audit_keys, audit_log
from runplane.server.audit.verifying import Head, Report, parse_head, verify
from runplane.server.core.clock import ManualClock
from runplane.server.core.errors import Invalid
from runplane.server.core.ids import new_id
from runplane.server.identity.vault import KeyEncryptionKey, VaultError
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.unit import Unit, Units

pytestmark = pytest.mark.detail

DAY = 86_400.0
KEK = KeyEncryptionKey(bytes(range(32)))


class Log:
    """A log with its chain, without a server around it."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        migrate(self.database)
        self.clock = ManualClock(1_800_000_000.0)
        self.units = Units(self.database, Freshness(), self.clock)
        self.lanes = Lanes(self.units)
        self.key = open_key(self.units, KEK)
        self.journal = Journal(GroupCommit(self.lanes), self.clock, self.key)

    def close(self) -> None:
        self.lanes.close()
        self.database.close()

    def chain(self, days: int = 0) -> Chain:
        """A new one is a server that was just started."""
        return Chain(self.lanes, self.clock, self.key, days)

    def write(self, number: int, tenant_id: int = 1001) -> None:
        for each in range(number):
            origin = Origin(tenant_id, f"user {each}", "User", "127.0.0.1", "POST", "/api/v1/things")
            note = Note("thing", f"id {each}", f"thing {each}", {"fields": "a, b"})
            self.units.write(lambda unit, o=origin, n=note: self.journal.write(unit, o, "create", 201, n))
            self.clock.advance(1)

    def seal(self, chain: Chain | None = None) -> int:
        return asyncio.run((chain or self.chain()).seal())

    def prune(self, days: int) -> int:
        """As many passes as there is something to delete."""
        chain = self.chain(days)
        done = 0
        while gone := asyncio.run(chain.prune()):
            done += gone
        return done

    def verify(self, **noted: str) -> list[Report]:
        heads = dict(map(parse_head, noted.values()))
        return self.units.read(lambda unit: verify(unit, lambda: self.key, heads))

    def only(self, **noted: str) -> Report:
        (report,) = self.verify(**noted)
        return report

    def run(self, *statements: Any) -> None:
        """What somebody does who holds the database."""

        def job(unit: Unit) -> None:
            for it in statements:
                unit.execute(it)

        self.units.write(job)

    def rows(self) -> list[dict[str, Any]]:
        query = select(audit_log).order_by(audit_log.c.position, audit_log.c.id)
        return self.units.read(lambda unit: [dict(it._mapping) for it in unit.execute(query)])


@pytest.fixture
def log(database_url: str) -> Iterator[Log]:
    made = Log(database_url)
    yield made
    made.close()


def at(position: int) -> Any:
    return audit_log.c.position == position


def test_committed_records_get_their_places_and_verify(log: Log) -> None:
    log.write(5)
    log.write(3, tenant_id=1002)
    assert [it.waiting for it in log.verify()] == [5, 3]
    assert log.seal() == 8
    one, two = log.verify()
    assert (one.rows, one.waiting, one.fault) == (5, 0, "")
    assert (two.rows, two.waiting, two.fault) == (3, 0, "")
    assert one.first < one.last
    log.write(1)
    assert log.seal() == 1
    assert [it.rows for it in log.verify()] == [6, 3]


def test_more_than_one_batch_is_sealed_at_once(log: Log) -> None:
    rows = [{**row(), "digest": None} for _ in range(BATCH + 5)]
    for it in rows:
        it["digest"] = log.key.digest(it)
    log.units.write(lambda unit: unit.execute(insert(audit_log), rows))
    assert log.seal() == BATCH + 5
    assert log.only().rows == BATCH + 5


def row(**changed: Any) -> dict[str, Any]:
    """A row as somebody might make one up."""
    made = dict.fromkeys(CONTENT)
    made |= {"id": new_id(), "tenant_id": 1001, "timestamp": "2027-01-15T08:00:00.000Z", "subject": "eve"}
    made |= {"subject_type": "User", "action": "create", "http_method": "POST", "url": "/", "request_id": "r"}
    return {**made, "result": "Succeeded", "http_status_code": 200, **changed}


def changed(_: Log) -> list[Any]:
    return [update(audit_log).where(at(3)).values(subject="somebody else")]


def emptied(_: Log) -> list[Any]:
    return [update(audit_log).where(at(3)).values(metadata=None)]


def deleted(_: Log) -> list[Any]:
    return [delete(audit_log).where(at(3))]


def beheaded(_: Log) -> list[Any]:
    return [delete(audit_log).where(at(1))]


def cut_off(_: Log) -> list[Any]:
    return [delete(audit_log).where(audit_log.c.position >= 4)]


def closed_up(_: Log) -> list[Any]:
    later = update(audit_log).where(audit_log.c.position > 3).values(position=audit_log.c.position - 1)
    return [delete(audit_log).where(at(3)), later]


def swapped(_: Log) -> list[Any]:
    places = [(2, 99), (3, 2), (99, 3)]
    return [update(audit_log).where(at(a)).values(position=b) for a, b in places]


def inserted_in_the_middle(_: Log) -> list[Any]:
    made = row(position=3, digest=bytes(32), hash=bytes(32))
    return [insert(audit_log).values(**made)]


def inserted_at_the_end(log: Log) -> list[Any]:
    made = row(position=6, digest=AuditKey.generate().digest(row()), hash=bytes(32))
    return [insert(audit_log).values(**made)]


def inserted_as_new(_: Log) -> list[Any]:
    return [insert(audit_log).values(**row(digest=AuditKey.generate().digest(row())))]


def inserted_without_proof(_: Log) -> list[Any]:
    return [insert(audit_log).values(**row())]


def inserted_before_the_first(_: Log) -> list[Any]:
    return [insert(audit_log).values(**row(position=0, digest=bytes(32), hash=GENESIS))]


def shortened_ends(_: Log) -> list[Any]:
    return [delete(audit_log).where(at(5)), update(audit_chains).values(position=4)]


def deleted_ends(_: Log) -> list[Any]:
    return [delete(audit_chains)]


def pruned_by_hand(_: Log) -> list[Any]:
    ends = update(audit_chains).values(pruned_position=2, pruned_hash=bytes(32))
    return [delete(audit_log).where(audit_log.c.position <= 2), ends]


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (changed, r"content of the record .* at position 3 was changed"),
        (emptied, r"content of the record .* at position 3 was changed"),
        (deleted, r"record at position 3 was deleted before the record .* at position 4"),
        (beheaded, r"record at position 1 was deleted"),
        (cut_off, r"2 records from position 4 on were deleted at the end"),
        (closed_up, r"at position 3 is genuine and stands in another place"),
        (swapped, r"at position 2 is genuine and stands in another place"),
        (inserted_in_the_middle, r"position 3 was (changed|inserted)"),
        (inserted_at_the_end, r"at position 6 was inserted"),
        (inserted_as_new, r"was inserted: no server has written it"),
        (inserted_without_proof, r"was inserted: no server has written it"),
        (inserted_before_the_first, r"inserted where retention has deleted"),
        (shortened_ends, r"holds its ends was changed"),
        (deleted_ends, r"holds its ends was deleted"),
        (pruned_by_hand, r"holds its ends was changed"),
    ],
)
def test_what_is_done_to_the_rows_is_found(log: Log, attack: Callable[[Log], list[Any]], said: str) -> None:
    log.write(5)
    log.seal()
    assert log.only().fault == ""
    log.run(*attack(log))
    assert re.search(said, log.only().fault), log.only().fault
    # a server that goes on does not cover it up
    log.write(2)
    log.seal()
    assert log.only().fault


def test_a_made_up_record_is_never_sealed(log: Log) -> None:
    log.write(2)
    log.run(insert(audit_log).values(**row()))
    chain = log.chain()
    assert log.seal(chain) == 3
    assert (chain.sealed, chain.refused) == (2, 1)
    assert [it["position"] for it in log.rows()] == [REFUSED, 1, 2]


def test_a_running_server_notices_that_the_log_was_set_back(log: Log) -> None:
    log.write(3)
    chain = log.chain()
    log.seal(chain)
    # everything sealed anew from the start, without the second record
    log.run(
        delete(audit_log).where(at(2)),
        delete(audit_chains),
        update(audit_log).values(position=None, hash=None),
    )
    log.write(1)
    log.seal(chain)
    assert chain.broken == {1001}


def test_a_noted_head_shows_that_the_end_was_replayed(log: Log) -> None:
    log.write(3)
    log.seal()
    ends = log.units.read(lambda unit: dict(unit.execute(select(audit_chains)).one()._mapping))
    log.write(2)
    log.seal()
    head = log.only().head
    assert head is not None
    noted = f"1001:{head.position}:{head.hash}"
    assert log.only(head=noted).fault == ""
    log.run(delete(audit_log).where(audit_log.c.position > 3), update(audit_chains).values(**ends))
    assert log.only().fault == ""
    assert log.only(head=noted).fault == "it ends at position 3, and 5 was noted"
    log.write(2)
    log.seal()
    assert "another hash than was noted" in log.only(head=noted).fault


def test_retention_deletes_the_beginning_and_the_rest_still_verifies(log: Log) -> None:
    log.write(4)
    log.seal()
    first = log.only()
    newest = max(it["timestamp"] for it in log.rows())
    log.clock.advance(10 * DAY)
    log.write(3)
    log.seal()
    assert log.prune(30) == 0
    assert log.prune(5) == 4
    report = log.only(head=f"1001:{first.head.position}:{first.head.hash}" if first.head else "")
    assert (report.rows, report.pruned, report.fault) == (3, 4, "")
    # rows of one millisecond are chained in any order, so the newest of them need not be the last
    assert report.pruned_until == newest
    assert log.only(head=f"1001:1:{'0' * 64}").remark
    assert "another hash" in log.only(head=f"1001:4:{'0' * 64}").fault
    log.run(delete(audit_log).where(at(5)))
    assert "position 5 was deleted" in log.only().fault


def test_retention_leaves_a_chain_that_is_broken(log: Log) -> None:
    log.write(3)
    log.seal()
    log.run(update(audit_chains).values(position=2))
    log.clock.advance(10 * DAY)
    assert log.prune(1) == 0
    assert len(log.rows()) == 3


@pytest.mark.parametrize("number", [1, BATCH + 1])
def test_records_of_a_clock_that_was_ahead_do_not_stop_retention(log: Log, number: int) -> None:
    log.write(2)
    log.seal()
    log.clock.advance(365 * DAY)
    log.write(number)
    log.seal()
    log.clock.advance(-365 * DAY)
    log.write(2)
    log.seal()
    newest = max(it["timestamp"] for it in log.rows()[-2:])
    log.clock.advance(10 * DAY)
    log.write(1)
    log.seal()
    assert log.prune(5) == number + 4
    report = log.only()
    assert (report.rows, report.pruned_until, report.fault) == (1, newest, "")


def test_a_record_of_a_clock_that_was_behind_takes_no_other_with_it(log: Log) -> None:
    log.write(3)
    log.seal()
    log.clock.advance(-365 * DAY)
    log.write(1)
    log.seal()
    log.clock.advance(365 * DAY)
    log.write(1)
    log.seal()
    assert log.prune(5) == 0
    assert log.only().rows == 5


def test_a_clock_that_is_ahead_does_not_empty_the_log_at_once(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(300)
    log.seal()
    chain = log.chain(90)
    log.clock.advance(365 * DAY)
    with capture_logs() as logged:
        assert asyncio.run(chain.prune()) == LEAST
        assert log.only().rows == 300 - LEAST
        # a hundredth, where that is more
        monkeypatch.setattr("runplane.server.audit.chain.LEAST", 1)
        assert [asyncio.run(chain.prune()) for _ in range(3)] == [2, 2, 2]
    (told,) = [it for it in logged if "look at the clock" in it["event"]]
    assert told["tenant"] == 1001
    log.clock.advance(-365 * DAY)
    assert asyncio.run(chain.prune()) == 0
    assert (log.only().rows, log.only().fault) == (300 - LEAST - 6, "")


def test_retention_deletes_everything_of_an_idle_tenant(log: Log) -> None:
    log.write(BATCH + 3)
    log.seal()
    log.clock.advance(10 * DAY)
    assert log.prune(1) == BATCH + 3
    report = log.only()
    assert (report.rows, report.pruned, report.fault) == (0, BATCH + 3, "")
    log.write(1)
    log.seal()
    assert (log.only().rows, log.only().fault) == (1, "")


def test_records_of_an_older_release_are_adopted_for_a_day(log: Log) -> None:
    log.run(delete(audit_keys), insert(audit_log).values(**row()), insert(audit_log).values(**row()))
    log.key = open_key(log.units, KEK)
    assert log.only().fault == ""
    log.seal()
    assert (log.only().rows, log.only().fault) == (2, "")
    # of a replica that is still of the older release
    log.run(insert(audit_log).values(**row()))
    log.seal()
    assert (log.only().rows, log.only().fault) == (3, "")
    log.clock.advance(ADOPT_SECONDS + 1)
    log.run(insert(audit_log).values(**row()))
    log.seal()
    assert "no server has written it" in log.only().fault


def test_two_servers_seal_side_by_side(log: Log) -> None:
    chains = [log.chain(), log.chain()]

    async def both() -> None:
        for _ in range(5):
            await asyncio.to_thread(log.write, 7)
            await asyncio.gather(*(it.seal() for it in chains))

    asyncio.run(both())
    assert (log.only().rows, log.only().fault) == (35, "")
    assert sum(it.sealed for it in chains) == 35


def test_the_key_needs_the_key_encryption_key(log: Log) -> None:
    again = open_key(log.units, KEK)
    assert again.digest(row(id="x")) == log.key.digest(row(id="x"))
    with pytest.raises(VaultError):
        open_key(log.units, KeyEncryptionKey(bytes(32)))
    stored = log.units.read(lambda unit: unit.execute(select(audit_keys.c.sealed)).scalars().all())
    assert [AuditKey.opened(KEK, it).adopt_until for it in stored] == [""]


@pytest.mark.parametrize("text", ["", "1001", "1001:5", "1001:5:abc", "x:5:" + "0" * 64, "²:5:" + "0" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_head(text)


def test_a_head_is_read_as_it_is_printed() -> None:
    assert parse_head("1001:5:" + "aB" * 32) == (1001, Head(5, "ab" * 32))


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5)


@pytest.mark.postgres
def test_the_log_can_be_partitioned_as_the_guide_says(
    postgres_database: Callable[..., str], repository: Path
) -> None:
    log = Log(postgres_database())
    log.write(3)
    log.seal()
    head = log.only().head
    assert head is not None
    guide = (repository / "docs" / "guides" / "audit.md").read_text(encoding="utf-8")
    script = guide.partition("```sql\n")[2].partition("```")[0]
    with log.database.engine.connect() as connection:
        connection.connection.driver_connection.execute(script)  # type: ignore[union-attr]
        connection.commit()
    log.write(3)
    log.seal()
    log.clock.advance(10 * DAY)
    log.write(1)
    log.seal()
    report = log.only(head=f"1001:{head.position}:{head.hash}")
    assert (report.rows, report.fault) == (7, "")
    assert log.prune(5) == 6
    assert (log.only().rows, log.only().fault) == (1, "")
    used = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass"
    assert log.units.read(lambda unit: unit.execute(text(used)).scalar()) == 3
    log.close()


VALUES = st.none() | TEXTS | st.integers(0, 9)
ROWS = st.fixed_dictionaries(dict.fromkeys(CONTENT, VALUES))


@given(one=ROWS, two=ROWS)
def test_digests_are_equal_only_for_equal_content(one: dict[str, Any], two: dict[str, Any]) -> None:
    key = AuditKey(bytes(32))
    assert (key.digest(one) == key.digest(two)) == (one == two)
    assert AuditKey(b"1" * 32).digest(one) != key.digest(one)
