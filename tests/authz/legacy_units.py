"""The old addresses of the organization in the matrix: a cluster in front, and what lies in it behind.

What an address names is at a place; the cluster in front of it is the one that place lies in. Where the
cluster is all the address names, creating needs a place in the body (a department) or takes the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from authz import org_units
from authz.oracle import Target, above
from authz.world import CLUSTER, FIRST_TENANT, PLACES, SECOND_CLUSTER, tenant_of

OLDEST = ("/v1/k8s/projects", "/v1/k8s/departments")
IN_CLUSTER = "/v1/k8s/clusters"
_NOWHERE = "0198c0de-0000-7000-8000-00000000ffff"
_MAKES = re.compile(r"/v1/k8s/(?:clusters/\{clusterId\}/)?(projects|departments)\Z")


def ours(operation: Any) -> bool:
    """Whether these rules are about the operation."""
    return operation.path.startswith((*OLDEST, IN_CLUSTER))


def collection(operation: Any) -> str | None:
    """The collection of the last thing that the address names."""
    found = re.findall(r"([^/]+)/\{", operation.path)
    return found[-1] if found else None


def targets(operation: Any, named: str | None) -> Iterator[tuple[str, Target | None]]:
    """What requests act on."""
    made = _MAKES.match(operation.path) if operation.method == "POST" else None
    if made is not None:
        yield from org_units.of_a_creation(made[1])
    elif named in org_units.KINDS:
        yield from org_units.of_one(operation, named)
    elif named is None:
        yield "the collection", None
    else:
        for place, (kind, _, _) in PLACES.items():
            if kind == "cluster":
                yield place, Target(place=place, of_cluster=True)


def cluster_of(asked: Any) -> str:
    """The cluster of an address or body; it exists where the thing inside is what does not."""
    here = [PLACES[it] for it in above(asked.place) if PLACES[it][0] == "cluster"]
    if not here:
        return CLUSTER if tenant_of(asked.place) == FIRST_TENANT else SECOND_CLUSTER
    inside = PLACES[asked.place][0] != "cluster"
    return here[0][1] if inside or not asked.nowhere else _NOWHERE


def address(operation: Any, asked: Any) -> str:
    """The address of a request. What it names last is what the request acts on."""
    *clusters, last = re.findall(r"\{[^}]+\}", operation.path) or [""]
    found = operation.path
    for parameter in clusters:
        found = found.replace(parameter, cluster_of(asked))
    if not last:
        return found
    if _MAKES.match(operation.path):
        return found.replace(last, cluster_of(asked))
    return found.replace(last, asked.id)


def value(operation: Any, name: str, asked: Any) -> Any:
    """What a member has to be in this family; None for the rest."""
    if not ours(operation):
        return None
    if name == "clusterUuid":
        return cluster_of(asked)
    if operation.id == "updateDepartmentAdmins" and name == "departmentId":
        return int(asked.id)
    return int(org_units.parent_id(asked) or 0) if name == "departmentId" else None


def more(operation: Any) -> tuple[str, ...]:
    """Members that a body needs although nothing says that they are required."""
    return ("name", "labelKey", "labelValue") if operation.id == "createNodePool" else ()
