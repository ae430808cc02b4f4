"""Lists of objects, page after page, whichever form the answer has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runplane.cli.resources.model import Kind
from runplane.cli.resources.progress import Progress
from runplane.cli.server import PAGE, Api


@dataclass(frozen=True, slots=True)
class Query:
    """What of a list is wanted; the words are those of the command line."""

    filters: tuple[str, ...] = ()
    search: str | None = None
    sort: str | None = None
    limit: int | None = None
    span: tuple[str, str] | None = None


def objects(api: Api, kind: Kind, query: Query) -> list[dict[str, Any]]:
    """The objects that fit. Raises Refused and Unreachable."""
    if not kind.paged:
        return _here(kind, _members(kind, api.get(kind.path)), query)
    with Progress(kind.nouns) as progress:
        listed: list[dict[str, Any]] = []
        for page in _pages(api, kind, query):
            listed += page
            progress.at(len(listed))
        return listed


def _pages(api: Api, kind: Kind, query: Query) -> Iterator[list[dict[str, Any]]]:
    asked = _asked(kind, query)
    count = 0
    while query.limit is None or count < query.limit:
        size = PAGE if query.limit is None else min(PAGE, query.limit - count)
        page = _members(kind, api.get(kind.path, **asked, **{kind.limit_name: size}, offset=count))
        count += len(page)
        yield page
        if len(page) < size:
            return


def _asked(kind: Kind, query: Query) -> dict[str, str | int]:
    terms = list(query.filters)
    asked: dict[str, str | int] = {}
    if query.search and kind.search == "server":
        asked["search"] = query.search
    elif query.search:
        terms.append(f"{kind.key}=@{query.search}")
    if terms:
        asked["filterBy"] = ",".join(terms)
    if query.sort:
        asked |= {"sortBy": query.sort.lstrip("-"), "sortOrder": "desc" if query.sort[0] == "-" else "asc"}
    if query.span is not None:
        asked |= {"start": query.span[0], "end": query.span[1]}
    return asked


def _members(kind: Kind, answer: Any) -> list[dict[str, Any]]:
    return answer[kind.member] if kind.member else answer


def _here(kind: Kind, listed: list[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """The same for a list that the server only gives whole: it is short."""
    if query.search:
        wanted = query.search.lower()
        listed = [it for it in listed if wanted in str(it[kind.key]).lower()]
    if query.sort:
        name = query.sort.lstrip("-")
        check_sort(name, listed)
        listed = sorted(listed, key=lambda it: _order(it.get(name)), reverse=query.sort[0] == "-")
    return listed[: query.limit]


def check_sort(name: str, listed: list[dict[str, Any]]) -> None:
    """Refuse a field that no object has. Raises WrongUsage."""
    from runplane.cli.failures import WrongUsage

    if listed and name not in listed[0]:
        raise WrongUsage(f"There is no field {name!r} to sort by; use one of {', '.join(listed[0])}.")


def _order(value: Any) -> tuple[int, float, str]:
    # What is missing comes first, and numbers are no text.
    if isinstance(value, int | float):
        return (1, value, "")
    return (0, 0, "") if value is None else (2, 0, str(value))
