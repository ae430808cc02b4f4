"""Without a network the server, the console and the documentation work: nothing is fetched from anywhere.

The server and its client run in a network namespace that has the loopback interface and no other.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, unavailable
from support.chromium import BUNDLE
from support.processes import clean_environment
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

pytestmark = pytest.mark.slow

CLIENT = """
import json, re, socket, subprocess, sys, time
import httpx

server = subprocess.Popen([sys.executable, "-m", "runplane", "serve"], stderr=open("log", "wb"))
try:
    client = httpx.Client(base_url="http://127.0.0.1:8080", timeout=30)
    deadline = time.monotonic() + 60
    while True:
        try:
            if client.get("/readyz").status_code == 200:
                break
        except httpx.TransportError:
            assert server.poll() is None and time.monotonic() < deadline, open("log").read()
            time.sleep(0.05)
    told = {"interfaces": [name for _, name in socket.if_nameindex()]}
    body = {"grantType": "password", "username": sys.argv[1], "password": sys.argv[2]}
    told["token"] = client.post("/api/v1/token", json=body).status_code
    pages = {path: client.get(path, headers={"accept": "text/html"}) for path in ("/", "/api/docs")}
    told["pages"] = {path: it.status_code for path, it in pages.items()}
    names = {path: re.findall(r'(?:src|href)="([^"#]+)"', it.text) for path, it in pages.items()}
    told["named"] = sorted({it for found in names.values() for it in found})
    told["files"] = {it: client.get(it).status_code for it in told["named"] if it.startswith("/")}
    told["document"] = client.get("/api/docs/swagger.json").status_code
    print(json.dumps(told))
finally:
    server.terminate()
    told_code = server.wait(30)
sys.exit(told_code)
"""


def without_network(folder: Path) -> dict[str, Any]:
    """Run CLIENT where only loopback is; returns what it told."""
    bring_up = 'ip link set lo up && exec "$@"'
    command = ["unshare", "--net", "sh", "-c", bring_up, "sh", sys.executable, "-c", CLIENT]
    environment = clean_environment(
        data_dir=str(folder / "data"), admin_email=ADMIN_EMAIL, admin_password=ADMIN_PASSWORD
    )
    try:
        probe = subprocess.run(
            ["unshare", "--net", "ip", "link"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        unavailable("namespaces", "there is no unshare on this machine")
    if probe.returncode != 0:
        unavailable("namespaces", f"a network namespace cannot be made here: {probe.stderr.strip()}")
    done = subprocess.run(
        [*command, ADMIN_EMAIL, ADMIN_PASSWORD],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_everything_works_where_there_is_no_network(tmp_path: Path) -> None:
    told = without_network(tmp_path)
    assert told["interfaces"] == ["lo"]
    assert told["token"] == 200
    assert told["document"] == 200
    assert told["pages"] == {"/": 200, "/api/docs": 200}
    assert [it for it in told["named"] if re.match(r"(https?:)?//", it)] == []
    assert set(told["files"].values()) <= {200}, told["files"]


def test_no_file_of_the_console_names_an_address_to_load_from() -> None:
    """Style sheets and pages; scripts hold names of XML namespaces and error pages, which nobody fetches."""
    if not BUNDLE.is_file():
        unavailable("node", "the console is not built: run make console")
    loads = re.compile(r"""(?:url\(|@import\s|src=|href=)["']?\s*((?:https?:)?//[^"')\s]+)""")
    found = {
        it.name: loads.findall(it.read_text("utf-8"))
        for it in BUNDLE.parent.rglob("*")
        if it.suffix in (".css", ".html", ".svg")
    }
    assert len(found) > 2
    assert {name: hits for name, hits in found.items() if hits} == {}
    assert list(BUNDLE.parent.rglob("*.woff2")), "the fonts are among the files"


def test_the_dockerfile_starts_nothing_that_downloads() -> None:
    """What is fetched is fetched while the image is built; the last stage only copies and installs files."""
    last = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]
    assert "--no-index" in last
    assert not re.search(r"curl|wget|apt-get|npm ", last)
