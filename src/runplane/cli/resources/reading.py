"""`list` and `get`: what is asked, and what is shown of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast

from runplane.cli.connect import Target, connect
from runplane.cli.failures import WrongUsage
from runplane.cli.output import Column, checked_format, details, document, printable, rendered
from runplane.cli.program import say
from runplane.cli.resources.model import Given, Kind
from runplane.cli.resources.names import Resolver
from runplane.cli.resources.paging import Query, objects
from runplane.cli.server import Api

_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final[Mapping[str, str]] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# The server's clock may be ahead of the one here, and whole seconds are sent.
_AHEAD: Final = timedelta(minutes=1)
_SHORT: Final = ("ID", "GPU", "URL")
_DAY: Final = "24h"


def list_objects(kind: Kind, given: Given, target: Target) -> None:
    """Print the objects that fit. Raises CliError."""
    output = checked_format(given["output"])
    with connect(target) as api:
        names = Resolver(api)
        found = objects(api, kind, _query(kind, given, names))
        if output in ("table", "wide"):
            found = [_completed(kind, it, names) for it in found]
    say(rendered(found, columns(kind), output, name=kind.key))


def get_object(kind: Kind, given: Given, target: Target) -> None:
    """Print one object. Raises CliError."""
    output = checked_format(given["output"])
    with connect(target) as api:
        names = Resolver(api)
        found = whole(api, kind, names.find(kind, given["which"], cluster_of(given, names)))
        if output in ("table", "wide"):
            found = _completed(kind, found, names)
    say(shown(kind, found, output))


def whole(api: Api, kind: Kind, found: dict[str, Any]) -> dict[str, Any]:
    """The object with what its list leaves out. Raises CliError."""
    return found if kind.keyed else api.get(f"{kind.path}/{found[kind.id]}")


def shown(kind: Kind, found: Mapping[str, Any], output: str) -> str:
    """One object in a format."""
    if output in ("json", "yaml"):
        return document(found, output)
    if output == "name":
        return printable(found.get(kind.key))
    pairs = {_title(heading): at(path, found) for heading, path in (*kind.columns, *kind.more)}
    return details({name: printable(it) for name, it in pairs.items() if it not in (None, "")})


def _title(heading: str) -> str:
    words = [it if it in _SHORT else it.lower() for it in heading.split()]
    return " ".join([words[0] if words[0] in _SHORT else words[0].capitalize(), *words[1:]])


def columns(kind: Kind) -> list[Column]:
    """The columns of a table."""
    usual = [Column(heading, partial(at, path)) for heading, path in kind.columns]
    return usual + [Column(heading, partial(at, path), wide=True) for heading, path in kind.more]


def at(path: str, found: Any) -> Any:
    """What stands at a dotted path, ready for a cell; None where something on the way is missing."""
    for name in path.split("."):
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if isinstance(found, list):
        return ", ".join(map(str, cast("list[Any]", found)))
    return found


def cluster_of(given: Given, names: Resolver) -> str | None:
    """The id of the cluster that a flag names. Raises CliError."""
    named = given.get("cluster")
    return names.id_of("cluster", named) if named else None


def _query(kind: Kind, given: Given, names: Resolver) -> Query:
    if given["limit"] is not None and given["limit"] < 1:
        raise WrongUsage("--limit is a number from 1.")
    filters: list[str] = list(given.get("filter") or ())
    if (cluster := cluster_of(given, names)) is not None:
        filters.append(f"clusterId=={cluster}")
    limit: int | None = given["limit"] or (None if given.get("all") else kind.limit)
    return Query(tuple(filters), given.get("search"), given["sort"] or None, limit, _span(kind, given))


def _span(kind: Kind, given: Given) -> tuple[str, str] | None:
    if not kind.spans:
        return None
    now = datetime.now(UTC)
    until = _instant(given["until"], now) if given["until"] else _written(now + _AHEAD)
    return _instant(given["since"] or _DAY, now), until


def _instant(text: str, now: datetime) -> str:
    """An instant as the server takes it, from one or from a time ago. Raises WrongUsage."""
    ago = _AGO.fullmatch(text)
    try:
        if ago is None:
            found = datetime.fromisoformat(text)
        else:
            found = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return _written(found)
    except (ValueError, OverflowError):
        raise WrongUsage(f"{text!r} is no time; give 90m, 24h or 7d, or 2027-01-31T00:00:00Z.") from None


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _completed(kind: Kind, found: Mapping[str, Any], names: Resolver) -> dict[str, Any]:
    """The object with the name of its cluster, which most answers lack."""
    if not kind.in_cluster or "clusterName" in found:
        return dict(found)
    id_ = str(found.get("clusterId"))
    return {**found, "clusterName": names.clusters().get(id_, id_)}
