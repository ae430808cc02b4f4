"""`runplane healthcheck`: what a container asks its server, in every state the server can be in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.healthcheck import healthcheck
from runplane.server.settings import Loaded, SettingsError, load_settings
from support.server import Server


def settings(**given: str) -> Loaded:
    return load_settings({}, {f"RUNPLANE_{name.upper()}": value for name, value in given.items()})


def ask(loaded: Loaded, *, alive: bool = False) -> str:
    said: list[str] = []
    healthcheck(loaded, said.append, alive=alive)
    return "".join(said)


def test_a_server_that_answers_is_ready_and_alive(server: Server) -> None:
    # also where it listens on every address
    for host in ("127.0.0.1", "0.0.0.0"):
        assert ask(settings(port=str(server.port), host=host)) == "ready"
        assert ask(settings(port=str(server.port), host=host), alive=True) == "alive"


def test_a_server_that_is_gone_is_not(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.stop()
    with pytest.raises(CommandFailed, match="cannot be reached"):
        ask(settings(port=str(server.port)))


def test_a_server_that_cannot_answer_requests_is_alive_only() -> None:
    answers = {b"/readyz": b"503 Service Unavailable", b"/healthz": b"200 OK"}
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in answers:
                connection, _ = listening.accept()
                with connection:
                    path = connection.recv(4096).split(b" ")[1]
                    connection.sendall(b"HTTP/1.1 " + answers[path] + b"\r\ncontent-length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        loaded = settings(port=str(listening.getsockname()[1]))
        with pytest.raises(CommandFailed, match="answers /readyz with 503"):
            ask(loaded)
        assert ask(loaded, alive=True) == "alive"


def test_a_port_that_is_chosen_at_each_start_cannot_be_asked() -> None:
    with pytest.raises(SettingsError, match="must be a fixed port"):
        ask(settings(port="0"))
