"""What a trust is, which ones may be made, and whether a claim meets a condition. Pure.

Conditions are compared literally or by glob, never by regular expression: `*` stands for any characters but
`/` and `:`, `?` for one of these, `**` for any characters at all. That `*` stops there makes
`repo:acme/*:ref:refs/heads/main` mean what it seems to mean; where it is too narrow nothing is let in, and
`**` can be written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Envelope, Field, Kind, Listing

MAX_TOKEN_SECONDS: Final = 900
"""The longest life of a token that was exchanged: as long as a CI job should need one."""
MIN_TOKEN_SECONDS: Final = 60
MAX_TRUSTS: Final = 500
"""Trusts of a tenant: an exchange looks at all of one issuer."""
MAX_NAME: Final = 100
MAX_TEXT: Final = 500
"""Characters of an issuer, an audience, a claim's name and a value it is compared with."""
MAX_CONDITIONS: Final = 20
MAX_VALUES: Final = 20
MAX_WILDCARDS: Final = 10
MAX_COMPARED: Final = 1000
"""Characters of a claim beyond which it meets no condition: strangers send what is compared."""

TRUSTS: Final = Listing(
    "trusts",
    Field("name", search=True),
    Field("issuer", search=True),
    Field("serviceAccountId"),
    Field("enabled", Kind.BOOLEAN),
    Field("createdAt", Kind.TIME),
    Field("updatedAt", Kind.TIME),
    envelope=Envelope("trusts", next="next"),
)

# Issuers that sign for everybody in the world, and the claims of theirs that tell whose job it is.
SHARED_ISSUERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "https://token.actions.githubusercontent.com": frozenset(
            (
                "sub",
                "repository",
                "repository_id",
                "repository_owner",
                "repository_owner_id",
                "job_workflow_ref",
            )
        ),
        "https://gitlab.com": frozenset(
            ("sub", "namespace_id", "namespace_path", "project_id", "project_path", "ci_config_ref_uri")
        ),
    }
)
_WILD = re.compile(r"\*\*|\*|\?")
_ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?")


class Operator(StrEnum):
    """How a claim is compared with the values of a condition."""

    EQUALS = "equals"
    MATCHES = "matches"


class Condition(msgspec.Struct, frozen=True):
    """A claim that must have one of `values`. One that begins with `/` is a JSON pointer (RFC 6901)."""

    claim: str
    operator: Literal["equals", "matches"]
    values: tuple[str, ...]

    def holds(self, found: Any) -> bool:
        """Whether the claim's value meets the condition; of a list, any member may."""
        meets = matches if self.operator == Operator.MATCHES.value else str.__eq__
        told = [it for it in texts(found) if len(it) <= MAX_COMPARED]
        return any(meets(value, text) for text in told for value in self.values)


@dataclass(frozen=True, slots=True)
class TrustDraft:
    """A trust somebody asks for. `jwks` None means that the issuer publishes its keys."""

    name: str
    service_account_id: str
    issuer: str
    audience: str
    conditions: Sequence[Condition]
    jwks: dict[str, Any] | None
    max_token_seconds: int
    single_use: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class TrustRow:
    """A trust as it is stored."""

    id: str
    tenant_id: int
    name: str
    service_account_id: str
    issuer: str
    audience: str
    conditions: tuple[Condition, ...]
    jwks: dict[str, Any] | None
    max_token_seconds: int
    single_use: bool
    enabled: bool
    version: int
    created_by: str
    created_at: Instant
    updated_by: str
    updated_at: Instant

    @property
    def mark(self) -> str:
        """What tokens say that were given under it as it is now."""
        return f"{self.id}.{self.version}"


def check_draft(draft: TrustDraft) -> None:
    """Raise Invalid for a trust that nobody should make, saying why. The keys are not looked at."""
    _require(draft.name.strip() == draft.name and 0 < len(draft.name) <= MAX_NAME, "name", MAX_NAME)
    _require(0 < len(draft.audience) <= MAX_TEXT, "audience", MAX_TEXT)
    if len(draft.issuer) > MAX_TEXT or _ISSUER.fullmatch(draft.issuer) is None or "#" in draft.issuer:
        raise Invalid("issuer must be an https address without user and fragment, as the tokens' iss has it.")
    if not MIN_TOKEN_SECONDS <= draft.max_token_seconds <= MAX_TOKEN_SECONDS:
        raise Invalid(f"maxTokenSeconds must be from {MIN_TOKEN_SECONDS} to {MAX_TOKEN_SECONDS}.")
    if not 1 <= len(draft.conditions) <= MAX_CONDITIONS:
        raise Invalid(f"A trust needs 1 to {MAX_CONDITIONS} conditions: without one it would let anybody in.")
    for it in draft.conditions:
        _check_condition(it)
    names = [it.claim for it in draft.conditions]
    if len(set(names)) != len(names):
        raise Invalid("Each claim may have one condition; give it several values instead.")
    _check_owner(draft)


