"""POST /api/v1/logout: end the caller's own session.

One release of upstream had it. A machine has no session: its tokens end with their lifetime, or one by one at
the realm's revocation endpoint, and it is told so rather than left to believe that something has ended.
"""

from __future__ import annotations

from typing import Any

from runplane.server.authz.guard import signed_in
from runplane.server.core.errors import Invalid
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.identity.store import revoke_session


def operations() -> list[Operation]:
    """The one operation."""
    ops = Operations("/api/v1/logout", tag="Tokens")

    @ops.post(
        "",
        allow=signed_in("it ends nothing but the caller's own session", scoped=True),
        audit=Audited("session", "sign-out"),
        creates=False,
        extension=True,
    )
    def logout(call: Call[Any]) -> None:
        """Sign out.

        The session's access tokens and refresh tokens are refused from now on.
        """
        session_id = call.principal.session_id
        if session_id is None:
            raise Invalid(
                "This token belongs to a service account or an access key, which has no session to end.",
                "To end one token ahead of its time, revoke it at its realm's revocation endpoint.",
            )
        revoke_session(call.unit, session_id)
        call.unit.changed(call.principal.tenant_id)
        call.note.target(session_id, call.principal.name)

    return ops.items
