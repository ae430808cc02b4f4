"""Notices by mail: smtplib in a thread, because asyncio has no client for SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Final

from runplane.server.core.clock import to_epoch
from runplane.server.core.secrets import Secret
from runplane.server.notices.channel import NotDelivered, shown, tls, why
from runplane.server.notices.messages import noun, sentence, span
from runplane.server.notices.model import Notice

SECONDS: Final = 10.0
"""For each step of a delivery."""
_WHOLE_SECONDS: Final = 60.0
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


class Mail:
    """Sends notices by SMTP."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: str,
        login: tuple[str, Secret] | None,
        sender: str,
        recipients: tuple[str, ...],
        public_url: str,
        ca_file: Path | None,
    ) -> None:
        self.name = "mail"
        self._host = host
        self._port = port or _PORTS[security]
        self._security = security
        self._login = login
        self._sender = sender
        self._recipients = recipients
        self._public_url = public_url
        self._ca_file = ca_file
        self.target = f"{host}:{self._port}"

    async def send(self, notice: Notice) -> str:
        """Deliver; returns what the mail server answered to the mail. Raises NotDelivered."""
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                return await _in_thread(partial(self._send, notice))
        except TimeoutError:
            raise NotDelivered(f"{self.target} did not answer in time.") from None

    def _send(self, notice: Notice) -> str:
        made = written(notice, self._sender, self._recipients, self._public_url)
        content = made.as_bytes(policy=made.policy.clone(linesep="\r\n"))
        with self._explained(), self._connected() as client:
            client.ehlo_or_helo_if_needed()
            _accepted(client.mail(self._sender))
            for recipient in self._recipients:
                _accepted(client.rcpt(recipient))
            return _accepted(client.data(content))

    @contextmanager
    def _connected(self) -> Generator[smtplib.SMTP]:
        if self._security == "tls":
            context = tls(self._ca_file)
            client: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SECONDS, context=context)
        else:
            client = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        with client:
            if self._security == "starttls":
                client.starttls(context=tls(self._ca_file))
            if self._login is not None:
                client.login(self._login[0], self._login[1].reveal())
            yield client

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            # its text may repeat what was sent
            raise NotDelivered(
                f"{self.target} did not accept notices.smtp_username and notices.smtp_password "
                f"({error.smtp_code})."
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise NotDelivered(
                f"{self.target} does not offer what notices.smtp_security and notices.smtp_username ask for."
            ) from None
        except smtplib.SMTPResponseException as error:
            said = shown(error.smtp_error) if isinstance(error.smtp_error, bytes) else error.smtp_error
            raise NotDelivered(f"{self.target} answered with {error.smtp_code} {said}.") from None
        except UnicodeError:
            # of smtplib, and it holds what could not be encoded: perhaps the password
            raise NotDelivered(
                "notices.smtp_host must be a name that can exist, and with notices.smtp_username, "
                "notices.smtp_password, notices.mail_from and notices.mail_to it must be plain ASCII."
            ) from None
        except TimeoutError:
            raise
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(why(self.target, error)) from None


def _accepted(reply: tuple[int, bytes]) -> str:
    code, said = reply
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, said)
    return f"{code} {shown(said)}"


def _in_thread(work: Callable[[], str]) -> asyncio.Future[str]:
    """The result of `work`, done in a thread that does not keep the process from ending."""
    found: Future[str] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            found.set_exception(error)

    # a future that runs can no longer be cancelled, so its result always finds a place
    found.set_running_or_notify_cancel()
    threading.Thread(target=run, name="runplane-mail", daemon=True).start()
    return asyncio.wrap_future(found)


def written(notice: Notice, sender: str, recipients: tuple[str, ...], public_url: str) -> EmailMessage:
    """The notice as a mail."""
    it = notice.credential
    made = EmailMessage()
    begin = "Test: " if notice.sample else ""
    made["Subject"] = _line(f"{begin}{noun(it.kind)} {it.name} of {it.tenant} expires in {span(notice.left)}")
    made["From"] = sender
    made["To"] = ", ".join(recipients)
    made["Date"] = formatdate(to_epoch(notice.at))
    # the same for each attempt, so that mail programs show a repeat once
    made["Message-ID"] = f"<{notice.id}@runplane>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(
        f"{sentence(notice)}\n\n"
        f"Client id: {it.client_id}\nMade by: {it.created_by}\nServer: {public_url}\n\n"
        "Give it a later end or make a new one before that. Nothing has to be done if it is no longer used.\n"
    )
    return made


def _line(text: str) -> str:
    return " ".join(text.split())
