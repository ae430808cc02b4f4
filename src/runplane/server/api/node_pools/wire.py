"""Node pools on the wire.

The contract has the placement strategy twice, once deprecated beside the specification and once in
`schedulingConfiguration`, which wins where both are given; answers carry both. The default pool needs no
label, and shows one only because the contract leaves no room for an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire
from runplane.server.organization.node_pools.model import DEFAULT_LABEL, PoolRow, PoolSpec

OFFICIAL_CLIENT: Final = "runai-api-client-python/"
"""How runapy begins its User-Agent."""
CLIENT_DEFAULTS: Final[Mapping[str, Any]] = {"over_provisioning_ratio": 1, "acceleration_detection": "Auto"}
"""What runapy's model of an update sends although nobody wrote it, by member of PoolSpec."""

Strategy = Literal["spread", "binpack"] | None
Detection = Literal["Use", "DontUse", "Auto"] | None
Size = Annotated[str, Meta(examples=["100G"])] | None


class Placement(Wire):
    """How workloads are spread over nodes."""

    cpu: Strategy | UnsetType = UNSET
    gpu: Strategy | UnsetType = UNSET


class GpuOptimization(Wire):
    """Swapping of GPU memory, and scheduling within a node."""

    swap_enabled: bool | UnsetType | None = UNSET
    cpu_swap_memory_size: Size | UnsetType = UNSET
    reserved_gpu_memory_for_swap_operations: Size | UnsetType = UNSET
    node_level_scheduler_enabled: bool | UnsetType | None = UNSET


class Scheduling(Wire):
    """How the pool schedules."""

    placement_strategy: Placement | UnsetType | None = UNSET
    min_guaranteed_runtime: Annotated[str, Meta(examples=["5d8h40m"])] | UnsetType | None = UNSET


class PoolChanges(Wire):
    """The specification of a pool, or parts of it; null is the default of a member."""

    label_key: str | UnsetType | None = UNSET
    label_value: str | UnsetType | None = UNSET
    over_provisioning_ratio: int | UnsetType | None = UNSET
    placement_strategy: Placement | UnsetType | None = UNSET
    gpu_network_acceleration_label_key: str | UnsetType | None = UNSET
    gpu_network_acceleration_detection: Detection | UnsetType = UNSET
    gpu_resource_optimization: GpuOptimization | UnsetType | None = UNSET
    scheduling_configuration: Scheduling | UnsetType | None = UNSET
    network_topology_id: str | UnsetType | None = UNSET

    def changes(self) -> dict[str, Any]:
        """Members of PoolSpec and their new values; None stands for the default."""
        found = {
            "label_key": self.label_key,
            "label_value": self.label_value,
            "over_provisioning_ratio": self.over_provisioning_ratio,
            "acceleration_label_key": self.gpu_network_acceleration_label_key,
            "acceleration_detection": self.gpu_network_acceleration_detection,
            "network_topology_id": self.network_topology_id,
            **_placement(self.placement_strategy),
            **_optimization(self.gpu_resource_optimization),
            **_scheduling(self.scheduling_configuration),
        }
        return {name: value for name, value in found.items() if value is not UNSET}

    def meant(self, user_agent: str) -> dict[str, Any]:
        """`changes` of a PATCH, without what the caller did not write.

        The official client's model sends two defaults with every update. They would undo what somebody has
        set, so where its program sends both, one that is the default counts as absent. Whoever sends one of
        them alone, replaces the whole specification, or calls with any other program is taken at their word.
        """
        found = self.changes()
        if not user_agent.startswith(OFFICIAL_CLIENT) or not found.keys() >= CLIENT_DEFAULTS.keys():
            return found
        return {name: value for name, value in found.items() if CLIENT_DEFAULTS.get(name, UNSET) != value}


class PoolIn(Wire):
    """A pool to make."""

    name: str
    label_key: str
    label_value: str
    cluster_id: str
    over_provisioning_ratio: int | None = None
    placement_strategy: Placement | None = None
    gpu_network_acceleration_label_key: str | None = None
    gpu_network_acceleration_detection: Detection = None
    gpu_resource_optimization: GpuOptimization | None = None
    scheduling_configuration: Scheduling | None = None
    network_topology_id: str | None = None

    def changes(self) -> dict[str, Any]:
        """As `PoolChanges.changes`."""
        return PoolChanges(
            label_key=self.label_key,
            label_value=self.label_value,
            over_provisioning_ratio=self.over_provisioning_ratio,
            placement_strategy=UNSET if self.placement_strategy is None else self.placement_strategy,
            gpu_network_acceleration_label_key=self.gpu_network_acceleration_label_key,
            gpu_network_acceleration_detection=self.gpu_network_acceleration_detection,
            gpu_resource_optimization=self.gpu_resource_optimization,
            scheduling_configuration=UNSET
            if self.scheduling_configuration is None
            else self.scheduling_configuration,
            network_topology_id=self.network_topology_id,
        ).changes()


class PlacementOut(Wire):
    """How workloads are spread over nodes."""

    cpu: str
    gpu: str


class GpuOptimizationOut(Wire):
    """Swapping of GPU memory, and scheduling within a node."""

    swap_enabled: bool
    cpu_swap_memory_size: str
    reserved_gpu_memory_for_swap_operations: str
    node_level_scheduler_enabled: bool


