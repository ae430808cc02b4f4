"""`runplane agent simulate`: an agent without a cluster, for demonstrations and tests.

It speaks the agents' real protocol and marks all that it reports as simulated: the cluster, a condition of it
and of every node, a label of every node, and the GPU's name. It reports no use of anything by itself: that
would be an invented number. Who starts it may say how many GPUs projects are to have.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from runplane.protocol.agent import (
    HEARTBEAT_PATH,
    REGISTER_PATH,
    AllocatedAmounts,
    AllocationReport,
    Condition,
    Directions,
    Heartbeat,
    NodeCondition,
    NodeReport,
    Platform,
    StorageClassReport,
)

GPU_TYPE = "Simulated-GPU"
CORES_PER_NODE = 32.0
MEMORY_PER_NODE = 256 * 2**30
MEMORY_PER_GPU = 80 * 2**30
LABEL = "runplane.io/simulated"
# A token is asked for again this long before it ends (seconds).
_EARLY = 60


class AgentRefused(Exception):
    """The server refused the agent; the message is for people and says what to do."""


class Unreachable(Exception):
    """There is no server at the address when the agent starts."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """GPUs that a project is to have in a node pool."""

    project: str
    node_pool: str
    gpus: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """The cluster that is pretended. `labels` go on every node; `allocations` None reports none."""

    cluster: str
    client_secret: str = field(repr=False)
    url: str
    nodes: int
    gpus_per_node: int
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    allocations: Sequence[Allocation] | None = None


class Agent:
    """Keeps a token and speaks for one cluster."""

    def __init__(
        self, simulation: Simulation, client: httpx.Client, clock: Callable[[], float] = time.time
    ) -> None:
        self._simulation = simulation
        self._client = client
        self._clock = clock
        self._token = ""
        self._token_ends = 0.0
        self._born = _instant(clock())

    def register(self) -> Directions:
        """Say that the agent has started. Raises AgentRefused."""
        return self._send(REGISTER_PATH, self._state())

    def heartbeat(self) -> Directions:
        """Say how the cluster is. Raises AgentRefused."""
        return self._send(HEARTBEAT_PATH, self._state())

    def leave(self) -> None:
        """Say that everything has been cleaned up, after the server asked for it. Raises AgentRefused."""
        self._send(HEARTBEAT_PATH, Heartbeat(simulated=True, removed=True))

    def _state(self) -> Heartbeat:
        mark = Condition(
            type="Simulated",
            status="True",
            reason="Simulated",
            last_transition_time=self._born,
            message="This cluster does not exist: runplane agent simulate speaks for it.",
        )
        return Heartbeat(
            simulated=True,
            platform=Platform(type="vanilla", kube_version="simulated"),
            conditions=[mark],
            nodes=[self._node(number) for number in range(1, self._simulation.nodes + 1)],
            storage_classes=[
                StorageClassReport(name="simulated", provisioner="runplane.io/simulated", is_default=True)
            ],
            allocations=self._allocations(),
        )

    def _node(self, number: int) -> NodeReport:
        simulation = self._simulation
        name = f"simulated-{number}"
        return NodeReport(
            uid=str(uuid.uuid5(uuid.UUID(simulation.cluster), name)),
            name=name,
            status="Ready",
            created_at=self._born,
            labels={"kubernetes.io/hostname": name, LABEL: "true", **simulation.labels},
            conditions=[NodeCondition(type="Simulated", reason="Simulated")],
            gpu_type=GPU_TYPE if simulation.gpus_per_node else None,
            gpu_count=simulation.gpus_per_node,
            cpu_cores=CORES_PER_NODE,
            cpu_memory_bytes=MEMORY_PER_NODE,
            gpu_memory_bytes=simulation.gpus_per_node * MEMORY_PER_GPU,
        )

    def _allocations(self) -> list[AllocationReport] | None:
        given = self._simulation.allocations
        if given is None:
            return None
        return [
            AllocationReport(
                project=it.project,
                node_pool=it.node_pool,
                allocated=AllocatedAmounts(gpus=it.gpus),
                requested=AllocatedAmounts(gpus=it.gpus),
            )
            for it in given
        ]

    def _send(self, path: str, message: Heartbeat) -> Directions:
        if self._clock() > self._token_ends - _EARLY:
            self._sign_in()
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        answer = self._client.post(path, content=msgspec.json.encode(message), headers=headers)
        if answer.status_code == 401:
            self._token_ends = 0.0
        return msgspec.json.decode(_checked(answer).content, type=Directions)

    def _sign_in(self) -> None:
        body = {
            "grantType": "client_credentials",
            "clientId": self._simulation.cluster,
            "clientSecret": self._simulation.client_secret,
        }
        answer: dict[str, Any] = _checked(self._client.post("/api/v1/token", json=body)).json()
        self._token, self._token_ends = answer["accessToken"], self._clock() + answer["expiresIn"]


def run(simulation: Simulation, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    """Register and send heartbeats until the server asks the cluster to go.

    Raises AgentRefused and Unreachable. A server that goes away later is asked again at the next heartbeat.
    """
    with httpx.Client(base_url=simulation.url, timeout=30) as client:
        agent = Agent(simulation, client)
        try:
            directions = agent.register()
        except httpx.TransportError as error:
            raise Unreachable(f"There is no server at {simulation.url}: {error}.") from error
        say(
            f"The simulated cluster {directions.cluster_name} is connected: {simulation.nodes} nodes with "
            f"{simulation.gpus_per_node} GPUs each. Stop it with Ctrl+C."
        )
        while not directions.remove:
            sleep(directions.heartbeat_seconds)
            try:
                directions = agent.heartbeat()
            except httpx.TransportError as error:
                say(f"The server cannot be reached ({error}); trying again.")
        agent.leave()
        say(f"The cluster {directions.cluster_name} was removed, as asked.")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        sentence = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        sentence = answer.reason_phrase
    raise AgentRefused(f"The server refused the agent ({answer.status_code}): {sentence}")


def _instant(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
