"""POST /api/v1/me/password: the one thing that a token got with a temporary password may do.

The id of the operation is what `identity.authenticator` confines such tokens to. The contract shows a reply
that repeats both passwords; this one is an empty object.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runplane.server.authz.guard import signed_in
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.identity.people import own_password
from runplane.server.identity.service import Identity


class PasswordChangeIn(Wire):
    """The password now, and the one to have from now on."""

    current_password: Annotated[str, Meta(description="Also a temporary one.")]
    new_password: Annotated[
        str, Meta(description="At least 12 characters, unless the server is set otherwise.")
    ]


class PasswordChangedOut(Wire):
    """Nothing: passwords do not travel back."""


def operations(identity: Identity) -> list[Operation]:
    """What callers do to their own account."""
    ops = Operations("/api/v1/me", tag="Users")

    async def prepare(call: Call[PasswordChangeIn]) -> None:
        body = call.body
        call.prepared = await own_password.prepare(
            identity,
            call.read,
            call.principal,
            call.request.source_ip,
            body.current_password,
            body.new_password,
        )

    @ops.post(
        "/password",
        allow=signed_in("it changes nothing but the caller's own password, and asks for the current one"),
        body=PasswordChangeIn,
        reply=PasswordChangedOut,
        before=prepare,
        audit=Audited("user", "update"),
        creates=False,
    )
    def change_user_password(call: Call[Any]) -> PasswordChangedOut:
        """Change your own password

        Ends every other session of yours. After a temporary password, sign in again.
        """
        own_password.store(call.unit, call.principal, call.prepared)
        call.note.target(call.principal.id, call.principal.name, fields="password")
        return PasswordChangedOut()

    return ops.items
