"""/api/v1/administration: everybody's access keys, under their older name user applications, and the ledger
of deprecated calls.

What an administrator may do to keys is to see and to delete: a key is its owner's, so a new secret is too.
"""

from __future__ import annotations

from runplane.server.api._credentials import family
from runplane.server.api._credentials.kinds import ACCESS_KEYS, USER_APPLICATIONS
from runplane.server.api.administration import deprecated_calls
from runplane.server.http.operation import Operation


def operations() -> list[Operation]:
    """The operations of this room."""
    return [
        *family.administration(ACCESS_KEYS),
        *family.administration(USER_APPLICATIONS),
        *deprecated_calls.operations(),
    ]
