"""A port of this machine that takes one answer from a browser, and then closes.

It is a server with threads, because browsers open connections ahead of need and leave them idle.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from runplane.cli.failures import WrongUsage

PATH: Final = "/callback"
HOSTS: Final = ("127.0.0.1", "localhost")
_MAX_QUERY: Final = 8192
_IDLE_SECONDS: Final = 30.0
_PAGE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>runplane</title><body style='font:1.1rem system-ui;margin:15vh auto;max-width:30em;padding:1rem'>"
    "<h1>{heading}</h1><p>{text}</p></body></html>"
)


class Listener:
    """Waits for the redirect that ends a login. Use as a context manager."""

    def __init__(self, host: str, port: int, is_state: Callable[[str], bool]) -> None:
        """Raises WrongUsage for a host that is not this machine, and for a port in use."""
        if host not in HOSTS:
            raise WrongUsage(f"--listen-host is one of {', '.join(HOSTS)}: nobody else may see the answer.")
        answers: queue.Queue[dict[str, str]] = queue.Queue()
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(answers, is_state))
        except (OSError, OverflowError):
            raise WrongUsage(
                f"Port {port} cannot be listened on; give another one with --listen-port."
            ) from None
        self._answers = answers
        self.redirect_uri = f"http://{host}:{self._server.server_address[1]}{PATH}"

    def __enter__(self) -> Listener:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> dict[str, str] | None:
        """The members of the answer; None when none came in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None


def _handler(
    answers: queue.Queue[dict[str, str]], is_state: Callable[[str], bool]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _IDLE_SECONDS
        server_version = "runplane"
        sys_version = ""

        def do_GET(self) -> None:
            parts = urlsplit(self.path[:_MAX_QUERY])
            if parts.path != PATH:
                self._answer(404, "Nothing is here", "This port waits for the end of a login only.")
                return
            found = {key: values[0] for key, values in parse_qs(parts.query).items() if len(values) == 1}
            if not is_state(found.get("state", "")):
                self._answer(400, "This is not the login that was begun", "Start again in the terminal.")
                return
            if "code" in found:
                self._answer(200, "You can close this page", "Go back to the terminal.")
            else:
                self._answer(200, "The login was not completed", "The terminal says why.")
            answers.put(found)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            pass

        def _answer(self, status: int, heading: str, text: str) -> None:
            body = _PAGE.format(heading=heading, text=text).encode()
            self.send_response(status)
            for name, value in (
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("Referrer-Policy", "no-referrer"),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                ("Connection", "close"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler
