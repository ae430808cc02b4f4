"""The wire contract as facts: which operations exist, where, with which statuses, and how far each is built.

Read from `contract/operations.toml`, which the wheel carries inside the package. It is data rather than code
because three readers share it: the router (501 for what is planned), the tests (table equals code) and the
README.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import msgspec

Method = Literal["DELETE", "GET", "PATCH", "POST", "PUT"]
State = Literal["done", "partial", "planned", "declined"]

_PACKAGE: Final = Path(__file__).resolve().parents[2]
_PLACES: Final = (
    _PACKAGE / "contract" / "operations.toml",
    _PACKAGE.parents[1] / "contract" / "operations.toml",
)


class ContractBroken(RuntimeError):
    """The table of operations is missing or is not what this release expects: the installation is damaged."""


class ContractOperation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operation. `other` says that it also declares an answer for any status not in `statuses`."""

    id: str
    method: Method
    path: str
    tag: str
    statuses: tuple[int, ...]
    state: State
    deprecated: bool = False
    other: bool = False

    @property
    def success(self) -> tuple[int, ...]:
        """The declared 2xx statuses, lowest first; empty for an operation that declares none."""
        return tuple(it for it in self.statuses if 200 <= it < 300)


@dataclass(frozen=True, slots=True)
class Contract:
    """Every operation of the contract, and the extensions: what this server answers beyond it."""

    operations: tuple[ContractOperation, ...]
    extensions: tuple[ContractOperation, ...]
    by_id: Mapping[str, ContractOperation]
    by_route: Mapping[tuple[str, str], ContractOperation]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operations: tuple[ContractOperation, ...]
    extensions: tuple[ContractOperation, ...]


def contract_file() -> Path:
    """Where the table lies: in the installed package, else in the checkout. Raises ContractBroken."""
    for place in _PLACES:
        if place.is_file():
            return place
    looked = " and ".join(str(it) for it in _PLACES)
    raise ContractBroken(f"The table of operations is missing (looked at {looked}); reinstall runplane.")


def load_contract(file: Path | None = None) -> Contract:
    """Read the table (`file`, or the one that came with this release).

    Raises ContractBroken when it is missing, is not valid, or names an operation or a route twice.
    """
    source = file or contract_file()
    try:
        table = msgspec.convert(tomllib.loads(source.read_text("utf-8")), _File)
    except (OSError, ValueError) as error:
        raise ContractBroken(f"{source} cannot be used: {error}.") from error
    every = table.operations + table.extensions
    by_id = {it.id: it for it in every}
    by_route = {(it.method, it.path): it for it in every}
    if not len(every) == len(by_id) == len(by_route):
        raise ContractBroken(f"{source} names an operation or a route twice.")
    return Contract(table.operations, table.extensions, MappingProxyType(by_id), MappingProxyType(by_route))
