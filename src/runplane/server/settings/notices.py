"""The table `[notices]`: who is told that a credential is about to expire, and how.

The webhook's and the mail server's secrets are the operator's; nothing of a tenant can reach or change them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from runplane.server.core.secrets import Secret
from runplane.server.settings.table import Table


class NoticeSettings(Table, frozen=True):
    """Who is told that access keys and service accounts are about to expire. Nobody, unless set."""

    days: Annotated[
        tuple[int, ...], Meta(description="How many days before the end of a credential there is a notice.")
    ] = (14, 7, 1)
    webhook_url: Annotated[
        Secret | None,
        Meta(
            description="Where notices are sent with POST, as JSON. A secret: such addresses often hold one.",
            extra={"default": "none"},
        ),
    ] = None
    webhook_secret: Annotated[
        Secret | None,
        Meta(description="What the webhook's requests are signed with (HMAC-SHA256). Unsigned without it."),
    ] = None
    smtp_host: Annotated[
        str, Meta(description="The mail server that takes notices by SMTP.", extra={"default": "none"})
    ] = ""
    smtp_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65_535,
            description="The mail server's port; 0 takes the usual one: 587, with `tls` 465, with `none` 25.",
        ),
    ] = 0
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the way to the mail server is protected. A password is not sent with `none`."),
    ] = "starttls"
    smtp_username: Annotated[str, Meta(description="Who signs in to the mail server; empty for nobody.")] = ""
    smtp_password: Annotated[Secret | None, Meta(description="The password of `smtp_username`.")] = None
    mail_from: Annotated[str, Meta(description="The address that notices come from.")] = ""
    mail_to: Annotated[
        tuple[str, ...],
        Meta(description="The addresses that notices go to; a variable has commas between."),
    ] = ()
    ca_file: Annotated[
        Path | None,
        Meta(description="A PEM file of authorities that both may have certificates of, beside public ones."),
    ] = None
