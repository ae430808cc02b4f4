"""/api/v1/service-accounts: machine credentials of the organization."""

from __future__ import annotations

from runplane.server.api._credentials import family
from runplane.server.api._credentials.kinds import SERVICE_ACCOUNTS
from runplane.server.http.operation import Operation
from runplane.server.identity.service import Identity


def operations(identity: Identity) -> list[Operation]:
    """The operations of this family (api._credentials.kinds)."""
    return family.operations(SERVICE_ACCOUNTS, identity)
