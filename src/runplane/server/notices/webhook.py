"""Notices to a webhook. Its request and signature have the form of the Standard Webhooks specification, for
which there are libraries in most languages.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from runplane.server.core.secrets import Secret
from runplane.server.notices import messages
from runplane.server.notices.channel import NotDelivered, shown, tls, why
from runplane.server.notices.model import Notice

SECONDS: Final = 10.0
"""For a whole request: connecting, sending, and the beginning of the answer."""


class Webhook:
    """POSTs notices as JSON. An answer of 200 to 299 takes it; redirects are not followed."""

    def __init__(self, url: Secret, secret: Secret | None, ca_file: Path | None) -> None:
        self.name = "webhook"
        self._url = url
        self._secret = secret
        self._ca_file = ca_file
        self.target = urlsplit(url.reveal()).netloc

    async def send(self, notice: Notice) -> str:
        """Deliver; returns status and the beginning of the answer. Raises NotDelivered."""
        content = messages.body(notice)
        headers = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "runplane",
            **messages.signed_headers(notice, content, self._secret),
        }
        try:
            async with asyncio.timeout(SECONDS):
                status, answer = await self._post(content, headers)
        except TimeoutError:
            raise NotDelivered(f"{self.target} did not answer within {SECONDS:.0f} seconds.") from None
        said = f"status {status}{f', {answer}' if answer else ''}"
        if not 200 <= status < 300:
            remedy = " Give notices.webhook_url the address it leads to." if 300 <= status < 400 else ""
            raise NotDelivered(f"{self.target} answered with {said}.{remedy}")
        return said

    async def _post(self, content: bytes, headers: dict[str, str]) -> tuple[int, str]:
        # A server without a webhook never needs it.
        import httpcore  # noqa: PLC0415

        context = tls(self._ca_file)
        try:
            async with (
                httpcore.AsyncConnectionPool(ssl_context=context, max_connections=1) as pool,
                pool.stream(
                    "POST", self._url.reveal(), headers=[*headers.items()], content=content
                ) as answer,
            ):
                async for chunk in answer.aiter_stream():
                    return answer.status, shown(chunk)
                return answer.status, ""
        except httpcore.TimeoutException:
            raise TimeoutError from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise NotDelivered(why(self.target, error)) from None
