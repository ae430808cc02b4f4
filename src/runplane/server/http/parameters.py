"""Parameters in the OpenAPI document that no room declares: headers the kernel takes, and those of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from runplane.server.core.listing import Field, Listing
from runplane.server.http.listing import MAX_OFFSET, MAX_SEARCH_LENGTH, MAX_TERMS
from runplane.server.http.once import MAX_KEY

IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the object as you read it: it is changed only if it still is the same.",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of your choice for this request, such as a random UUID. Sent again with the same "
    "key within 24 hours, the request does nothing and gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
}
REPLAYED: Final[dict[str, Any]] = {
    "Idempotency-Replayed": {
        "description": "`true` where this is the answer of an earlier, equal request.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def listing_parameters(listing: Listing) -> Iterator[dict[str, Any]]:
    """What a list takes in its query."""

    def parameter(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
        return (
            {"name": name, "in": "query", "required": False, "description": description}
            | more
            | {"schema": schema}
        )

    filtered = [it for it in listing.fields.values() if it.filter]
    if filtered:
        terms = {
            "type": "array",
            "maxItems": MAX_TERMS,
            "items": {"type": "string", "pattern": _filter_pattern(filtered)},
        }
        text = "Keep what fits all terms. A term is a field, an operator and a value, as in name==value."
        yield parameter("filterBy", text, terms, style="form", explode=False)
    sorted_by = [it.name for it in listing.fields.values() if it.sort]
    if sorted_by:
        yield parameter("sortBy", "The field to sort by.", {"type": "string", "enum": sorted_by})
        descending = listing.default_sort is not None and listing.default_sort[1]
        order = {"type": "string", "enum": ["asc", "desc"], "default": "desc" if descending else "asc"}
        yield parameter("sortOrder", "Smallest first (asc) or largest first (desc).", order)
    if listing.searched:
        names = ", ".join(it.name for it in listing.searched)
        text = f"Keep what contains this text in {names}, whatever its case."
        yield parameter("search", text, {"type": "string", "maxLength": MAX_SEARCH_LENGTH})
    if listing.paged:
        whole = {"type": "integer", "format": "int32"}
        offset = {**whole, "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
        yield parameter("offset", "How many entries to leave out at the start.", offset)
        limit = {**whole, "minimum": 1, "maximum": listing.max_limit, "default": listing.default_limit}
        yield parameter(listing.limit_name, "How many entries to return at most.", limit)


def _filter_pattern(fields: Sequence[Field]) -> str:
    """A regular expression for one term: fields that take the same operators share an alternative."""
    names: dict[tuple[str, ...], list[str]] = {}
    for field in fields:
        names.setdefault(tuple(it.value for it in field.operators), []).append(field.name)
    choices = (f"(?:{'|'.join(group)})(?:{'|'.join(map(_literal, marks))})" for marks, group in names.items())
    return f"^(?:{'|'.join(choices)}).+$"


def _literal(mark: str) -> str:
    # Not re.escape: JavaScript's strict mode refuses escapes of characters that need none.
    return re.sub(r"[\^$]", r"\\\g<0>", mark)
