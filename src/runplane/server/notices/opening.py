"""From settings to channels. What cannot work is refused here, so that a server with it does not start.

A server that tells nobody, as most do, loads neither way.
"""

from __future__ import annotations

from runplane.server.core.clock import Clock
from runplane.server.notices.channel import Channel
from runplane.server.notices.service import Notices
from runplane.server.settings import Settings, SettingsError
from runplane.server.settings.notices import NoticeSettings
from runplane.server.sql.lanes import Lanes


def open_notices(settings: Settings, lanes: Lanes, clock: Clock) -> Notices:
    """What tells of expiring credentials. Raises SettingsError."""
    channels = open_channels(settings.notices, settings.public_url)
    return Notices(lanes, clock, channels, settings.notices.days)


def open_channels(settings: NoticeSettings, public_url: str) -> list[Channel]:
    """The ways notices go, none where no one is set. Raises SettingsError."""
    made: list[Channel] = []
    if settings.webhook_url is not None:
        from runplane.server.notices.webhook import Webhook  # noqa: PLC0415

        made.append(Webhook(settings.webhook_url, settings.webhook_secret, settings.ca_file))
    if settings.smtp_host:
        made.append(_mail(settings, public_url))
    return made


def _mail(settings: NoticeSettings, public_url: str) -> Channel:
    from runplane.server.notices.mail import Mail  # noqa: PLC0415

    for key, value in (("mail_from", settings.mail_from), ("mail_to", settings.mail_to)):
        if not value:
            raise SettingsError(f"notices.{key}", "is needed to send notices by mail.")
    login = None
    if settings.smtp_username:
        if settings.smtp_password is None:
            raise SettingsError("notices.smtp_password", "is needed with notices.smtp_username.")
        if settings.smtp_security == "none":
            raise SettingsError("notices.smtp_security", "must not be none where a password is sent.")
        login = (settings.smtp_username, settings.smtp_password)
    return Mail(
        settings.smtp_host,
        settings.smtp_port,
        security=settings.smtp_security,
        login=login,
        sender=settings.mail_from,
        recipients=settings.mail_to,
        public_url=public_url,
        ca_file=settings.ca_file,
    )
