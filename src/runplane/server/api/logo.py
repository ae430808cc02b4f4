"""/api/v1/logo: the picture a tenant shows beside its name.

The contract speaks of PNG and SVG. An SVG file is a document that can run scripts, so JPEG and WebP are taken
in its stead.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import BRANDING_SETTINGS, READ, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Reply, Wire
from runplane.server.organization.settings import logo


class LogoIn(Wire):
    """A picture to show."""

    logo: Annotated[
        str, Meta(description="Base64 of a PNG, JPEG or WebP file of at most 128 KB; empty removes the logo.")
    ]


class LogoOut(Wire):
    """The picture in base64."""

    logo: str


def operations() -> list[Operation]:
    """Reading and replacing the logo."""
    ops = Operations("/api/v1/logo", tag="Logo")

    @ops.get("", allow=can(READ, BRANDING_SETTINGS).anywhere(), reply=LogoOut, may_be_empty=True)
    def get_tenant_logo(call: Call[Any]) -> Reply:
        """Get the tenant's logo

        Answers 204 where there is none.
        """
        text = logo.get_logo(call.unit, call.principal.tenant_id)
        return Reply(status=204) if text is None else Reply(LogoOut(logo=text))

    @ops.post(
        "",
        allow=can(UPDATE, BRANDING_SETTINGS).at(own_tenant),
        body=LogoIn,
        audit=Audited("logo"),
        creates=False,
    )
    def upload_tenant_logo(call: Call[LogoIn]) -> None:
        """Replace the tenant's logo"""
        who = call.principal
        size = logo.replace_logo(call.unit, who.tenant_id, call.body.logo, who.name)
        call.note.target(who.tenant_id, who.realm, bytes=size)

    return ops.items