class SchedulingOut(Wire):
    """How the pool schedules."""

    placement_strategy: PlacementOut
    min_guaranteed_runtime: str | None


class PoolConditionOut(Wire):
    """Something about a pool that people should know, and the nodes it is about."""

    type: str
    reason: str
    message: str
    status: str
    nodes: list[str]


class PoolStatusOut(Wire):
    """What the pool is in the cluster, as far as nodes tell."""

    label_key: str
    label_value: str
    over_provisioning_ratio: int
    placement_strategy: PlacementOut
    gpu_network_acceleration_detection: str
    gpu_resource_optimization: GpuOptimizationOut
    scheduling_configuration: SchedulingOut
    conditions: list[PoolConditionOut]
    nodes: list[str]
    # left out until a node of the pool has been reported
    gpu_network_acceleration_detected: bool | UnsetType = UNSET
    gpu_network_acceleration_label_key: str | UnsetType = UNSET


class PoolOut(Wire):
    """A node pool."""

    id: str
    tenant_id: int
    name: str
    cluster_id: str
    cluster_name: str
    is_default: bool
    label_key: str
    label_value: str
    over_provisioning_ratio: int
    placement_strategy: PlacementOut
    gpu_network_acceleration_detection: str
    network_topology_name: str | None
    network_topology_id: str | None
    gpu_resource_optimization: GpuOptimizationOut
    scheduling_configuration: SchedulingOut
    phase: str
    phase_message: str
    status: PoolStatusOut
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str
    deleted_at: str | None
    gpu_network_acceleration_label_key: str | UnsetType = UNSET


class PoolsOut(Wire):
    """A page of node pools."""

    nodepools: list[PoolOut]


class PoolCountOut(Wire):
    """How many node pools there are."""

    count: int


def present(row: PoolRow, nodes: list[str]) -> PoolOut:
    """A pool and the names of its nodes as a reply."""
    shared = _present_spec(row)
    detected = row.acceleration_detected
    return PoolOut(
        **shared,
        id=str(row.id),
        tenant_id=row.tenant_id,
        name=row.name,
        cluster_id=row.cluster_id,
        cluster_name=row.cluster_name,
        is_default=row.is_default,
        network_topology_name=row.network_topology_name,
        network_topology_id=row.spec.network_topology_id,
        phase=row.phase,
        phase_message=row.phase_message,
        status=PoolStatusOut(
            **shared,
            conditions=[],
            nodes=nodes,
            gpu_network_acceleration_detected=UNSET if detected is None else detected,
        ),
        created_by=row.created_by,
        created_at=row.created_at,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
        deleted_at=None,
    )


def _present_spec(row: PoolRow) -> dict[str, Any]:
    """What the pool and its status have in common."""
    spec = row.spec
    placement = PlacementOut(cpu=spec.cpu_placement, gpu=spec.gpu_placement)
    label = DEFAULT_LABEL if row.is_default else (spec.label_key, spec.label_value)
    return {
        "label_key": label[0],
        "label_value": label[1],
        "over_provisioning_ratio": spec.over_provisioning_ratio,
        "placement_strategy": placement,
        "gpu_network_acceleration_detection": spec.acceleration_detection,
        "gpu_network_acceleration_label_key": spec.acceleration_label_key or UNSET,
        "gpu_resource_optimization": _present_optimization(spec),
        "scheduling_configuration": SchedulingOut(
            placement_strategy=placement, min_guaranteed_runtime=spec.min_guaranteed_runtime
        ),
    }


def _present_optimization(spec: PoolSpec) -> GpuOptimizationOut:
    return GpuOptimizationOut(
        swap_enabled=spec.swap_enabled,
        cpu_swap_memory_size=spec.cpu_swap_memory_size,
        reserved_gpu_memory_for_swap_operations=spec.reserved_gpu_memory,
        node_level_scheduler_enabled=spec.node_level_scheduler_enabled,
    )


def _placement(given: Placement | UnsetType | None) -> dict[str, Any]:
    if isinstance(given, UnsetType):
        return {}
    given = given or Placement(cpu=None, gpu=None)
    found = {"cpu_placement": given.cpu, "gpu_placement": given.gpu}
    return {name: value for name, value in found.items() if value is not UNSET}


def _optimization(given: GpuOptimization | UnsetType | None) -> dict[str, Any]:
    if isinstance(given, UnsetType):
        return {}
    if given is None:
        given = GpuOptimization(
            swap_enabled=None,
            cpu_swap_memory_size=None,
            reserved_gpu_memory_for_swap_operations=None,
            node_level_scheduler_enabled=None,
        )
    return {
        "swap_enabled": given.swap_enabled,
        "cpu_swap_memory_size": given.cpu_swap_memory_size,
        "reserved_gpu_memory": given.reserved_gpu_memory_for_swap_operations,
        "node_level_scheduler_enabled": given.node_level_scheduler_enabled,
    }


def _scheduling(given: Scheduling | UnsetType | None) -> dict[str, Any]:
    if isinstance(given, UnsetType):
        return {}
    given = given or Scheduling(placement_strategy=None, min_guaranteed_runtime=None)
    return {"min_guaranteed_runtime": given.min_guaranteed_runtime, **_placement(given.placement_strategy)}
