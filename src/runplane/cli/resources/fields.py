"""How the value of a flag gets into the body of a request, and the flags that several resources share."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Final

from runplane.cli.failures import WrongUsage
from runplane.cli.resources.model import Field, Filling, Put

_MEGABYTES: Final = MappingProxyType({"MB": 1.0, "GB": 1000.0, "Mib": 1.048576})
SCOPES: Final = ("tenant", "cluster", "department", "project")
SCOPE_HELP: Final = "tenant, cluster/NAME, department/NAME or project/NAME; an id does as well as a name."


def into(*path: str) -> Put:
    """The value as it is, at a path of members."""

    def put(filling: Filling, value: Any) -> None:
        holder = filling.body
        for name in path[:-1]:
            holder[name] = dict(holder.get(name) or {})
            holder = holder[name]
        holder[path[-1]] = value

    return put


def id_into(member: str, kind: str) -> Put:
    """The id of the object that the value names, in the cluster of `--cluster` where that is given."""

    def put(filling: Filling, value: Any) -> None:
        cluster = filling.body.get("clusterId") if kind != "cluster" else None
        filling.body[member] = filling.names.id_of(kind, value, cluster)

    return put


def number_into(member: str, kind: str) -> Put:
    """As `id_into`, for ids that are numbers."""

    def put(filling: Filling, value: Any) -> None:
        filling.body[member] = int(filling.names.id_of(kind, value))

    return put


def names_into(member: str) -> Put:
    """A list of `{"name": …}` objects."""

    def put(filling: Filling, value: Any) -> None:
        filling.body[member] = [{"name": it} for it in value]

    return put


def text_or_null(*path: str) -> Put:
    """The value, null for an empty one."""
    inner = into(*path)

    def put(filling: Filling, value: Any) -> None:
        inner(filling, value or None)

    return put


def json_into(member: str) -> Put:
    """The value as JSON where it is JSON, else as text: `true` and `12` need no quotes."""

    def put(filling: Filling, value: Any) -> None:
        try:
            filling.body[member] = json.loads(value)
        except ValueError:
            filling.body[member] = value

    return put


def share(resource: str, attribute: str) -> Put:
    """A quota of the node pool of `--node-pool`, which is added where it has none yet."""

    def put(filling: Filling, value: Any) -> None:
        amount = _amount(value, attribute)
        pool = filling.given.get("node_pool") or "default"
        pools: list[dict[str, Any]] = filling.body.setdefault("resources", [])
        entry = next((it for it in pools if _is_pool(it, pool)), None)
        if entry is None:
            entry = {"nodePool": {"name": pool}}
            pools.append(entry)
        held: dict[str, Any] = dict(entry.get(resource) or {})
        if resource == "memory":
            held = _in_megabytes(held)
        entry[resource] = held | {attribute: amount}

    return put


def scope(filling: Filling, value: Any) -> None:
    """`scopeType` and `scopeId` of a scope as people write it."""
    kind, _, name = str(value).partition("/")
    if kind not in SCOPES or bool(name) == (kind == "tenant"):
        raise WrongUsage(f"A scope is {SCOPE_HELP}")
    filling.body["scopeType"] = kind
    id_of = filling.names.id_of
    filling.body["scopeId"] = filling.names.tenant() if kind == "tenant" else id_of(kind, name)


def subject(kind: str) -> Put:
    """`subjectType` and `subjectId`, of which there is one."""

    def put(filling: Filling, value: Any) -> None:
        if "subjectId" in filling.body:
            raise WrongUsage("Give one of --user, --group and --service-account.")
        filling.body.update(subjectType=kind, subjectId=value)

    return put


def has_subject(filling: Filling) -> None:
    """Refuse a body without a subject; the last of the three flags asks this."""
    if "subjectId" not in filling.body:
        raise WrongUsage("Give --user, --group or --service-account.")


def _in_only_cluster(filling: Filling) -> None:
    filling.body["clusterId"] = filling.names.only_cluster()


def _is_pool(entry: dict[str, Any], pool: str) -> bool:
    named: dict[str, Any] = entry.get("nodePool") or {"name": "default"}
    return pool in (named.get("name"), str(named.get("id")))


def _in_megabytes(held: dict[str, Any]) -> dict[str, Any]:
    """The same memory in the unit of the flags: the amounts of a pool have one unit."""
    factor = _MEGABYTES[held.get("units") or "MB"]
    amounts = {it: held[it] for it in ("deserved", "limit") if held.get(it) is not None}
    return (
        held | {"units": "MB"} | {it: value * factor if value > 0 else value for it, value in amounts.items()}
    )


def _amount(text: str, attribute: str) -> float:
    if text == "unlimited":
        return -1
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        words = "" if attribute == "overQuotaWeight" else ", or unlimited"
        raise WrongUsage(f"{text!r} is no amount; give a number such as 4 or 0.5{words}.")
    return found


CLUSTER: Final = Field(
    "--cluster",
    "The cluster it is in; the only one where there is only one.",
    id_into("clusterId", "cluster"),
    "NAME",
    on=("create",),
    absent=_in_only_cluster,
)
NAME: Final = Field("--name", "Its new name.", into("name"), "NAME", on=("update",))
DESCRIPTION: Final = Field("--description", "What it is for.", text_or_null("description"))
EXPIRES_AT: Final = Field(
    "--expires-at", "When it stops working, as 2027-01-31T00:00:00Z.", text_or_null("expiresAt"), "INSTANT"
)
ENABLED: Final = Field(
    "--enable/--disable", "Let it work, or not.", into("enabled"), "", bool, on=("update",)
)


def _nothing(filling: Filling, value: Any) -> None:
    """`--node-pool` says where the quotas go; it fills nothing itself."""


QUOTAS: Final = (
    Field("--node-pool", "The pool that the quotas are of (default).", _nothing, "NAME", quota=True),
    Field("--gpu-quota", "GPUs it is sure of.", share("gpu", "deserved"), "NUMBER", quota=True),
    Field("--gpu-limit", "GPUs at most, or unlimited.", share("gpu", "limit"), "NUMBER", quota=True),
    Field("--cpu-quota", "Millicores it is sure of.", share("cpu", "deserved"), "NUMBER", quota=True),
    Field("--cpu-limit", "Millicores at most, or unlimited.", share("cpu", "limit"), "NUMBER", quota=True),
    Field("--memory-quota", "Megabytes it is sure of.", share("memory", "deserved"), "NUMBER", quota=True),
    Field(
        "--memory-limit", "Megabytes at most, or unlimited.", share("memory", "limit"), "NUMBER", quota=True
    ),
    Field(
        "--over-quota-weight",
        "Share of the GPUs that others leave unused.",
        share("gpu", "overQuotaWeight"),
        "NUMBER",
        quota=True,
    ),
)
