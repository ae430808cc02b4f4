"""What Prometheus reads from a real server, alone and with workers, and the alert rules that are shipped."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from runplane.server.core.clock import instant
from support.launching import launch, start
from support.processes import ServerProcess
from support.server import Server

pytestmark = pytest.mark.detail

__all__ = ["launch", "start"]

ACCOUNTS = "/api/v1/service-accounts"
RULES = "deploy/prometheus/runplane-rules.yml"


def scrape(url: str, token: str = "") -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{url}/metrics", headers=headers, timeout=30).raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    return {(it.name, frozenset(it.labels.items())): it.value for family in families for it in family.samples}


def value(samples: Any, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def total(samples: Any, name: str) -> float:
    return sum(value for (found, _), value in samples.items() if found == name)


def test_a_server_counts_tokens_refusals_and_what_expires(make_server: Callable[..., Server]) -> None:
    server = make_server()
    soon = instant(time.time() + 3 * 86_400)
    body = {"name": "expires-soon", "expiresAt": soon}
    made = server.admin.post("/api/v1/access-keys", json=body)
    assert made.status_code == 201, made.text
    server.client_token(made.json()["clientId"], made.json()["clientSecret"])
    wrong = {"grantType": "client_credentials", "clientId": made.json()["clientId"], "clientSecret": "no"}
    assert httpx.post(f"{server.url}/api/v1/token", json=wrong).is_client_error
    assert httpx.get(f"{server.url}{ACCOUNTS}").status_code == 401
    assert httpx.get(f"{server.url}{ACCOUNTS}", headers={"authorization": "Bearer a.b.c"}).status_code == 401
    found = scrape(server.url)
    assert value(found, "runplane_tokens_issued_total", grant="client_credentials", dialect="v1") == 1
    assert value(found, "runplane_tokens_issued_total", grant="password", dialect="v1") == 1
    assert total(found, "runplane_token_refusals_total") == 1
    assert value(found, "runplane_refusals_total", status="401", reason="no_token") == 1
    assert total(found, "runplane_refusals_total") == 2
    kinds = {dict(labels)["kind"] for name, labels in found if name == "runplane_credential_expiry_seconds"}
    (kind,) = kinds
    assert 2.9 * 86_400 < value(found, "runplane_credential_expiry_seconds", kind=kind) < 3 * 86_400
    counts = [value(found, "runplane_credentials_expiring", kind=kind, days=it) for it in ("1", "7", "14")]
    assert counts == [0, 1, 1]
    assert value(found, "runplane_database_up") == 1
    assert value(found, "runplane_signing_key_age_seconds") >= 0
    assert value(found, "runplane_workers") == 1
    assert value(found, "runplane_freshness_lag_seconds") < 30


def test_a_scrape_names_no_tenant_person_or_object(make_server: Callable[..., Server]) -> None:
    server = make_server()
    made = server.admin.post(ACCOUNTS, json={"name": "account-hidden"}).json()
    text = httpx.get(f"{server.url}/metrics").text
    for name in ("runai", "admin@example.com", "account-hidden", made["clientId"], made["clientSecret"]):
        assert name not in text


def test_with_a_token_only_its_holder_may_read(make_server: Callable[..., Server]) -> None:
    server = make_server(metrics_token="scrape-me-if-you-can")
    assert scrape(server.url, "scrape-me-if-you-can")
    for header in ({}, {"authorization": "Bearer else"}, {"authorization": "scrape-me-if-you-can"}):
        answer = httpx.get(f"{server.url}/metrics", headers=header)
        assert answer.status_code == 401
        assert "runplane_" not in answer.text
    # a person's token is none of a scraper
    assert server.admin.get("/metrics").status_code == 401


def test_a_database_that_is_gone_is_a_figure(any_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from runplane.server.api.metrics import scrape as module
    from runplane.server.core.errors import Unavailable

    def broken(_: Any) -> Any:
        raise Unavailable("The database cannot answer right now.")

    monkeypatch.setattr(module, "read_figures", broken)
    monkeypatch.setattr(module, "KEPT_SECONDS", -1.0)
    found = scrape(any_server.url)
    assert value(found, "runplane_database_up") == 0
    assert ("runplane_agents", frozenset()) not in found


def test_a_worker_without_the_folder_of_the_others_serves_and_stops_in_order(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody cleans up /tmp, or its disk is full: figures get lost, records of the audit log do not."""
    from runplane.server.api.metrics import scrape as module

    for name, given in (("RUN_DIR", str(tmp_path)), ("WORKER", "0"), ("WORKER_RUN", "x")):
        monkeypatch.setenv(f"RUNPLANE_{name}", given)
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(module, "FOLD_SECONDS", 0.01)
    server = make_server()
    shutil.rmtree(tmp_path / "metrics")
    deadline = time.monotonic() + 30
    # not only once: it goes on trying, so that the figures come back with the folder
    (tmp_path / "metrics").mkdir()
    while not (tmp_path / "metrics" / "worker-0-x.json").exists():
        assert time.monotonic() < deadline, "the worker has stopped writing its figures"
        time.sleep(0.01)
    shutil.rmtree(tmp_path / "metrics")
    assert value(scrape(server.url), "runplane_workers") == 1
    wrong = {"grantType": "password", "username": "nobody@example.com", "password": "wrong"}
    assert httpx.post(f"{server.url}/api/v1/token", json=wrong).is_client_error
    server.restart()
    assert server.audit(action="sign-in", result="Failed")


