"""What the console and the server tell each other about a person's session."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from runplane.server.core.clock import Instant
from runplane.server.http.operation import Wire
from runplane.server.identity.browser import Opened

_Text = Annotated[str, Meta(max_length=4096)]
_IDLE = "Seconds without input after which the session ends; null where there is no such limit."


class SignInLogoOut(Wire):
    """The picture of a tenant. `data` is base64."""

    media_type: str
    data: str


class IdentityProviderOut(Wire):
    """Somewhere else to sign in. `signInUrl` is where the browser goes for that."""

    alias: str
    display_name: str
    sign_in_url: str


class SessionOptionsOut(Wire):
    """What the sign-in page has to know before anybody is signed in."""

    tenant: str
    realm: str
    product: str
    version: str
    local_sign_in: Annotated[bool, Meta(description="Whether e-mail address and password are taken.")]
    identity_providers: Annotated[
        list[IdentityProviderOut], Meta(description="Empty: this release has no single sign-on yet.")
    ]
    logo: SignInLogoOut | None
    inactivity_seconds: Annotated[int | None, Meta(description=_IDLE)]
    secure_context_needed: Annotated[
        bool,
        Meta(
            description="The browser will not keep a session at this address: it takes https, or localhost."
        ),
    ]


class SessionIn(Wire):
    """Who signs in."""

    email: _Text
    password: _Text


class FirstPasswordIn(Wire):
    """Who replaces a temporary password, by which one."""

    email: _Text
    password: Annotated[_Text, Meta(description="The temporary one.")]
    new_password: _Text


class SessionTokenIn(Wire):
    """A question for the next access token."""

    active: Annotated[
        bool, Meta(description="Whether the person did something since the last time; it moves the limit.")
    ] = False


class SessionUserOut(Wire):
    """Who is signed in."""

    id: str
    email: str


class SessionTenantOut(Wire):
    """Where."""

    id: int
    name: str


class SessionOut(Wire):
    """A session and an access token of it. `expiresIn` is in seconds."""

    access_token: str
    expires_in: int
    user: SessionUserOut
    tenant: SessionTenantOut
    inactivity_seconds: Annotated[int | None, Meta(description=_IDLE)]
    csrf_token: Annotated[str, Meta(description="To be sent in the header X-CSRF-Token.")]
    session_expires_at: Annotated[Instant, Meta(description="When the session ends, however active.")]


def present(opened: Opened) -> SessionOut:
    """The answer to a sign-in, and to each question for a token after it."""
    session = opened.session
    return SessionOut(
        access_token=opened.access_token,
        expires_in=opened.expires_in,
        user=SessionUserOut(id=session.user.id, email=session.user.email),
        tenant=SessionTenantOut(id=session.realm.tenant_id, name=session.realm.name),
        inactivity_seconds=session.idle_seconds,
        csrf_token=session.csrf_token,
        session_expires_at=session.expires_at,
    )
