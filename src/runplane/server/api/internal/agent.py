"""/internal/agent/v1: how the agent of a cluster speaks to the server (cluster.md 4.2); not in the contract.

Only a cluster's own credential opens these, and such a credential opens nothing else.
"""

from __future__ import annotations

from runplane.protocol.agent import HEARTBEAT_PATH, REGISTER_PATH, Directions, Heartbeat
from runplane.server.authz.guard import agent
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, NotAudited, Operation, Operations
from runplane.server.organization.clusters import agent as service


def operations() -> list[Operation]:
    """Registration and heartbeat."""
    ops = Operations("", tag="Agent")

    @ops.post(
        REGISTER_PATH,
        allow=agent("It can speak of its own cluster only: the token names it."),
        body=Heartbeat,
        reply=Directions,
        audit=Audited("cluster", "update"),
        extension=True,
    )
    def register_agent(call: Call[Heartbeat]) -> Directions:
        """Take an agent that just started"""
        answer = service.register(call.unit, call.principal, call.body)
        call.note.target(answer.cluster_id, answer.cluster_name, fields="agent")
        return answer

    @ops.post(
        HEARTBEAT_PATH,
        allow=agent("It can speak of its own cluster only: the token names it."),
        body=Heartbeat,
        reply=Directions,
        audit=NotAudited("It comes three times a minute and changes nothing that people decided."),
        extension=True,
    )
    def heartbeat_agent(call: Call[Heartbeat]) -> Directions:
        """Take the state of a cluster"""
        return service.heartbeat(call.unit, call.principal, call.body)

    return ops.items
