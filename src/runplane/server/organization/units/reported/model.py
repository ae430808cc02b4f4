"""Amounts as an agent reported them, how they add up, and how they are stored.

None is "not reported" everywhere and never becomes a zero: a sum is that of the amounts that were reported,
and None when there were none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from runplane.protocol.agent import AllocatedAmounts, AllocationReport

RESOURCES: Final = ("gpu", "cpu", "memory")
USES: Final = ("allocated", "allocated_non_preemptible", "requested")
_BYTES_IN_MEGABYTE: Final = 1_000_000
_MILLI: Final = 1000


class Amounts(msgspec.Struct, frozen=True, array_like=True):
    """GPUs, CPU millicores and MB (10⁶ bytes) of memory."""

    gpu: float | None = None
    cpu: float | None = None
    memory: float | None = None


class Use(msgspec.Struct, frozen=True, array_like=True):
    """What is allocated, what of that cannot be taken back, and what is requested."""

    allocated: Amounts = Amounts()
    allocated_non_preemptible: Amounts = Amounts()
    requested: Amounts = Amounts()


class Reported(msgspec.Struct, frozen=True):
    """The use of a unit by number of node pool. `simulated` marks what no real cluster said."""

    pools: dict[int, Use] = {}
    simulated: bool = False

    def total(self, pools: Iterable[int]) -> Use:
        """The sum over those of `pools` that were reported."""
        return added(self.pools[it] for it in pools if it in self.pools)


NOTHING: Final = Reported()
_DECODER: Final = msgspec.json.Decoder(Reported)


def use_of(said: AllocationReport) -> Use:
    """One entry of a report in the contract's units."""
    return Use(*(_amounts(getattr(said, it)) for it in USES))


def _amounts(said: AllocatedAmounts) -> Amounts:
    cores, size = said.cpu_cores, said.memory_bytes
    return Amounts(
        gpu=said.gpus,
        # rounded, so that 0.1 cores are 100 millicores
        cpu=None if cores is None else round(cores * _MILLI, 3),
        memory=None if size is None else size / _BYTES_IN_MEGABYTE,
    )


def added(uses: Iterable[Use]) -> Use:
    """The sum of several."""
    found = tuple(uses)
    return Use(*(_sum([getattr(it, name) for it in found]) for name in USES))


def _sum(amounts: list[Amounts]) -> Amounts:
    sums: list[float | None] = []
    for name in RESOURCES:
        said = [value for it in amounts if (value := getattr(it, name)) is not None]
        sums.append(sum(said) if said else None)
    return Amounts(*sums)


def encoded(reported: Reported) -> str | None:
    """As it is stored, NULL for nothing. One text for one content: two texts are compared to see changes."""
    if not reported.pools:
        return None
    ordered = Reported(dict(sorted(reported.pools.items())), reported.simulated)
    return msgspec.json.encode(ordered).decode()


def decoded(text: str | None) -> Reported:
    """What `encoded` has stored."""
    return NOTHING if text is None else _DECODER.decode(text)


def as_members(amounts: Amounts) -> dict[str, Any]:
    """The amounts that were reported, by name."""
    return {name: value for name in RESOURCES if (value := getattr(amounts, name)) is not None}
