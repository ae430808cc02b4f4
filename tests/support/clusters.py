"""Clusters for tests: made over the API, and agents that speak for them with the real protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from runplane.protocol.agent import HEARTBEAT_PATH, REGISTER_PATH
from support.server import Server


def node(name: str, **members: Any) -> dict[str, Any]:
    """What an agent says of a node with eight GPUs."""
    said = {"uid": f"uid-{name}", "name": name, "status": "Ready", "createdAt": "2026-01-01T00:00:00Z"}
    return {**said, "gpuType": "H100", "gpuCount": 8, **members}


@dataclass(frozen=True)
class TestAgent:
    """The agent of a cluster."""

    __test__ = False

    cluster_id: str
    client: httpx.Client

    def register(self, **said: Any) -> dict[str, Any]:
        """Say that it started; it has to be taken."""
        return self._send(REGISTER_PATH, said)

    def heartbeat(self, **said: Any) -> dict[str, Any]:
        """Say how the cluster is; it has to be taken."""
        return self._send(HEARTBEAT_PATH, said)

    def _send(self, path: str, said: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=said)
        assert answer.status_code == 200, answer.text
        return answer.json()


def secret_of(server: Server, cluster_id: str) -> str:
    """The client secret of a cluster's agent."""
    answer = server.admin.get(f"/api/v1/clusters/{cluster_id}/cluster-install-info?version=2.24")
    assert answer.status_code == 200, answer.text
    return answer.json()["clientSecret"]


def agent_of(server: Server, cluster_id: str) -> TestAgent:
    """An agent that has got its token."""
    token = server.client_token(cluster_id, secret_of(server, cluster_id))
    return TestAgent(cluster_id, server.client(token))


def make_cluster(server: Server, name: str, **members: Any) -> dict[str, Any]:
    """A new cluster."""
    answer = server.admin.post("/api/v1/clusters", json={"name": name, **members})
    assert answer.status_code == 201, answer.text
    return answer.json()
