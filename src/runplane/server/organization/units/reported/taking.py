"""Taking in what an agent reports of projects.

A department has what its projects have: the sums are made here, once per report, so that reading one costs
nothing more. A project that moves is counted in its new department from the next report on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runplane.protocol.agent import AllocationReport
from runplane.server.core.errors import Invalid
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, UnitKind
from runplane.server.organization.units.reported import store
from runplane.server.organization.units.reported.model import NOTHING, Reported, Use, added, encoded, use_of
from runplane.server.organization.units.store import select_pools
from runplane.server.sql.unit import Unit


def take_allocations(
    unit: Unit, cluster: ClusterRow, reports: Sequence[AllocationReport], *, simulated: bool
) -> None:
    """Store the whole list of a cluster's allocations.

    What names a project or a pool that is gone by now is left out. Raises Invalid for two entries of one
    project and pool.
    """
    if len({(it.project, it.node_pool) for it in reports}) != len(reports):
        raise Invalid("allocations: two entries have the same project and node pool.")
    pools = {it.name: it.id for it in select_pools(unit, cluster.id)}
    said: dict[str, dict[int, Use]] = {}
    for it in reports:
        if it.node_pool in pools:
            said.setdefault(it.project, {})[pools[it.node_pool]] = use_of(it)
    projects = store.select_projects(unit, cluster.id, said)
    found = {row[0]: Reported(said[row[1]], simulated) for row in projects if row[1] in said}
    _store(unit, PROJECTS, projects, found)
    sums: dict[int, list[Reported]] = {}
    for number, _, department, _ in projects:
        if number in found:
            sums.setdefault(department, []).append(found[number])
    together = {number: Reported(_together(it), simulated) for number, it in sums.items()}
    _store(unit, DEPARTMENTS, store.select_departments(unit, cluster.id), together)


def _together(parts: Iterable[Reported]) -> dict[int, Use]:
    uses: dict[int, list[Use]] = {}
    for it in parts:
        for pool, use in it.pools.items():
            uses.setdefault(pool, []).append(use)
    return {pool: added(it) for pool, it in uses.items()}


def _store(unit: Unit, kind: UnitKind, rows: Iterable[store.Stored], reported: dict[int, Reported]) -> None:
    changes: list[tuple[int, str | None, float | None]] = []
    for number, _, _, stored in rows:
        news = reported.get(number, NOTHING)
        text = encoded(news)
        if text != stored:
            changes.append((number, text, news.total(news.pools).allocated.gpu))
    store.update_reported(unit, kind, changes)
