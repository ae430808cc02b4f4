"""Addresses and bodies of the matrix, from the types an operation declares and two small tables of values.

A required member for which the tables have nothing fails the matrix with a sentence that says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import inspect

from authz import legacy_units, org_units, trusts
from authz.oracle import Target
from authz.things import ABSENT_ID
from authz.world import FIRST_TENANT, PLACES, Persona, World, tenant_of

PLAIN_ROLE = "Viewer"


def tenant_place(persona: Persona) -> str:
    return "tenant" if tenant_of(persona.place) == FIRST_TENANT else "other tenant"


@dataclass(frozen=True)
class Asked:
    """One request being put together; `nowhere` makes every name in it one that nothing has."""

    world: World
    persona: Persona
    target: Target | None
    id: str
    nowhere: bool = False

    @property
    def place(self) -> str:
        return self.target.place if self.target else tenant_place(self.persona)


def _scope_id(asked: Asked) -> str:
    kind, ref, _ = PLACES[asked.place]
    if not asked.nowhere:
        return ref
    return ABSENT_ID if kind == "cluster" else "987654321"


def _role_id(asked: Asked) -> int:
    role = asked.target.holds[0][0] if asked.target and asked.target.holds else PLAIN_ROLE
    return asked.world.role_ids[role]


def _email(asked: Asked) -> str:
    email = f"{asked.world.fresh(tenant_of(asked.place))}@example.com"
    for role, place in asked.target.holds if asked.target else ():
        asked.world.add_rule("user", email, role, place)
    return email


# member → value, or how to get it; one that is not here is put together from its own members
_VALUES: dict[str, Any] = {
    "serviceAccountId": lambda it: trusts.add_account(it.world, it.target),
    "issuer": "https://issuer.example",
    "conditions": trusts.CONDITIONS,
    "token": "no.real.token",
    "email": _email,
    "adminEmail": _email,
    "name": lambda it: it.world.fresh(tenant_of(it.place)),
    "enabled": True,
    "subjectId": lambda it: it.world.fresh(tenant_of(it.place)),
    "subjectType": "group",
    "roleId": _role_id,
    "scopeId": _scope_id,
    "scopeType": lambda it: PLACES[it.place][0],
    "permissions": {},
    "ids": lambda it: [it.id],
    "action": "read",
    "resourceType": "users",
    "permissionSets": [{"name": "usersReadAccess"}],
    "currentPassword": "not-the-password-at-all",
    "newPassword": "violet-harbor-tin-lamp",
    "key": "department.use",
    "value": True,
    "roles": [],
    "password": "violet-harbor-tin-lamp",
    "logo": "",
    "clusterId": _scope_id,
    # only in the old organization (legacy_units)
    "clusterUuid": None,
    "departmentId": None,
    "labelKey": "kind",
    "labelValue": lambda it: it.world.fresh(tenant_of(it.place)),
    "levels": ["zone"],
    "metricType": "GPU_MEMORY_UTILIZATION",
    "telemetryType": "TOTAL_GPUS",
    "version": "2.24",
    "start": "2026-01-01T00:00:00Z",
    "end": "2099-01-01T00:00:00Z",
}
# members that say nothing without the others
_TOGETHER = {"key": ("value",)}
# one value of a closed set, where the table's is not in it
_CHOICE = {"action": "delete"}


def collection_of(operation: Any) -> str | None:
    """The collection whose thing the request is about: in the path, or by `ids` in the body."""
    if legacy_units.ours(operation):
        return legacy_units.collection(operation)
    found = re.search(r"([^/]+)/\{", operation.path)
    if found:
        return found[1]
    if "ids" in required(operation.body):
        return operation.path.split("/")[-2]
    return None


def required(kind: Any) -> frozenset[str]:
    if kind is None:
        return frozenset()
    shape = inspect.type_info(kind)
    if not isinstance(shape, inspect.StructType):
        return frozenset()
    return frozenset(it.encode_name for it in shape.fields if it.required)


def url(operation: Any, asked: Asked) -> str:
    address = operation.path.replace("{nodepoolName}", "default")
    if legacy_units.ours(operation):
        address = legacy_units.address(operation, asked)
    address = re.sub(r"\{[^}]+\}", asked.id, address)
    query = sorted(required(operation.query))
    if query:
        address += "?" + "&".join(f"{name}={_value(operation, name, asked)}" for name in query)
    return address


def _value(operation: Any, name: str, asked: Asked) -> Any:
    if name not in _VALUES:
        pytest.fail(f"{operation.id} requires {name!r}, for which authz.requests has no value: add one.")
    special = org_units.value(operation, name, asked)
    if special is None:
        special = legacy_units.value(operation, name, asked)
    if special is not None:
        return special
    value = _VALUES[name]
    return value(asked) if callable(value) else value


def body(operation: Any, asked: Asked) -> Any:
    if operation.body is None:
        return None
    shape = inspect.type_info(operation.body)
    built = _built(operation, shape, asked)
    built = built or {name: _value(operation, name, asked) for name in legacy_units.more(operation)}
    if not built and isinstance(shape, inspect.StructType):
        # A change that must name something: the first member there is a value for.
        name = next((it.encode_name for it in shape.fields if it.encode_name in _VALUES), None)
        named = (name, *_TOGETHER.get(name, ())) if name else ()
        return {it: _value(operation, it, asked) for it in named}
    if operation.id == "create_project":
        built["parentId"] = org_units.parent_id(asked)
    if operation.id == "legacy_create_group":
        # without a role there is no group
        built |= {"roles": [PLAIN_ROLE.lower()], "permittedClusters": [_scope_id(asked)]}
    return built


def _built(operation: Any, shape: Any, asked: Asked) -> Any:
    if isinstance(shape, inspect.StructType):
        members: dict[str, Any] = {}
        for it in shape.fields:
            if not it.required:
                continue
            if it.encode_name in _VALUES:
                value = _value(operation, it.encode_name, asked)
                if isinstance(it.type, inspect.LiteralType) and value not in it.type.values:
                    value = _CHOICE[it.encode_name]
                members[it.encode_name] = value
            else:
                members[it.encode_name] = _built(operation, it.type, asked)
                if members[it.encode_name] is None:
                    _value(operation, it.encode_name, asked)
        return members
    if isinstance(shape, inspect.ListType):
        item = _built(operation, shape.item_type, asked)
        return None if item is None else [item]
    return None
