"""`runplane admin notices test`, and the settings that notices cannot work with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.notices import send_test
from runplane.server.notices import webhook
from runplane.server.notices.opening import open_channels
from runplane.server.settings import SettingsError, load_settings
from support.processes import clean_environment
from support.receivers import MailReceiver, WebhookReceiver

pytestmark = pytest.mark.detail

LOGIN = ("runplane", "copper-mail-password")


def told(**settings: str) -> tuple[str, bool]:
    """What the command says with these settings, and whether everything was delivered."""
    lines: list[str] = []
    environment = {f"RUNPLANE_NOTICES_{name.upper()}": value for name, value in settings.items()}
    loaded = load_settings({}, environ={"RUNPLANE_DATA_DIR": "/nonexistent/runplane", **environment})
    try:
        send_test(loaded, lines.append)
    except CommandFailed as error:
        return "\n".join([*lines, str(error)]), False
    return "\n".join(lines), True


def mailing(box: MailReceiver, **more: str) -> dict[str, str]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": str(box.port),
        "mail_from": "runplane@example.com",
        "mail_to": "ops@example.com",
        "ca_file": str(box.ca_file),
    } | more


@pytest.fixture
def hook() -> object:
    made = WebhookReceiver()
    yield made
    made.close()


@pytest.fixture
def boxes(tmp_path: Path) -> object:
    """Call it for somebody who takes mail."""
    made: list[MailReceiver] = []

    def make(security: str, login: tuple[str, str] | None = None) -> MailReceiver:
        made.append(MailReceiver(tmp_path, security, login))
        return made[-1]

    yield make
    for it in made:
        it.close()


Boxes = Callable[..., MailReceiver]


def test_it_says_what_the_webhook_answered(hook: WebhookReceiver) -> None:
    said, delivered = told(webhook_url=hook.url)
    assert delivered
    assert f"webhook: 127.0.0.1:{hook.port} took the sample and answered: status 204" in said
    (got,) = hook.received
    assert b'"type":"test"' in got.content
    assert "webhook-signature" not in got.headers
    hook.status = 403
    said, delivered = told(webhook_url=hook.url)
    assert not delivered
    assert "answered with status 403" in said
    assert "Not delivered: webhook." in said
    hook.status = 302
    said, _ = told(webhook_url=hook.url)
    assert "the address it leads to" in said
    assert len(hook.received) == 3, "a redirect was followed"
    assert "canary" not in said


def test_a_secret_as_the_specification_writes_it(hook: WebhookReceiver) -> None:
    told(webhook_url=hook.url, webhook_secret="whsec_" + "AAECAwQFBgcICQoLDA0ODw==")
    assert hook.received[0].is_signed_with(bytes(range(16)))


def blocks(repository: Path, language: str) -> list[str]:
    """The examples of a kind in the guide."""
    text = (repository / "docs" / "guides" / "notices.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_guides_settings_can_be_read(repository: Path, tmp_path: Path) -> None:
    (example,) = blocks(repository, "toml")
    password, file = tmp_path / "password", tmp_path / "runplane.toml"
    for path, text in (
        (password, "secret\n"),
        (file, example.replace("/etc/runplane/smtp-password", str(password))),
    ):
        path.write_text(text)
        path.chmod(0o600)
    settings = load_settings({}, environ={}, config_path=file).settings
    assert [it.name for it in open_channels(settings.notices, settings.public_url)] == ["webhook", "mail"]


def test_the_guides_check_of_signatures_works(repository: Path, hook: WebhookReceiver) -> None:
    (example,) = blocks(repository, "python")
    names: dict[str, Any] = {}
    exec(example, names)
    told(webhook_url=hook.url, webhook_secret="a-long-random-text")
    (got,) = hook.received
    genuine = names["genuine"]
    assert genuine(got.headers, got.content, "a-long-random-text")
    assert not genuine(got.headers, got.content, "another")
    assert not genuine(got.headers, got.content + b" ", "a-long-random-text")
    late = {**got.headers, "webhook-timestamp": str(int(got.headers["webhook-timestamp"]) - 900)}
    assert not genuine(late, got.content, "a-long-random-text")


def test_the_guides_example_has_the_form_of_a_notice(repository: Path, hook: WebhookReceiver) -> None:
    (example,) = blocks(repository, "json")
    told(webhook_url=hook.url)

    def form(value: Any) -> Any:
        return {name: form(it) for name, it in value.items()} if isinstance(value, dict) else None

    assert form(json.loads(example)) == form(json.loads(hook.received[0].content))


@pytest.mark.slow
def test_the_command_as_it_is_typed(repository: Path, hook: WebhookReceiver) -> None:
    hook.status = 200
    (example,) = blocks(repository, "text")
    words = example.splitlines()[0].removeprefix("$ runplane ").partition(" --config")[0].split()
    settings = {"notices_webhook_url": hook.url}
    done = subprocess.run(
        [sys.executable, "-m", "runplane", *words],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"webhook: 127.0.0.1:{hook.port} took the sample and answered: status 200\n"
    hook.status = 500
    done = subprocess.run(
        [sys.executable, "-m", "runplane", *words],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Not delivered: webhook." in done.stderr


def test_webhooks_that_cannot_be_reached(
    hook: WebhookReceiver, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.close()
    assert "Nothing listens at" in told(webhook_url=hook.url)[0]
    box = boxes("tls")
    assert "certificate of" in told(webhook_url=f"https://127.0.0.1:{box.port}/x")[0]
    slow = WebhookReceiver()
    monkeypatch.setattr(webhook, "SECONDS", 0.2)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        deadline = time.monotonic() + 30
        try:
            while time.monotonic() < deadline:
                handler.wfile.write(b"H")
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            pass

    slow.behave = drip
    assert "did not answer" in told(webhook_url=slow.url)[0]
    slow.close()


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_it_says_what_the_mail_server_answered(boxes: Boxes, security: str) -> None:
    box = boxes(security)
    said, delivered = told(**mailing(box, smtp_security=security))
    assert delivered, said
    assert f"mail: 127.0.0.1:{box.port} took the sample and answered: 250 kept as number 17" in said
    assert box.encrypted == [security != "none"]
    assert box.received[0]["subject"].startswith("Test: ")


def test_a_password_is_told_to_be_wrong(boxes: Boxes, tmp_path: Path) -> None:
    box = boxes("starttls", LOGIN)
    secret = tmp_path / "password"
    secret.write_text(LOGIN[1] + "\n")
    secret.chmod(0o600)
    said, delivered = told(**mailing(box, smtp_username=LOGIN[0], smtp_password_file=str(secret)))
    assert delivered, said
    said, delivered = told(**mailing(box, smtp_username=LOGIN[0], smtp_password="mistyped-password"))
    assert not delivered
    assert "did not accept notices.smtp_username and notices.smtp_password (535)" in said
    assert "mistyped" not in said


@pytest.mark.parametrize(
    "settings",
    [
        {"smtp_host": "mail..example.com"},
        {"mail_to": "jürgen@example.com"},
        {"mail_from": "jürgen@example.com"},
        {"smtp_username": LOGIN[0], "smtp_password": "café-au-lait"},
    ],
)
def test_what_mail_cannot_say_is_told_and_no_fault_of_ours(boxes: Boxes, settings: dict[str, str]) -> None:
    box = boxes("starttls", LOGIN if "smtp_username" in settings else None)
    said, delivered = told(**mailing(box, **settings))
    assert not delivered
    assert "must be plain ASCII" in said
    assert "café" not in said


def test_mail_servers_that_do_not_take_it(boxes: Boxes) -> None:
    plain = boxes("none")
    assert "does not offer what notices.smtp_security" in told(**mailing(plain))[0]
    plain.refuses = "ops@example.com"
    said, delivered = told(**mailing(plain, smtp_security="none"))
    assert not delivered
    assert "answered with 550 no such user here" in said
    plain.close()
    assert "Nothing listens at" in told(**mailing(plain, smtp_security="none"))[0]
    plain.close = lambda: None  # type: ignore[method-assign]


def test_a_certificate_of_nobody_is_told(boxes: Boxes) -> None:
    box = boxes("starttls")
    settings = mailing(box)
    del settings["ca_file"]
    assert "notices.ca_file can add its authority" in told(**settings)[0]


def test_both_are_tried_although_one_fails(hook: WebhookReceiver, boxes: Boxes) -> None:
    box = boxes("none")
    hook.status = 500
    said, delivered = told(**mailing(box, smtp_security="none"), webhook_url=hook.url)
    assert not delivered
    assert len(box.received) == 1
    assert "Not delivered: webhook." in said


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, "set notices.webhook_url, or notices.smtp_host"),
        ({"smtp_host": "mail", "mail_to": "a@b"}, "notices.mail_from"),
        ({"smtp_host": "mail", "mail_from": "a@b"}, "notices.mail_to"),
        (
            {"smtp_host": "mail", "mail_from": "a@b", "mail_to": "a@b", "smtp_username": "x"},
            "notices.smtp_password",
        ),
        (
            {
                "smtp_host": "mail", "mail_from": "a@b", "mail_to": "a@b", "smtp_username": "x",
                "smtp_password": "y", "smtp_security": "none",
            },
            "smtp_security: must not be none",
        ),
        ({"webhook_url": "ftp://example.com/x"}, "must be an address such as"),
        ({"webhook_url": "https://user:pass@example.com/x"}, "must be an address such as"),
        ({"days": "14,14"}, "must hold at most ten different numbers"),
        ({"days": "0"}, "must hold at most ten different numbers"),
        ({"days": "soon"}, "must be a list of whole numbers"),
        ({"mail_to": "nobody"}, "must be an e-mail address"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work(settings: dict[str, str], place: str) -> None:
    try:
        said, delivered = told(**settings)
    except SettingsError as error:
        said, delivered = str(error), False
    assert not delivered
    assert place in said
    assert "user:pass" not in said
