"""`runplane admin notices test`: a sample to everybody who would be told, and what they answer.

It needs no database and no server: only the way is tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from runplane.server import logs
from runplane.server.commands.failures import CommandFailed
from runplane.server.core.clock import SystemClock, now
from runplane.server.notices.channel import Channel, NotDelivered
from runplane.server.notices.messages import sample
from runplane.server.notices.opening import open_channels
from runplane.server.settings import Loaded


def send_test(loaded: Loaded, say: Callable[[str], None]) -> None:
    """Send a sample each way that is set. Raises SettingsError, and CommandFailed where one was not taken."""
    settings = loaded.settings
    logs.configure("warning", settings.log.format)
    channels = open_channels(settings.notices, settings.public_url)
    if not channels:
        raise CommandFailed("Nobody is told: set notices.webhook_url, or notices.smtp_host.")
    failed = asyncio.run(_send(channels, say))
    if failed:
        raise CommandFailed(f"Not delivered: {', '.join(failed)}.")


async def _send(channels: Sequence[Channel], say: Callable[[str], None]) -> list[str]:
    failed: list[str] = []
    notice = sample(now(SystemClock()))
    for channel in channels:
        try:
            answer = await channel.send(notice)
        except NotDelivered as error:
            failed.append(channel.name)
            say(f"{channel.name}: {error}")
        else:
            say(f"{channel.name}: {channel.target} took the sample and answered: {answer}")
    return failed
