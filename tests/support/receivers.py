"""Those who are told of expiring credentials: a real HTTP server and a real SMTP server, on loopback."""
# ruff: noqa: ARG002 - aiosmtpd says which arguments its hooks have

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from support.kube_api import certificate


@dataclass(frozen=True)
class Received:
    """One request of a webhook."""

    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.content)["data"]

    def is_signed_with(self, key: bytes) -> bool:
        """Whether the signature is right, computed from the specification and not by our code."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.content
        right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{right}" in self.headers["webhook-signature"].split()


class WebhookReceiver:
    """Takes webhooks at `url`; answers with `status`, or as `behave` does."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.status = 204
        self.behave: Callable[[BaseHTTPRequestHandler], None] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        # what many of them have in their addresses
        self.url = f"http://127.0.0.1:{self.port}/hooks/canary-in-the-path"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, content))
                if receiver.behave is not None:
                    receiver.behave(self)
                    return
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                if 300 <= receiver.status < 400:
                    self.send_header("location", receiver.url)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Tests do not want it."""

        return Handler


class MailReceiver:
    """Takes mail on 127.0.0.1. `security` is starttls, tls or none; `login` is whose password it wants."""

    def __init__(
        self, folder: Path, security: str = "starttls", login: tuple[str, str] | None = None
    ) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.refuses = ""
        self._login = login
        self.ca_file, key = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        more: dict[str, Any] = {"tls_context": context} if security == "starttls" else {}
        if login is not None:
            more |= {"auth_required": True, "authenticator": self._authenticate}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=context if security == "tls" else None,
            auth_require_tls=security == "starttls",
            **more,
        )
        self._controller.start()

    def close(self) -> None:
        """Stop."""
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Note a recipient."""
        if address == self.refuses:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        self.recipients.append([*envelope.rcpt_tos])
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 kept as number 17"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self._login, handled=False)
