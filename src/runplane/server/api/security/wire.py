"""Security settings on the wire: every member may be null, and null is a value."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire


class AutoRedirectOut(Wire):
    """Whether signing in goes straight to an identity provider, and to which."""

    enabled: bool | None
    idp_alias: str | None


class SessionTimeoutOut(Wire):
    """After how many minutes without use a browser has to sign in again."""

    idle_timeout: int | float | None


class LogoutRedirectOut(Wire):
    """Where a browser is sent after signing out."""

    uri: str | None


class SecuritySettingsOut(Wire):
    """All security settings of the tenant."""

    auto_redirect_sso: AutoRedirectOut = msgspec.field(name="autoRedirectSSO")
    browser_session_timeout: SessionTimeoutOut
    logout_redirect_uri: LogoutRedirectOut


class SecuritySettingIn(Wire):
    """The members of one setting: which ones, its key says. What is left out goes back to its default."""

    enabled: bool | UnsetType | None = UNSET
    idp_alias: Annotated[str, Meta(examples=["oidc"])] | UnsetType | None = UNSET
    idle_timeout: Annotated[int | float, Meta(description="Minutes, at least 1.")] | UnsetType | None = UNSET
    uri: Annotated[str, Meta(examples=["https://example.com/goodbye"])] | UnsetType | None = UNSET

    def given(self) -> dict[str, Any]:
        """What the request holds, by wire name."""
        return msgspec.to_builtins(self)
