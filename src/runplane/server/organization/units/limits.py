"""Changing `resources`, what a change would do, and the switch that limits projects to their department.

Whoever would be over is found with the switch off too: the what-if answers it, only the refusal asks the
switch. `-1` stands for an unlimited amount in what programs read here, because null says "not set" elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Invalid
from runplane.server.organization.quotas import (
    FRESH,
    Excess,
    Quota,
    ResourcesIn,
    Step,
    applied,
    difference,
    exceeding,
    promised,
    together,
    totals,
)
from runplane.server.organization.settings.switches import LIMIT_PROJECTS, is_on
from runplane.server.organization.units import store
from runplane.server.organization.units.access import held, parent_of_project
from runplane.server.organization.units.drafts import placed
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, Pool, UnitKind, UnitRow
from runplane.server.organization.units.quota_rows import store as quota_rows
from runplane.server.sql.unit import Unit


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a change of resources does, or would do.

    `over` is where the projects of `department` are promised more than it has; `refused` says that the
    tenant does not allow that.
    """

    pools: Sequence[Pool]
    after: dict[int, Quota]
    steps: list[Step]
    department: UnitRow
    over: list[Excess]
    refused: bool


def must_fit(
    unit: Unit,
    tenant_id: int,
    kind: UnitKind,
    unit_id: int,
    parent: UnitRow | None,
    quotas: Mapping[int, Quota],
    pools: Sequence[Pool],
) -> None:
    """Raises Invalid when the tenant limits projects to their department and these quotas break that."""
    if is_on(unit, tenant_id, LIMIT_PROJECTS):
        found = over(unit, tenant_id, kind, unit_id, parent, quotas)
        if found:
            raise _too_much(found[0], pools)


def _too_much(excess: Excess, pools: Sequence[Pool]) -> Invalid:
    pool = next(it.name for it in pools if it.id == excess.pool)
    what = {"gpu": "GPUs", "cpu": "CPU millicores", "memory": "MB of memory"}[excess.resource]
    amount = "unlimited" if excess.assigned is None else f"{excess.assigned:g}"
    return Invalid(
        f"The projects of the department would be promised {amount} {what} in node pool {pool}, "
        f"and it has {excess.quota:g}.",
        "The tenant does not let projects exceed their department: raise its quota or lower a project's.",
    )


def over(
    unit: Unit,
    tenant_id: int,
    kind: UnitKind,
    unit_id: int,
    parent: UnitRow | None,
    quotas: Mapping[int, Quota],
) -> list[Excess]:
    """Where projects are promised more than their department has, with `quotas` for this unit.

    Holds the department's row, so that two changes at once see each other.
    """
    if kind is DEPARTMENTS:
        return exceeding(quotas, quota_rows.select_sums(unit, unit_id, quotas, capped=True))
    if parent is None:
        raise RuntimeError(f"project {unit_id} without a department")
    store.hold_unit(unit, DEPARTMENTS, tenant_id, parent.id, unit.now)
    others = quota_rows.select_sums(unit, parent.id, quotas, capped=True, without=unit_id)
    backed = quota_rows.select_quotas(unit, DEPARTMENTS, parent.id)
    return exceeding(backed, together(others, promised([quotas], quotas)))


def change_resources(
    unit: Unit,
    principal: Principal,
    kind: UnitKind,
    text: str,
    items: Sequence[ResourcesIn],
    *,
    whole: bool,
    dry: bool,
) -> tuple[UnitRow, WhatIf]:
    """Replace (`whole`) or merge the quotas of a unit; with `dry` only find out what that would do.

    Raises NotFound, and Invalid for what cannot be.
    """
    row = held(unit, principal, kind, text)
    parent = parent_of_project(unit, principal.tenant_id, row) if kind is PROJECTS else None
    pools = store.select_pools(unit, row.cluster_id)
    stored = quota_rows.select_quotas(unit, kind, row.id)
    before = {it.id: stored.get(it.id, FRESH) for it in pools}
    after = applied(before, placed(items, pools), before, whole=whole)
    if not dry:
        must_fit(unit, principal.tenant_id, kind, row.id, parent, after, pools)
        quota_rows.replace_quotas(unit, kind, row.id, after, totals(after.values()))
        store.update_unit(unit, kind, row.id, {"updated_by": principal.name, "updated_at": unit.now})
        return row, WhatIf(pools, after, difference(before, after), parent or row, [], refused=False)
    found = over(unit, principal.tenant_id, kind, row.id, parent, after)
    refused = bool(found) and is_on(unit, principal.tenant_id, LIMIT_PROJECTS)
    return row, WhatIf(pools, after, difference(before, after), parent or row, found, refused=refused)
