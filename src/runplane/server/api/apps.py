"""/api/v1/apps: service accounts under their older name; the same rows."""

from __future__ import annotations

from runplane.server.api._credentials import family
from runplane.server.api._credentials.kinds import APPLICATIONS
from runplane.server.http.operation import Operation
from runplane.server.identity.service import Identity


def operations(identity: Identity) -> list[Operation]:
    """The operations of this family (api._credentials.kinds)."""
    return family.operations(APPLICATIONS, identity)
