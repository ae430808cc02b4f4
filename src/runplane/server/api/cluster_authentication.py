"""GET /api/v1/cluster-authentication: how to make a cluster's API server take this server's tokens.

All of it follows from public metadata; who asks is signed in only because the console shows it to people who
are. `runplane cluster auth-config` writes the same without asking here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from runplane.protocol.cluster_authentication import AUDIENCE, ClusterAuthentication
from runplane.server.authz.guard import signed_in
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Wire
from runplane.server.identity.service import Identity


class ClusterAuthenticationIn(msgspec.Struct, rename="camel"):
    """Which claim names the user; machines have no e-mail address."""

    username_claim: Literal["email", "sub"] = "email"
    api_version: Literal["v1", "v1beta1"] = "v1"


class ClusterAuthenticationOut(Wire):
    """The same setup in two forms: flags, or a file for --authentication-config."""

    issuer: str
    client_id: str
    algorithms: list[str]
    flags: Annotated[list[str], Meta(description="Of kube-apiserver, one each.")]
    configuration: Annotated[
        str, Meta(description="An AuthenticationConfiguration (apiserver.config.k8s.io) in YAML.")
    ]
    warnings: Annotated[
        list[str], Meta(description="What an API server would refuse, as sentences; empty: nothing.")
    ]


def operations(identity: Identity) -> list[Operation]:
    """The one operation."""
    ops = Operations("/api/v1/cluster-authentication", tag="Clusters")

    @ops.get(
        "",
        allow=signed_in("it holds nothing but what the realm's public metadata says", scoped=True),
        mode=Mode.LOOP,
        query=ClusterAuthenticationIn,
        reply=ClusterAuthenticationOut,
        extension=True,
    )
    async def get_cluster_authentication(call: Call[Any]) -> ClusterAuthenticationOut:
        """Get how to make Kubernetes take the tokens of this server"""
        realm = identity.realms.by_tenant(call.principal.tenant_id)
        found = ClusterAuthentication(realm.issuer, realm.algorithms, call.query.username_claim)
        return ClusterAuthenticationOut(
            issuer=realm.issuer,
            client_id=AUDIENCE,
            algorithms=list(realm.algorithms),
            flags=found.flags(),
            configuration=found.configuration(call.query.api_version),
            warnings=found.warnings(),
        )

    return ops.items
