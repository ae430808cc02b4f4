"""An organization of any size, put into the database in bulk, for `bench.growth` and a test in a browser.

For each 20 projects there is a department; there are as many users as projects and twice as many rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Table, insert, select

from runplane.server.authz.tables import access_rules, scope_nodes
from runplane.server.bootstrap import FIRST_TENANT
from runplane.server.core.ids import new_id
from runplane.server.identity.tables import users
from runplane.server.organization.node_pools.tables import node_pools
from runplane.server.organization.units.tables import (
    department_quotas,
    departments,
    project_quotas,
    projects,
)
from runplane.server.sql.unit import Unit

PASSWORD = "granite-orchid-seven-boats"
LIMITED = "limited@bench.example.com"
"""Sees 40 projects, spread evenly, by a rule for each."""
HEADS = "heads@bench.example.com"
"""Sees 40 projects: all of two departments."""
_VIEWER = 7
_SEEN = 40
_FIRST = 1_000
"""Numbers of units start here: the default department has one already."""
_CHUNK = 5_000


@dataclass(frozen=True)
class Size:
    """How large the organization is."""

    projects: int

    @property
    def departments(self) -> int:
        """How many departments."""
        return self.projects // 20

    @property
    def some(self) -> int:
        """The number of a department in the middle."""
        return _FIRST + self.departments // 2


def seed(unit: Unit, cluster: str, size: Size, password_hash: str | None) -> None:
    """Fill the first tenant, which has one empty cluster. Without a hash no people are made, and no rules."""
    pool = unit.execute(select(node_pools.c.id).where(node_pools.c.cluster_id == cluster)).scalar_one()
    root = f"/{FIRST_TENANT}/{cluster}/"
    born = {"created_at": unit.now, "updated_at": unit.now, "created_by": "bench"}
    shared = {"tenant_id": FIRST_TENANT, "cluster_id": cluster, "description": "", "total_gpu_quota": 0.0}
    shared |= {"updated_by": "bench", **born}
    paths = {it: f"{root}d{it}/" for it in range(_FIRST, _FIRST + size.departments)}
    _put(
        unit,
        departments,
        (
            {**shared, "id": it, "name": f"department-{it:06d}", "path": path, "is_default": False}
            for it, path in paths.items()
        ),
    )
    _put(unit, department_quotas, (_quota(it, pool) for it in paths))
    numbers = range(_FIRST, _FIRST + size.projects)
    above = {it: _FIRST + it % size.departments for it in numbers}
    project_paths = {it: f"{paths[parent]}p{it}/" for it, parent in above.items()}
    _put(
        unit,
        projects,
        (
            {**shared, "id": it, "name": f"project-{it:06d}", "path": path, "department_id": above[it],
             "namespace": f"runai-project-{it:06d}", "enforce_scheduler": True, "phase": "Creating"}
            for it, path in project_paths.items()
        ),
    )  # fmt: skip
    _put(unit, project_quotas, (_quota(it, pool) for it in numbers))
    _put(unit, scope_nodes, _nodes("department", paths))
    _put(unit, scope_nodes, _nodes("project", project_paths))
    if password_hash is not None:
        _people(unit, size, {"project": project_paths, "department": paths}, password_hash, born)
    unit.changed(FIRST_TENANT)


def _put(unit: Unit, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    waiting = iter(rows)
    while chunk := list(islice(waiting, _CHUNK)):
        unit.execute(insert(table), chunk)


def _quota(unit_id: int, pool: int) -> dict[str, Any]:
    return {"unit_id": unit_id, "node_pool_id": pool, "gpu_deserved": 0.0}


def _nodes(kind: str, paths: dict[int, str]) -> Iterator[dict[str, Any]]:
    for number, path in paths.items():
        yield {
            "type": kind,
            "ref": str(number),
            "tenant_id": FIRST_TENANT,
            "name": f"{kind}-{number:06d}",
            "path": path,
        }


def _people(
    unit: Unit, size: Size, paths: dict[str, dict[int, str]], password_hash: str, born: dict[str, Any]
) -> None:
    """As many people as projects with two rules each, and the two who see 40 projects."""
    seeing = (LIMITED, HEADS)
    emails = [*seeing, *(f"person-{number:06d}@bench.example.com" for number in range(size.projects))]
    _put(
        unit,
        users,
        (
            {"id": new_id(), "tenant_id": FIRST_TENANT, "email": it, "email_key": it, "is_local": True,
             "enabled": True, "password_hash": password_hash if it in seeing else None,
             "created_by": "bench", "created_at": unit.now, "updated_at": unit.now}
            for it in emails
        ),
    )  # fmt: skip
    numbers, above = list(paths["project"]), list(paths["department"])
    given = [(LIMITED, "project", it) for it in numbers[:: len(numbers) // _SEEN][:_SEEN]]
    given += [(HEADS, "department", it) for it in (above[0], above[len(above) // 2])]
    for index, email in enumerate(emails[len(seeing) :]):
        given += [(email, "project", numbers[index]), (email, "project", numbers[index - 1])]
    _put(
        unit,
        access_rules,
        (
            {**born, "tenant_id": FIRST_TENANT, "subject_id": email, "subject_type": "user",
             "subject_kind": "user", "subject_key": email, "role_id": _VIEWER, "role_name": "Viewer",
             "scope_type": kind, "scope_id": str(number), "scope_name": f"{kind}-{number:06d}",
             "scope_path": paths[kind][number], "cluster_id": paths[kind][number].split("/")[2]}
            for email, kind, number in given
        ),
    )  # fmt: skip
