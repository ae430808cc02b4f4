"""What the pages show that ask a person whether a program may sign in as them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runplane.server.core.clock import Instant
from runplane.server.http.operation import Wire
from runplane.server.identity.logins.public_clients import PUBLIC_CLIENTS
from runplane.server.identity.logins.requests import AuthorizationRequest, shown_host, stays_here
from runplane.server.identity.logins.store import DeviceRow


class AuthorizationOut(Wire):
    """A sign-in that waits for a person."""

    client_id: str
    client_name: str
    scopes: Annotated[
        list[str], Meta(description="What the program is confined to; empty: all that the person may do.")
    ]
    redirect_host: Annotated[
        str,
        Meta(
            description="Where the answer goes; empty: it is shown for copying.", examples=["127.0.0.1:8000"]
        ),
    ]
    on_this_machine: Annotated[bool, Meta(description="Whether that is the person's own machine.")]
    login_hint: Annotated[str, Meta(description="The e-mail address to begin with, if the program knows it.")]


class DecisionIn(Wire):
    """What the person decided."""

    approve: bool


class DecidedOut(Wire):
    """Where the browser goes now."""

    redirect_to: str


class WaitingDeviceOut(Wire):
    """A machine that waits to be let in."""

    client_id: str
    client_name: str
    scopes: list[str]
    source_address: Annotated[str, Meta(description="The network address the machine asked from.")]
    requested_at: Instant
    expires_at: Instant


def present_request(request: AuthorizationRequest) -> AuthorizationOut:
    """An authorization request for the person it waits for."""
    return AuthorizationOut(
        client_id=request.client_id,
        client_name=_name(request.client_id),
        scopes=request.scope.split(),
        redirect_host=shown_host(request.redirect_uri),
        on_this_machine=stays_here(request.redirect_uri),
        login_hint=request.login_hint,
    )


def present_device(row: DeviceRow) -> WaitingDeviceOut:
    """A waiting machine for the person who typed its code."""
    return WaitingDeviceOut(
        client_id=row.client_id,
        client_name=_name(row.client_id),
        scopes=row.scope.split(),
        source_address=row.source_ip,
        requested_at=row.created_at,
        expires_at=row.expires_at,
    )


def _name(client_id: str) -> str:
    known = PUBLIC_CLIENTS.get(client_id)
    return known.name if known else client_id
