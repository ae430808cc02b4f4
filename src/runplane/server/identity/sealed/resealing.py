"""Sealing everything again with the present key-encryption key, beside running servers.

In batches of their own transactions, so that servers wait for none of it longer than for any other write. A
value that is done begins with the present key's mark, so whoever is cut begins again and finds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.identity.sealed import store
from runplane.server.identity.sealed.model import Names, Place
from runplane.server.identity.store import select_tenants
from runplane.server.identity.vault import KeyEncryptionKey, VaultError
from runplane.server.sql.unit import Unit, Units

BATCH: Final = 200
"""Values that one transaction seals again."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """What was done in one place; `closed` names the first value that does not open, and why."""

    place: str
    done: int
    closed: str = ""


def needing(unit: Unit, kek: KeyEncryptionKey, places: Iterable[Place]) -> dict[str, int]:
    """How many values of each place another key than the present one has sealed; none is left out."""
    mark = kek.mark
    found = {it.name: store.count_foreign(unit, it, mark) for it in places}
    return {name: count for name, count in found.items() if count}


def reseal(units: Units, kek: KeyEncryptionKey, places: Iterable[Place]) -> list[Resealed]:
    """Seal with the present key what another one of `kek` has sealed. Places without any are left out."""
    names = {row[0]: row[1] for row in units.read(select_tenants)}
    return [it for place in places if (it := _reseal(units, kek, place, names)).done or it.closed]


def _reseal(units: Units, kek: KeyEncryptionKey, place: Place, names: Names) -> Resealed:
    done, closed, after = 0, "", None
    while True:
        batch = units.write(lambda unit, last=after: _batch(unit, kek, place, names, last))
        done += batch.done
        closed = closed or batch.closed
        if batch.last is None:
            return Resealed(place.name, done, closed)
        after = batch.last


@dataclass(frozen=True, slots=True)
class _Batch:
    last: Any
    done: int
    closed: str


def _batch(unit: Unit, kek: KeyEncryptionKey, place: Place, names: Names, after: Any) -> _Batch:
    rows = store.select_foreign(unit, place, kek.mark, after, BATCH)
    done, closed, last = 0, "", None
    for values, sealed in rows:
        last = values[place.key]
        context = place.context(values, names)
        try:
            again = kek.seal(kek.open(sealed, context), context)
        except VaultError as error:
            # whoever reads it has to find the row; no key of a table is a secret
            closed = closed or f"{last.hex() if isinstance(last, bytes) else last}: {error}"
            continue
        store.replace_sealed(unit, place, last, sealed, again)
        done += 1
    return _Batch(last, done, closed)
