"""What a node pool is: its specification, the rules its values obey, and which pool a node falls into."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Envelope, Field, Kind, Listing

ACCELERATION_LABEL: Final = "nvidia.com/gpu.clique"
"""The node label that tells of GPU network acceleration where a pool names none: NVIDIA's own."""

DEFAULT_LABEL: Final = ("runai/node-pool", "default")
"""What the default pool shows as its label: the contract allows none to be empty. No node needs it."""

DETECTIONS: Final = ("Use", "DontUse", "Auto")
STRATEGIES: Final = ("spread", "binpack")


class PoolPhase(StrEnum):
    """Phases of the contract that a pool reaches here. Pools go at once, so none is seen deleting."""

    CREATING = "Creating"
    EMPTY = "Empty"
    UNSCHEDULABLE = "Unschedulable"
    READY = "Ready"


MESSAGES: Final[Mapping[PoolPhase, str]] = {
    PoolPhase.CREATING: "The cluster has not reported its nodes yet.",
    PoolPhase.EMPTY: "No node of the cluster is in this pool.",
    PoolPhase.UNSCHEDULABLE: "No node of this pool is ready.",
    PoolPhase.READY: "",
}

NODE_POOLS: Final = Listing(
    "node pools",
    Field("name"),
    Field("clusterId"),
    Field(
        "phase", choices=("Creating", "Updating", "Deleting", "Empty", "Unschedulable", "Ready", "Deleted")
    ),
    Field("createdAt", Kind.TIME),
    Field("updatedAt", Kind.TIME),
    Field("networkTopologyName"),
    Field("gpuNetworkAccelerationDetection", choices=DETECTIONS),
    Field("gpuNetworkAccelerationDetected", Kind.BOOLEAN),
    Field("gpuNetworkAccelerationLabelKey"),
    Field("swapEnabled", Kind.BOOLEAN),
    Field("nodeLevelSchedulerEnabled", Kind.BOOLEAN),
    envelope=Envelope("nodepools"),
)

# A name becomes the value of a node label.
_NAME = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SIZE = re.compile(r"\+?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*")
_RUNTIME = re.compile(r"0|\+?(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h|d|w))+")
_MAX_PREFIX: Final = 253
_MAX_AMOUNT: Final = 64
_MAX_RATIO: Final = 5


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """What an administrator decides about a pool; the defaults are those of the contract."""

    label_key: str = ""
    label_value: str = ""
    over_provisioning_ratio: int = 1
    acceleration_label_key: str | None = None
    acceleration_detection: str = "Auto"
    swap_enabled: bool = False
    node_level_scheduler_enabled: bool = False
    cpu_swap_memory_size: str = "100G"
    reserved_gpu_memory: str = "2G"
    cpu_placement: str = "binpack"
    gpu_placement: str = "binpack"
    min_guaranteed_runtime: str | None = None
    network_topology_id: str | None = None


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A node pool as stored, with the names of its cluster and topology."""

    id: int
    tenant_id: int
    cluster_id: str
    cluster_name: str
    path: str
    name: str
    is_default: bool
    spec: PoolSpec
    network_topology_name: str | None
    acceleration_detected: bool | None
    phase: str
    phase_message: str
    created_by: str
    created_at: Instant
    updated_by: str
    updated_at: Instant


def check_name(name: str) -> str:
    """`name` itself. Raises Invalid for one that cannot be the value of a node label."""
    if _NAME.fullmatch(name) is None:
        raise Invalid(
            "name must be 1 to 63 letters, digits, '-', '_' or '.', and start and end with a letter or digit."
        )
    return name


def check_label_key(key: str, name: str) -> str:
    """`key` itself. Raises Invalid, naming the member `name`, unless Kubernetes takes it as a label key."""
    prefix, slash, last = key.rpartition("/")
    good_prefix = not slash or (len(prefix) <= _MAX_PREFIX and _PREFIX.fullmatch(prefix))
    if not good_prefix or _NAME.fullmatch(last) is None:
        raise Invalid(
            f"{name} must be a Kubernetes label key, such as node-type or example.com/node-type.",
        )
    return key


def check_spec(spec: PoolSpec, *, is_default: bool) -> PoolSpec:
    """`spec` itself. Raises Invalid for the first value that breaks a rule."""
    if is_default and (spec.label_key or spec.label_value):
        raise Invalid(
            "The default node pool has no label: it holds the nodes that no other pool's label claims."
        )
    if not is_default:
        check_label_key(spec.label_key, "labelKey")
        if _NAME.fullmatch(spec.label_value) is None:
            raise Invalid("labelValue must be 1 to 63 letters, digits, '-', '_' or '.'.")
    if spec.acceleration_label_key is not None:
        check_label_key(spec.acceleration_label_key, "gpuNetworkAccelerationLabelKey")
    if not 1 <= spec.over_provisioning_ratio <= _MAX_RATIO:
        raise Invalid(f"overProvisioningRatio must be 1 to {_MAX_RATIO}.")
    for value, name in (
        (spec.cpu_swap_memory_size, "cpuSwapMemorySize"),
        (spec.reserved_gpu_memory, "reservedGpuMemoryForSwapOperations"),
    ):
        if len(value) > _MAX_AMOUNT or _SIZE.fullmatch(value) is None:
            raise Invalid(f"{name} must be a quantity, such as 100G.")
    runtime = spec.min_guaranteed_runtime
    if runtime is not None and (len(runtime) > _MAX_AMOUNT or _RUNTIME.fullmatch(runtime) is None):
        raise Invalid("minGuaranteedRuntime must be a duration, such as 5d8h40m.")
    return spec


@dataclass(frozen=True, slots=True)
class Claim:
    """What decides about membership: a pool, the label it claims nodes by, and its acceleration label."""

    pool_id: int
    is_default: bool
    label_key: str
    label_value: str
    acceleration_key: str


def pool_of(labels: Mapping[str, str], claims: Iterable[Claim]) -> int:
    """The pool of a node with `labels`: of several that claim it the oldest, the default one if none does."""
    default = 0
    for claim in sorted(claims, key=lambda it: it.pool_id):
        if claim.is_default:
            default = claim.pool_id
        elif labels.get(claim.label_key) == claim.label_value:
            return claim.pool_id
    return default


def phase_of(statuses: Iterable[str], *, reported: bool) -> PoolPhase:
    """The phase of a pool from the statuses of its nodes; `reported`: the agent has listed nodes."""
    found = set(statuses)
    if not reported:
        return PoolPhase.CREATING
    if not found:
        return PoolPhase.EMPTY
    return PoolPhase.READY if "Ready" in found else PoolPhase.UNSCHEDULABLE