def _require(good: bool, name: str, longest: int) -> None:
    if not good:
        raise Invalid(f"{name} must have 1 to {longest} characters, without space at its ends.")


def _check_condition(condition: Condition) -> None:
    _require(0 < len(condition.claim) <= MAX_TEXT, "claim", MAX_TEXT)
    if condition.claim in ("iss", "aud", "exp", "nbf", "iat"):
        raise Invalid(f"{condition.claim} is always checked and takes no condition.")
    if not 1 <= len(condition.values) <= MAX_VALUES:
        raise Invalid(f"The condition on {condition.claim} needs 1 to {MAX_VALUES} values.")
    for value in condition.values:
        _require(0 < len(value) <= MAX_TEXT, f"A value of {condition.claim}", MAX_TEXT)
        if condition.operator == Operator.MATCHES.value:
            _check_glob(condition.claim, value)


def _check_glob(claim: str, glob: str) -> None:
    if len(_WILD.findall(glob)) > MAX_WILDCARDS:
        raise Invalid(f"A value of {claim} may have {MAX_WILDCARDS} wildcards at most.")
    if not _WILD.sub("", glob):
        raise Invalid(f"The value {glob!r} of {claim} would let anybody in; write a part of it out.")


def _check_owner(draft: TrustDraft) -> None:
    owners = SHARED_ISSUERS.get(draft.issuer.rstrip("/"))
    if owners is None or any(it.claim in owners and _names_an_owner(it) for it in draft.conditions):
        return
    raise Invalid(
        f"{draft.issuer} signs tokens for everybody, so a condition must say whose they are.",
        f"Write out at least the owner in one of {', '.join(sorted(owners))}, as in acme/*.",
    )


def _names_an_owner(condition: Condition) -> bool:
    if condition.operator == Operator.EQUALS.value:
        return True
    # up to the first wildcard there must be a whole owner: `acme/*`, `repo:acme/*`
    return all("/" in _WILD.split(value, maxsplit=1)[0] for value in condition.values)


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim that a condition names, None where there is none."""
    if not name.startswith("/"):
        return claims.get(name)
    found: Any = claims
    for part in name[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return found  # pyright: ignore[reportUnknownVariableType]


def texts(found: Any) -> list[str]:
    """A claim as the texts it is compared as: booleans and whole numbers as JSON writes them."""
    if isinstance(found, list):
        return [text for it in found if not isinstance(it, list) for text in texts(it)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(found, bool):
        return ["true" if found else "false"]
    return [str(found)] if isinstance(found, str | int) else []


def matches(glob: str, text: str) -> bool:
    """Whether `text` is of the form `glob`. Takes time in proportion to its length, whatever the form.

    All the positions in the glob that may have been reached are bits of one number (bit 0: none of it is
    met), so that a character costs a few operations however many of them there are.
    """
    pieces = _pieces(glob)
    places: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        places[piece] = places.get(piece, 0) | 1 << at
    any_, inner, single = (places.get(it, 0) for it in ("**", "*", "?"))
    states = _reached(1, any_ | inner)
    for character in text:
        staying, taking = any_, places.get(f"={character}", 0)
        if character not in "/:":
            staying, taking = staying | inner, taking | single
        states = _reached(states & staying | (states & taking) << 1, any_ | inner)
        if not states:
            return False
    return bool(states >> len(pieces))


def _pieces(glob: str) -> list[str]:
    """The glob in steps; a literal character is marked, so that it is never taken for a wildcard."""
    found: list[str] = []
    start = 0
    for wild in _WILD.finditer(glob):
        found += [f"={it}" for it in glob[start : wild.start()]]
        found.append(wild[0])
        start = wild.end()
    return found + [f"={it}" for it in glob[start:]]


def _reached(states: int, skippable: int) -> int:
    """`states` and those beyond wildcards that may stand for nothing."""
    while (more := states | (states & skippable) << 1) != states:
        states = more
    return states
