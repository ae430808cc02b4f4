"""Rules of departments and projects: how they are made, changed, moved and deleted.

What a project may have depends on its department, so every change of either holds the department's row first
where the tenant limits projects to it; two changes at once can then not both use the last GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runplane.server.authz import tree
from runplane.server.authz.explain import refusal
from runplane.server.authz.permissions import CREATE, PROJECT, READ, permission
from runplane.server.authz.principal import Principal
from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Page, cut
from runplane.server.core.scope import ScopeSet, child_path
from runplane.server.organization.clusters.access import must_stay
from runplane.server.organization.clusters.store import select_cluster
from runplane.server.organization.quotas import FRESH, Quota, ResourcesIn, Totals, applied, totals
from runplane.server.organization.settings.switches import USE_DEPARTMENTS, is_on
from runplane.server.organization.units import store
from runplane.server.organization.units.access import (
    cluster_node,
    department,
    held,
    parent_of,
    parent_of_project,
    silent_since,
    unknown,
    visible,
)
from runplane.server.organization.units.drafts import Draft, Wishes, placed, traits
from runplane.server.organization.units.limits import must_fit
from runplane.server.organization.units.model import (
    CREATING,
    DEPARTMENTS,
    PROJECTS,
    Pool,
    UnitKind,
    UnitRow,
    check_name,
    namespace_of,
)
from runplane.server.organization.units.quota_rows import store as quota_rows
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_SEES_PROJECTS = permission(READ, PROJECT)
_MAKES_PROJECTS = permission(CREATE, PROJECT)


@dataclass(frozen=True, slots=True)
class View:
    """A unit with what the API shows of it beside its own row.

    `quotas` has every pool of the cluster. `parent` is a project's department; `children` (number, name) and
    `promised` are a department's, of one that is read by itself.
    """

    row: UnitRow
    pools: Sequence[Pool]
    quotas: dict[int, Quota]
    parent: UnitRow | None = None
    children: Sequence[tuple[int, str]] | None = None
    promised: dict[int, Totals] | None = None


def _complete(stored: dict[int, Quota], pools: Sequence[Pool]) -> dict[int, Quota]:
    return {pool.id: stored.get(pool.id, FRESH) for pool in pools}


def _narrowing(principal: Principal, scopes: ScopeSet) -> ScopeSet | None:
    # The tenant's whole needs no range of paths, and the plain order of numbers is then the shortest way.
    return None if scopes.contains(principal.tenant_path) else scopes


def list_units(
    unit: Unit, principal: Principal, kind: UnitKind, scopes: ScopeSet, page: Page
) -> tuple[list[View], int | None]:
    """A page of the units in `scopes`, and the offset of the next page if there is one."""
    found = store.select_units(
        unit, kind, principal.tenant_id, page, _narrowing(principal, scopes), silent_since(unit.now)
    )
    rows, following = cut(page, found)
    quotas = quota_rows.select_quotas_of(unit, kind, (row.id for row in rows))
    pools = store.select_pools_of(unit, (row.cluster_id for row in rows))
    parents: dict[int, UnitRow] = {}
    if kind is PROJECTS:
        parents = store.select_departments(unit, (row.department_id or 0 for row in rows))
    views = [
        View(
            row,
            pools[row.cluster_id],
            _complete(quotas[row.id], pools[row.cluster_id]),
            parent=parents.get(row.department_id or 0),
        )
        for row in rows
    ]
    return views, following


def count_units(unit: Unit, principal: Principal, kind: UnitKind, scopes: ScopeSet, page: Page) -> int:
    """How many units `list_units` finds on all pages."""
    narrowed = _narrowing(principal, scopes)
    return store.count_units(unit, kind, principal.tenant_id, page, narrowed, silent_since(unit.now))


def get_unit(reader: Reader, principal: Principal, kind: UnitKind, text: str, now: Instant) -> View:
    """One unit. Raises NotFound."""
    return _view(reader, principal, kind, visible(reader, principal, kind, text, silent_since(now)))


def _view(reader: Reader, principal: Principal, kind: UnitKind, row: UnitRow) -> View:
    pools = store.select_pools(reader, row.cluster_id)
    quotas = _complete(quota_rows.select_quotas(reader, kind, row.id), pools)
    if kind is PROJECTS:
        return View(row, pools, quotas, parent=parent_of_project(reader, principal.tenant_id, row))
    # The names of projects are shown to those who may read projects.
    sees = principal.grants.scopes(_SEES_PROJECTS)
    children = [(it[0], it[1]) for it in store.select_children(reader, row.id) if sees.contains(it[2])]
    promised = quota_rows.select_sums(reader, row.id, quotas, capped=False)
    return View(row, pools, quotas, children=children, promised=promised)


def create_department(unit: Unit, principal: Principal, draft: Draft) -> View:
    """Make a department. Raises Invalid, NotFound, AlreadyExists."""
    check_name(draft.name)
    if not is_on(unit, principal.tenant_id, USE_DEPARTMENTS):
        raise Invalid(_SWITCHED_OFF, f"Turn the setting {USE_DEPARTMENTS.key} on to make departments.")
    cluster = cluster_node(unit, principal, draft.cluster_id)
    return _create(unit, principal, DEPARTMENTS, cluster, draft, {"is_default": False})


def create_project(
    unit: Unit,
    principal: Principal,
    draft: Draft,
    *,
    parent_id: str | None,
    requested_namespace: str | None,
    enforce_scheduler: bool,
) -> View:
    """Make a project in a department. Raises Invalid, NotFound, AlreadyExists."""
    check_name(draft.name)
    namespace = namespace_of(draft.name, requested_namespace)
    parent = parent_of(unit, principal, draft.cluster_id, parent_id)
    _must_be_in_use(unit, principal.tenant_id, parent)
    own = {
        "department_id": parent.id,
        "requested_namespace": requested_namespace,
        "namespace": namespace,
        "enforce_scheduler": enforce_scheduler,
        "phase": CREATING,
        "phase_updated_at": unit.now,
    }
    above = tree.Node(DEPARTMENTS.scope, str(parent.id), parent.name, parent.path)
    return _create(unit, principal, PROJECTS, above, draft, own, parent)


_SWITCHED_OFF = "Departments are switched off in this tenant: every project belongs to the default one."


def _must_be_in_use(unit: Unit, tenant_id: int, parent: UnitRow) -> None:
    if not parent.is_default and not is_on(unit, tenant_id, USE_DEPARTMENTS):
        raise Invalid(_SWITCHED_OFF, "Leave parentId out, or turn the setting department.use on.")


def _create(
    unit: Unit,
    principal: Principal,
    kind: UnitKind,
    above: tree.Node,
    draft: Draft,
    own: dict[str, Any],
    parent: UnitRow | None = None,
) -> View:
    # Held, so that the place of the new unit neither moves nor goes while it is being made.
    if tree.hold(unit, principal.tenant_id, above.type, above.ref) is None:
        raise Invalid(f"The {above.type} {above.name} has just been deleted.")
    cluster_id = parent.cluster_id if parent is not None else above.ref
    cluster = select_cluster(unit, principal.tenant_id, cluster_id)
    if cluster is not None:
        must_stay(cluster)
    pools = store.select_pools(unit, cluster_id)
    quotas = applied({}, placed(draft.resources, pools), [it.id for it in pools], whole=True)
    values = {
        "tenant_id": principal.tenant_id,
        "cluster_id": cluster_id,
        "name": draft.name,
        # its last part is the number, which the insertion gives
        "path": above.path,
        **traits(draft.wishes, pools, parent).values(),
        **own,
        "created_by": principal.name,
        "created_at": unit.now,
        "updated_by": principal.name,
        "updated_at": unit.now,
    }
    number = store.insert_unit(unit, kind, values)
    node = tree.add(unit, principal.tenant_id, kind.scope, str(number), draft.name, above.path)
    store.update_unit(unit, kind, number, {"path": node.path})
    must_fit(unit, principal.tenant_id, kind, number, parent, quotas, pools)
    quota_rows.replace_quotas(unit, kind, number, quotas, totals(quotas.values()))
    return _stored(unit, principal, kind, number)


def _stored(unit: Unit, principal: Principal, kind: UnitKind, number: int) -> View:
    row = store.select_unit(unit, kind, principal.tenant_id, number, silent_since(unit.now))
    if row is None:
        raise RuntimeError(f"{kind.noun} {number} is not there after it was written")
    return _view(unit, principal, kind, row)


def update_unit(
    unit: Unit,
    principal: Principal,
    kind: UnitKind,
    text: str,
    wishes: Wishes,
    resources: Sequence[ResourcesIn],
    *,
    parent_id: str | None = None,
    enforce_scheduler: bool | None = None,
) -> View:
    """Replace everything of a unit that can change; `parent_id` moves a project.

    Raises Invalid, NotFound, and Forbidden for a move to where the caller may not create projects.
    """
    row = held(unit, principal, kind, text)
    parent = parent_of_project(unit, principal.tenant_id, row) if kind is PROJECTS else None
    if parent is not None and parent_id is not None and parent_id != str(parent.id):
        parent = _move(unit, principal, row, parent_id)
    pools = store.select_pools(unit, row.cluster_id)
    quotas = applied({}, placed(resources, pools), [it.id for it in pools], whole=True)
    values = {
        **traits(wishes, pools, parent).values(),
        "updated_by": principal.name,
        "updated_at": unit.now,
    }
    if enforce_scheduler is not None:
        values["enforce_scheduler"] = enforce_scheduler
    must_fit(unit, principal.tenant_id, kind, row.id, parent, quotas, pools)
    store.update_unit(unit, kind, row.id, values)
    quota_rows.replace_quotas(unit, kind, row.id, quotas, totals(quotas.values()))
    return _stored(unit, principal, kind, row.id)


def _move(unit: Unit, principal: Principal, row: UnitRow, parent_id: str) -> UnitRow:
    """Put a project into another department; who may do what in it follows with the commit."""
    target = department(unit, principal, parent_id)
    if target.cluster_id != row.cluster_id:
        raise Invalid("A project cannot move to a department of another cluster.")
    _must_be_in_use(unit, principal.tenant_id, target)
    if not principal.grants.allows(_MAKES_PROJECTS, target.path):
        raise refusal(_MAKES_PROJECTS, principal, target.path)
    if tree.hold(unit, principal.tenant_id, DEPARTMENTS.scope, str(target.id)) is None:
        raise unknown(DEPARTMENTS, parent_id)
    tree.move(unit, principal.tenant_id, PROJECTS.scope, str(row.id), target.path)
    path = child_path(target.path, PROJECTS.scope, str(row.id))
    store.update_unit(unit, PROJECTS, row.id, {"path": path, "department_id": target.id})
    return target


def delete_unit(unit: Unit, principal: Principal, kind: UnitKind, text: str) -> UnitRow:
    """Delete a unit; a department goes with its projects. Access rules on them are marked deleted.

    Raises NotFound, and Invalid for the default department of a cluster.
    """
    row = held(unit, principal, kind, text)
    if row.is_default:
        raise Invalid(
            "The default department cannot be deleted: projects that name no department belong to it.",
            "It goes when its cluster is deleted.",
        )
    tree.remove(unit, principal.tenant_id, kind.scope, str(row.id), principal.name)
    store.delete_unit(unit, kind, row.id)
    return row