@pytest.mark.slow
def test_one_scrape_tells_of_every_worker_and_never_less(start: Callable[..., ServerProcess]) -> None:
    server = start(workers="2")
    labels = {"operation": "get_healthz", "status": "200"}

    def settled(least: float) -> float:
        """The count once it is at least `least`: a worker writes it down within a second."""
        deadline = time.monotonic() + 60
        while True:
            found = scrape(server.url)
            count = found.get(("runplane_requests_total", frozenset(labels.items())), 0.0)
            if count >= least and value(found, "runplane_workers") == 2:
                return count
            assert time.monotonic() < deadline, f"{count} of {least} requests were counted"
            time.sleep(0.05)

    before = settled(0)
    for _ in range(40):
        # a connection each, so that both workers get some
        httpx.get(f"{server.url}/healthz").raise_for_status()
    assert settled(before + 40) == before + 40
    server.process.send_signal(1)
    deadline = time.monotonic() + 60
    while '"event":"workers replaced"' not in server.errors:
        assert time.monotonic() < deadline, server.errors
        time.sleep(0.05)
    assert settled(before + 40) == before + 40


@pytest.fixture
def rules(repository: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load((repository / RULES).read_text(encoding="utf-8"))["groups"]
    return [it for group in groups for it in group["rules"]]


def test_every_metric_of_the_alert_rules_exists(server: Server, rules: list[dict[str, Any]]) -> None:
    server.admin.get(ACCOUNTS)
    text = httpx.get(f"{server.url}/metrics").text
    known = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    known |= {f"{it}_bucket" for it in known}
    # with nothing to have an age, there is none
    known |= {"runplane_job_age_seconds", "runplane_agent_report_age_seconds"}
    assert len(rules) > 10
    for rule in rules:
        named = set(re.findall(r"\b(?:runplane|process)_\w+", rule["expr"]))
        assert named <= known, rule["alert"]


def test_the_guide_explains_every_alert(repository: Path, rules: list[dict[str, Any]]) -> None:
    names = [it["alert"] for it in rules]
    assert len(set(names)) == len(names)
    guide = (repository / "docs" / "guides" / "monitoring.md").read_text(encoding="utf-8")
    assert [it for it in names if f"`{it}`" not in guide] == []


def test_promtool_accepts_the_rules(repository: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    command = [program, "check", "rules", str(repository / RULES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
