"""Reading an organization from a server: the values of the file, and the ids behind its names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from runplane.cli.organization.document import (
    UNLIMITED,
    AccessRule,
    Amount,
    Department,
    Gpu,
    Memory,
    NodeTypes,
    Organization,
    Place,
    Project,
    Quota,
    Role,
    SchedulingRules,
    ServiceAccount,
    Share,
)
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.sections import (
    ACCOUNTS,
    DEPARTMENTS,
    PROJECTS,
    ROLES,
    RULES,
    Key,
    Section,
)
from runplane.cli.server import Api, Refused
from runplane.cli.session.oauth import claims

_NOTHING: Any = {}


@dataclass
class World:
    """What a server has. `ids` finds an object by its section's field and its key.

    `clusters` and `roles` are ids by name (roles predefined ones too), `pools` names by cluster, `sets` the
    names of the permission sets, `left_out` sentences about what no file can hold, `expired` the names of
    service accounts whose end has passed. `parse` reads one object of a section again, as the file has it.
    """

    tenant: str
    organization: Organization
    clusters: dict[str, str]
    pools: dict[str, frozenset[str]]
    roles: dict[str, int]
    sets: frozenset[str]
    ids: dict[tuple[str, Key], str] = field(default_factory=dict[tuple[str, Key], str])
    left_out: list[str] = field(default_factory=list[str])
    expired: frozenset[str] = frozenset()
    parse: Callable[[Section, Any], Any] | None = None

    def portable(self) -> Organization:
        """What to export: all but service accounts that have ended, with their rules.

        No server makes an account that has ended already, so a file with one could be applied nowhere else.
        """
        kept = self.organization
        return msgspec.structs.replace(
            kept,
            service_accounts=tuple(it for it in kept.service_accounts or () if it.name not in self.expired),
            access_rules=tuple(
                it for it in kept.access_rules or () if it.service_account not in self.expired
            ),
        )

    @property
    def only_cluster(self) -> str | None:
        """The name of the cluster if there is exactly one: then files need not name it."""
        return next(iter(self.clusters)) if len(self.clusters) == 1 else None


def tenant_of(token: str) -> str:
    """The tenant that a token is for. Only the server, which checks it, gets it. Raises CliError."""
    found = claims(token)
    if "tenant_id" not in found:
        raise OrganizationError(["The token is not one of a runplane server."])
    return str(found["tenant_id"])


def read_world(api: Api, token: str) -> World:
    """Everything that a file can hold. Raises OrganizationError where the caller may not read it."""
    tenant = tenant_of(token)
    try:
        return _Reader(api, tenant).read()
    except Refused as error:
        raise OrganizationError([f"{api.url}: {error}"], error.code) from None
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise OrganizationError([f"{api.url} answers otherwise than runplane does ({error!r})."]) from None


class _Reader:
    def __init__(self, api: Api, tenant: str) -> None:
        self.api = api
        clusters = {str(it["uuid"]): str(it["name"]) for it in api.get("/api/v1/clusters?verbosity=metadata")}
        self.cluster_names = clusters
        pools: dict[str, set[str]] = {name: set() for name in clusters.values()}
        self.pool_names: dict[str, str] = {}
        for it in api.every("/api/v1/node-pools", "nodepools"):
            pools.setdefault(clusters.get(it["clusterId"], ""), set()).add(it["name"])
            self.pool_names[str(it["id"])] = it["name"]
        found = api.get(ROLES.path)
        self.custom = [it for it in found if it["custom"]]
        self.world = World(
            tenant,
            Organization(version=1),
            {name: id_ for id_, name in clusters.items()},
            {name: frozenset(it) for name, it in pools.items()},
            {it["name"]: it["id"] for it in found},
            frozenset(it["name"] for it in api.get("/api/v1/authorization/permission-sets")),
        )

    def read(self) -> World:
        world = self.world
        departments = self.api.every(DEPARTMENTS.path, "departments")
        projects = self.api.every(PROJECTS.path, "projects")
        self.places = {
            **{("cluster", id_): Place(cluster=name) for id_, name in self.cluster_names.items()},
            **{
                ("department", it["id"]): Place(cluster=self._cluster(it), department=it["name"])
                for it in departments
            },
            **{
                ("project", it["id"]): Place(cluster=self._cluster(it), project=it["name"]) for it in projects
            },
        }
        accounts = [self.api.get(f"{ACCOUNTS.path}/{it['id']}") for it in self.api.get(ACCOUNTS.path)]
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        # Both are fixed-width texts in UTC; the date and time decide before the zone is reached.
        world.expired = frozenset(it["name"] for it in accounts if it["expiresAt"] and it["expiresAt"] < now)
        world.parse = self._parse
        rules = self.api.every(RULES.path, "accessRules")
        world.organization = Organization(
            version=1,
            departments=self._all(DEPARTMENTS, departments, self._department),
            projects=self._all(PROJECTS, projects, self._project),
            roles=self._all(ROLES, self.custom, _role),
            service_accounts=self._all(ACCOUNTS, accounts, _account),
            access_rules=self._all(RULES, rules, self._rule),
        )
        return world

    def _parse(self, section: Section, item: Any) -> Any:
        build: dict[str, Callable[[Any], Any]] = {
            DEPARTMENTS.field: self._department,
            PROJECTS.field: self._project,
            ROLES.field: _role,
            ACCOUNTS.field: _account,
            RULES.field: self._rule,
        }
        return section.normal(build[section.field](item), None)

    def _all(self, section: Section, items: list[Any], build: Any) -> tuple[Any, ...]:
        found: dict[Key, Any] = {}
        for item in items:
            made = build(item)
            if made is not None:
                made = section.normal(made, None)
                key = section.key(made)
                found[key] = made
                self.world.ids[section.field, key] = str(item["id"])
        return tuple(sorted(found.values(), key=section.label))

    def _cluster(self, item: Any) -> str:
        id_ = str(item["clusterId"])
        return self.cluster_names.get(id_, id_)

    def _unit(self, item: Any) -> dict[str, Any]:
        pools = item["defaultNodePools"]
        types: Any = item["nodeTypes"] or _NOTHING
        return {
            "name": item["name"],
            "cluster": self._cluster(item),
            "description": item["description"],
            "default_node_pools": None
            if pools is None
            else tuple(self.pool_names.get(it, it) for it in pools),
            "node_types": NodeTypes(
                training=tuple(types.get("training") or ()),
                workspace=tuple(types.get("workspace") or ()),
                names=types.get("names"),
            ),
            "resources": {it["nodePool"]["name"]: _quota(it) for it in item["resources"]},
        }

    def _department(self, item: Any) -> Department:
        return Department(**self._unit(item), scheduling_rules=_rules(item["schedulingRules"]))

    def _project(self, item: Any) -> Project:
        # Where a department tightened later its word counts, and no server takes the looser one again.
        given: Any = item["schedulingRules"] or _NOTHING
        effective: Any = item["effective"]["schedulingRules"]
        return Project(
            **self._unit(item),
            scheduling_rules=_rules({name: effective[name] for name, it in given.items() if it is not None}),
            department=item["parent"]["name"],
            requested_namespace=item["requestedNamespace"],
            enforce_runai_scheduler=item["enforceRunaiScheduler"],
        )

    def _rule(self, item: Any) -> AccessRule | None:
        kind, who = item["subjectType"], item["subjectId"]
        place = (
            "tenant"
            if item["scopeType"] == "tenant"
            else self.places.get((item["scopeType"], str(item["scopeId"])))
        )
        if place is None:
            # Rules for the whole installation belong to no organization.
            self.world.left_out.append(
                f"{who} as {item['roleName']} in {item['scopeType']} {item['scopeName']}"
            )
            return None
        subject = {"user": "user", "group": "group"}.get(kind, "service_account")
        return AccessRule(role=item["roleName"], scope=place, **{subject: who})


def _role(item: Any) -> Role:
    rights: Any = item["kubernetesPermissions"] or _NOTHING
    return Role(
        name=item["name"],
        description=item["description"],
        enabled=item["enabled"],
        permission_sets=tuple(it["name"] for it in item["permissionSets"]),
        kubernetes_role=rights.get("predefinedRole"),
    )


def _account(item: Any) -> ServiceAccount:
    return ServiceAccount(name=item["name"], enabled=item["enabled"], expires_at=item["expiresAt"])


def _rules(item: Any) -> SchedulingRules:
    return msgspec.convert(item or _NOTHING, SchedulingRules)


def _quota(item: Any) -> Quota:
    gpu, cpu, memory = item["gpu"], item["cpu"], item["memory"]
    return Quota(
        gpu=Gpu(**_share(gpu)),
        cpu=Share(**_share(cpu)),
        memory=Memory(**_share(memory), units=memory["units"]),
        priority=item["priority"],
    )


def _share(item: Any) -> dict[str, Any]:
    return {
        "deserved": _amount(item["deserved"]),
        "limit": _amount(item["limit"]),
        "over_quota_weight": item["overQuotaWeight"],
    }


def _amount(value: float | None) -> Amount:
    return UNLIMITED if value is None or value < 0 else float(value)
