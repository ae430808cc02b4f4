"""/api/v1/access-keys: machine credentials of one person, by that person."""

from __future__ import annotations

from runplane.server.api._credentials import family
from runplane.server.api._credentials.kinds import ACCESS_KEYS
from runplane.server.http.operation import Operation
from runplane.server.identity.service import Identity


def operations(identity: Identity) -> list[Operation]:
    """The operations of this family (api._credentials.kinds)."""
    return family.operations(ACCESS_KEYS, identity)
