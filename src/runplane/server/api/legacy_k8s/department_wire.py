"""Departments on the wire of /v1/k8s."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from runplane.server.api.legacy_k8s.quotas import (
    OldPoolResourcesOut,
    OldSumsOut,
    QuotaMembers,
    present_quotas,
    summed,
)
from runplane.server.api.legacy_k8s.unit_wire import OldProjectOut
from runplane.server.http.operation import Wire
from runplane.server.organization.quotas import UNLIMITED, ResourcesIn, ShareIn
from runplane.server.organization.units.model import Pool
from runplane.server.organization.units.service import View


class OldDepartmentUpdate(QuotaMembers):
    """Everything of a department that can change here: its quotas."""

    allow_over_quota: bool | None = None

    def capped(self, pools: Sequence[Pool]) -> list[ResourcesIn]:
        """As `quotas`; no over-quota means that the limit is the quota, where no limit is named."""
        items = self.quotas(pools)
        if self.allow_over_quota is not False or self.node_pools_resources is not None:
            return items
        for item in items:
            if isinstance(item.gpu, ShareIn) and isinstance(item.gpu.limit, UnsetType):
                item.gpu.limit = item.gpu.deserved
        return items


class OldDepartmentIn(OldDepartmentUpdate, kw_only=True):
    """A department to make, where the address names its cluster."""

    name: str


class OldestDepartmentIn(OldDepartmentIn, kw_only=True):
    """A department to make, where the address names no cluster."""

    cluster_uuid: str


class OldDepartmentOut(Wire):
    """A department. `departmentAdmins` holds ids of users, `projectsDeservedGpus` a number as text."""

    id: int
    name: str
    tenant_id: int
    cluster_uuid: str
    created_at: str
    deserved_gpus: float
    max_allowed_gpus: float
    allow_over_quota: bool
    resources: OldSumsOut
    node_pools_resources: list[OldPoolResourcesOut]
    projects_deserved_gpus: str
    projects: list[OldProjectOut]
    department_admins: list[str] | UnsetType = UNSET


class AdministratorsIn(Wire):
    """Who administers a department: ids of users, or their e-mail addresses."""

    department_id: int | None = None
    department_admins: list[str] | None = None


class AdministratorsOut(Wire):
    """Who administers a department, by id."""

    department_id: int
    department_admins: list[str]


def present_old_department(
    view: View,
    tenant_id: int,
    projects: Sequence[OldProjectOut],
    admins: list[str] | UnsetType,
    *,
    megabytes: bool = False,
) -> OldDepartmentOut:
    """A department and those of its projects that the caller sees, as a reply."""
    row = view.row
    entries = present_quotas(view.quotas, view.pools, megabytes=megabytes)
    gpu = summed(entries).gpu
    return OldDepartmentOut(
        id=row.id,
        name=row.name,
        tenant_id=tenant_id,
        cluster_uuid=row.cluster_id,
        created_at=row.created_at,
        deserved_gpus=gpu.deserved,
        max_allowed_gpus=gpu.max_allowed,
        allow_over_quota=gpu.max_allowed == UNLIMITED or gpu.max_allowed > gpu.deserved,
        resources=summed(entries),
        node_pools_resources=entries,
        projects_deserved_gpus=_promised(projects),
        projects=list(projects),
        department_admins=admins,
    )


def _promised(projects: Sequence[OldProjectOut]) -> str:
    quotas = [it.deserved_gpus for it in projects]
    return f"{UNLIMITED if UNLIMITED in quotas else sum(quotas):.2f}"
