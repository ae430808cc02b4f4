"""Messages between a cluster's agent and the server, in camel case on the wire.

Both sides import this file and nothing of each other. A member that a peer does not know is ignored and an
absent one has a default, so that agents and servers of neighbouring releases understand one another.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

HEARTBEAT_SECONDS: Final = 20
"""Between two heartbeats of an agent."""

REGISTER_PATH: Final = "/internal/agent/v1/register"
HEARTBEAT_PATH: Final = "/internal/agent/v1/heartbeat"

Name = Annotated[str, Meta(min_length=1, max_length=253)]
Word = Annotated[str, Meta(max_length=316)]
Sentence = Annotated[str, Meta(max_length=4096)]
Amount = Annotated[float, Meta(ge=0, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=10**6)]
Bytes = Annotated[int, Meta(ge=0, le=2**60)]


class Message(Struct, rename="camel", kw_only=True):
    """Base of everything that is sent."""


class Condition(Message):
    """One condition of a cluster, in the form Kubernetes gives them."""

    type: Word
    status: Literal["True", "False", "Unknown"]
    reason: Word
    last_transition_time: str
    message: Sentence = ""


class Dependency(Message):
    """Whether something a cluster needs is there."""

    available: bool
    reason: Sentence = ""
    components: dict[str, bool] = {}


class Dependencies(Message):
    """What a cluster cannot and can do without."""

    required: dict[str, Dependency] = {}
    optional: dict[str, Dependency] = {}


class Platform(Message):
    """The kind of Kubernetes."""

    type: Literal["vanilla", "openshift", "rke", "gke", "aks", "eks"] | None = None
    kube_version: Word | None = None


class ClusterConfig(Message):
    """How the cluster is set up."""

    workload_ownership_protection: bool | None = None
    subdomain_enabled: bool | None = None
    ingress_class: Word | None = None


class NodeCondition(Message):
    """One condition of a node."""

    type: Word
    reason: Word
    message: Sentence = ""


class NodeTaint(Message):
    """A taint of a node."""

    key: Word
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    value: Word = ""


class NodeReport(Message):
    """One node. `labels` holds at least those whose keys the server asked for.

    Amounts are null where the agent does not know them; the server then shows none.
    """

    uid: Name
    name: Name
    status: Literal["Ready", "NotReady", "Unknown"]
    created_at: str
    labels: dict[Word, Word] = {}
    conditions: list[NodeCondition] = []
    taints: list[NodeTaint] = []
    gpu_type: Word | None = None
    gpu_count: Count = 0
    nv_link_domain_uid: Word | None = None
    nv_link_clique_id: Word | None = None
    cpu_cores: Amount | None = None
    cpu_memory_bytes: Bytes | None = None
    gpu_memory_bytes: Bytes | None = None
    allocated_gpus: Amount | None = None
    allocated_cpu_cores: Amount | None = None
    allocated_cpu_memory_bytes: Bytes | None = None
    used_cpu_cores: Amount | None = None
    used_cpu_memory_bytes: Bytes | None = None
    used_gpu_memory_bytes: Bytes | None = None
    idle_allocated_gpus: Amount | None = None


class AllocatedAmounts(Message):
    """Some of each resource, null where the agent does not know it."""

    gpus: Amount | None = None
    cpu_cores: Amount | None = None
    memory_bytes: Bytes | None = None


class AllocationReport(Message):
    """What the workloads of a project have and want in a node pool, both by name."""

    project: Name
    node_pool: Name
    allocated: AllocatedAmounts = field(default_factory=AllocatedAmounts)
    allocated_non_preemptible: AllocatedAmounts = field(default_factory=AllocatedAmounts)
    requested: AllocatedAmounts = field(default_factory=AllocatedAmounts)


class StorageClassReport(Message):
    """One storage class."""

    name: Name
    provisioner: Word = ""
    allow_volume_expansion: bool = False
    is_default: bool = False


class Heartbeat(Message):
    """The state of a cluster. Its three lists are whole lists; null means: as I said before.

    A project and pool that is not in `allocations` has not been reported, which is not the same as zero.
    `removed` says that the agent has cleaned up after the server asked it to. `simulated` marks a cluster
    that does not exist.
    """

    version: Word | None = None
    simulated: bool = False
    removed: bool = False
    platform: Platform | None = None
    config: ClusterConfig | None = None
    conditions: list[Condition] = []
    operands: dict[str, Dependency] = {}
    dependencies: Dependencies = field(default_factory=Dependencies)
    nodes: list[NodeReport] | None = None
    storage_classes: list[StorageClassReport] | None = None
    allocations: list[AllocationReport] | None = None


class Directions(Message):
    """What the server answers: how often to speak, and what it wants to know.

    `resync` asks for whole lists, `remove` asks the agent to clean up and then to say `removed`. `labelKeys`
    are the node labels that decide about pools and topologies.
    """

    cluster_id: str
    cluster_name: str
    heartbeat_seconds: int
    resync: bool
    remove: bool
    label_keys: list[str]
