"""Permission sets: the pieces custom roles are put together from, two per entity (`GET …/permission-sets`).

`<entity>ReadAccess` is view of the entity. `<entity>EditAccess` is every action that exists for it plus view
of what one must see to use them, so that a role of one set works by itself. Something that is only ever read
(nodes, event history) has no EditAccess: it would add nothing to ReadAccess.

Ids are derived from the names (UUIDv5), so every installation has the same ones and scripts may keep them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid5

from runplane.server.authz import permissions as p
from runplane.server.authz.catalogue import ENTITIES, Entity

# Drawn once at random. Changing it changes every id.
_NAMESPACE: Final = UUID("ad5a52c9-833d-4b4a-8494-070d4f7013c2")


@dataclass(frozen=True, eq=False, slots=True)
class PermissionSet:
    """A named bundle of permissions."""

    id: str
    name: str
    description: str
    permissions: frozenset[p.Permission]


# Where an object lives: a form that makes one lets people choose among these.
_PLACES: Final = ("account", "clusters", "departments", "projects")
_STORAGE: Final = ("dataSources", "dataVolumes", "pvc", "storageClassConfigurations")
_INGREDIENTS: Final = ("environments", "computeResources", "credentials", "registries", *_STORAGE)
_RUNNING: Final = (
    *_PLACES,
    *_INGREDIENTS,
    "nodePools",
    "policies",
    "templates",
    "workload",
    "workloadProperties",
)

# What editing an entity needs to see, by slug; an entity that is not here needs nothing else.
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "departments": ("account", "clusters", "nodePools"),
    "projects": ("account", "clusters", "departments", "nodePools"),
    "policies": _PLACES,
    "networkTopologies": ("clusters", "nodes"),
    "clusters": ("account",),
    "nodePools": ("clusters", "networkTopologies", "nodes"),
    "accessRules": (*_PLACES, "applications", "roles", "serviceAccounts", "users"),
    "inference": _RUNNING,
    "training": _RUNNING,
    "workload": _RUNNING,
    "workspace": _RUNNING,
    "computeResources": (*_PLACES, "policies"),
    "credentials": _PLACES,
    "dataSources": (*_PLACES, "credentials", "policies", "pvc"),
    "dataVolumes": (*_PLACES, "pvc"),
    "environments": (*_PLACES, "credentials", "policies", "registries"),
    "pvc": (*_PLACES, "policies", "storageClassConfigurations"),
    "registries": (*_PLACES, "credentials"),
    "storageClassConfigurations": ("account", "clusters"),
    "templates": (*_PLACES, *_INGREDIENTS, "policies"),
}

_BY_SLUG: Final[Mapping[str, Entity]] = MappingProxyType({it.slug: it for it in ENTITIES})


def _made(name: str, description: str, held: frozenset[p.Permission]) -> PermissionSet:
    return PermissionSet(str(uuid5(_NAMESPACE, name)), name, description, held)


def _sets_of(slug: str, title: str, entities: tuple[Entity, ...]) -> list[PermissionSet]:
    """The EditAccess (where there is something to edit) and ReadAccess of `entities` taken together."""
    view = frozenset[p.Permission]().union(*(it.view() for it in entities))
    full = frozenset[p.Permission]().union(*(it.full() for it in entities))
    needed = {need for it in entities for need in _NEEDS.get(it.slug, ())}
    seen = frozenset[p.Permission]().union(*(_BY_SLUG[it].view() for it in needed))
    read = _made(f"{slug}ReadAccess", f"Read access to {title}.", view)
    if full == view:
        return [read]
    also = ", and read access to what using them needs" if seen else ""
    edit = _made(f"{slug}EditAccess", f"Full access to {title}{also}.", full | seen)
    return [edit, read]


def _plain(title: str) -> str:
    """`title` inside a sentence: abbreviations stay as they are."""
    if title == "Account":
        return "the account"
    return title if title.isupper() else title[0].lower() + title[1:]


def _build() -> tuple[PermissionSet, ...]:
    sets = [made for it in ENTITIES for made in _sets_of(it.slug, _plain(it.title), (it,))]
    storage = tuple(_BY_SLUG[slug] for slug in _STORAGE)
    sets += _sets_of("dataAndStorage", "data sources, volumes and storage classes together", storage)
    return tuple(sorted(sets, key=lambda it: it.name.lower()))


# In order of name: the order of every answer that lists them.
PERMISSION_SETS: Final[tuple[PermissionSet, ...]] = _build()
_BY_ID: Final[Mapping[str, PermissionSet]] = MappingProxyType({it.id: it for it in PERMISSION_SETS})


def permission_set(set_id: str) -> PermissionSet | None:
    """The permission set of that id in any letter case, None when there is none."""
    return _BY_ID.get(set_id.lower())


def granted_by(set_ids: Iterable[str]) -> frozenset[p.Permission]:
    """What permission sets grant together; an id that no longer exists grants nothing."""
    held: set[p.Permission] = set()
    for set_id in set_ids:
        entry = permission_set(set_id)
        if entry is not None:
            held |= entry.permissions
    return frozenset(held)
