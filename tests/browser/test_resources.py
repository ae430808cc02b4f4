"""Clusters, node pools and nodes in a real browser: from a name to an agent that speaks, and back."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from support.chromium import Watch, assert_accessible, clipboard
from support.console import CLUSTERS, HOSTILE, Console
from support.processes import NEW_PASSWORD, clean_environment

Visit = Callable[..., Page]
PAGES = ("/clusters", "/node-pools", "/nodes")
SIMULATED = sum(size[0] for size in CLUSTERS.values() if size is not None)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:8]}"


def row(page: Page, *texts: str) -> Locator:
    """The row of the table that shows all of `texts`."""
    found = page.get_by_role("row")
    for text in texts:
        found = found.filter(has_text=text)
    return found


def choose(page: Page, name: str, action: str) -> None:
    """An entry of the menu of a row."""
    page.get_by_role("button", name=f"Actions for {name}", exact=True).first.click()
    page.get_by_role("menuitem", name=action).click()


def copied(page: Page, within: Locator, what: str) -> str:
    """What a copy button puts on the clipboard."""
    within.get_by_role("button", name=re.compile(f"copy {re.escape(what)}", re.IGNORECASE)).click()
    return clipboard(page)


@contextmanager
def running(script: str) -> Iterator[None]:
    """A shell that runs what was copied, for as long as the block lasts."""
    environment = clean_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    shell = subprocess.Popen(
        ["sh", "-c", script],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()


@pytest.fixture
def cluster(console: Console) -> Iterator[str]:
    """The name of a cluster of one's own, which no agent speaks for."""
    name = unique("berlin")
    made = console.post("/api/v1/clusters", {"name": name})
    yield name
    console.admin.delete(f"/api/v1/clusters/{made['uuid']}?force=true")


def test_a_cluster_is_made_connected_renamed_and_removed(visit: Visit, console: Console) -> None:
    name, later = unique("cluster"), unique("renamed")
    page = visit("/clusters")
    page.get_by_role("button", name="New cluster").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Connect {name}")
    expect(dialog).to_contain_text("Waiting to connect")
    assert_accessible(page)
    helm = copied(page, dialog, "Kubernetes (Helm)")
    uuid = next(it["uuid"] for it in console.admin.get("/api/v1/clusters").json() if it["name"] == name)
    assert "helm upgrade -i runai-cluster" in helm
    assert f"cluster.uid={uuid}" in helm
    dialog.get_by_role("button", name="Simulated").click()
    with running(copied(page, dialog, "Simulated")):
        # Nobody reloads: the dialog watches.
        expect(dialog.get_by_text("Connected", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Done").click()
    expect(row(page, name, "Simulated")).to_be_visible()

    choose(page, name, "Rename")
    page.get_by_label("Name", exact=True).fill(later)
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(row(page, later)).to_be_visible()

    # Its agent is gone by now, so the cluster waits in vain until somebody stops waiting.
    choose(page, later, "Remove")
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(row(page, later, "Being removed")).to_be_visible()
    choose(page, later, "Remove")
    page.get_by_role("button", name="Remove now").click()
    expect(row(page, later)).to_have_count(0)


def test_a_name_that_is_taken_is_told_where_it_was_typed(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 4")
    page = visit("/clusters")
    page.get_by_role("button", name="New cluster").click()
    page.get_by_label("Name", exact=True).fill("frankfurt")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(re.compile("exists|taken|already", re.IGNORECASE))
    expect(page.get_by_label("Name", exact=True)).to_have_value("frankfurt")


def test_the_drawer_of_a_cluster_leads_to_its_nodes(visit: Visit) -> None:
    page = visit("/clusters")
    page.get_by_role("button", name="oslo", exact=False).first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("This cluster does not exist")
    drawer.get_by_role("button", name="Show the install command").click()
    expect(drawer).to_contain_text("helm upgrade -i runai-cluster")
    drawer.get_by_role("link", name="Its nodes").click()
    expect(page).to_have_url(re.compile("/nodes"))
    nodes, gpus = CLUSTERS["oslo"] or (0, 0)
    expect(page.get_by_role("row").filter(has_text="oslo")).to_have_count(nodes)
    expect(page.get_by_role("row").filter(has_text="frankfurt")).to_have_count(0)
    tile = page.locator("dl > div").filter(has=page.get_by_text("GPU devices", exact=True))
    expect(tile).to_contain_text(str(nodes * gpus))


def test_nodes_are_marked_as_simulated_and_what_nobody_reports_is_no_zero(visit: Visit) -> None:
    page = visit("/nodes?sort=name")
    expect(page.get_by_text("Simulated", exact=True)).to_have_count(SIMULATED)
    tile = page.locator("dl > div").filter(has=page.get_by_text("Allocated GPUs", exact=True))
    expect(tile).to_contain_text("Not reported")
    page.get_by_role("button", name="simulated-1").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Simulated-GPU")
    assert_accessible(page)


def test_a_node_pool_is_made_changed_and_deleted(visit: Visit, watch: Watch, cluster: str) -> None:
    watch.expects("status of 400")
    name = unique("pool")
    page = visit("/node-pools")
    page.get_by_role("button", name="New node pool").click()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Choose the cluster whose nodes it divides.")).to_be_visible()
    page.get_by_role("combobox", name="Cluster").click()
    page.get_by_role("option", name=cluster).click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Label key").fill("not a label")
    page.get_by_label("Label value").fill("h100")
    page.get_by_role("button", name="Create", exact=True).click()
    key = page.get_by_label("Label key")
    expect(key).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("must be a Kubernetes label key")).to_be_visible()
    assert_accessible(page)
    key.fill("accelerator")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(row(page, name, "accelerator=h100", "Bin-pack")).to_be_visible()

    choose(page, name, "Edit")
    page.get_by_role("radiogroup", name="Placement of GPU workloads").get_by_text("Spread").click()
    page.get_by_role("button", name="Save").click()
    expect(row(page, name, "Spread")).to_be_visible()

    choose(page, name, "Delete")
    page.get_by_role("dialog", name=f"Delete the node pool {name} of {cluster}?").get_by_role(
        "button", name="Delete"
    ).click()
    expect(row(page, name)).to_have_count(0)


def test_the_default_pool_cannot_be_deleted_and_shows_what_was_reported(visit: Visit) -> None:
    page = visit("/node-pools")
    nodes, gpus = CLUSTERS["frankfurt"] or (0, 0)
    default = row(page, "default", "frankfurt")
    expect(default.get_by_role("cell", name=str(nodes * gpus), exact=True)).to_be_visible()
    page.get_by_role("button", name="Actions for default").first.click()
    expect(page.get_by_role("menuitem", name="Delete")).to_have_attribute("aria-disabled", "true")


def test_what_looks_like_a_formula_or_html_is_text_here_and_in_files(visit: Visit, console: Console) -> None:
    made = [console.post("/api/v1/clusters", {"name": it})["uuid"] for it in HOSTILE]
    try:
        page = visit("/clusters")
        for text in HOSTILE:
            expect(row(page, text)).to_be_visible()
        page.get_by_role("button", name="More", exact=False).first.click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=re.compile("CSV")).click()
        cells = list(csv.reader(download.value.path().read_text("utf-8-sig").splitlines()))
        assert len(cells) > len(HOSTILE)
        assert not [cell for line in cells for cell in line if cell[:1] in "=+@" and cell]
    finally:
        for uuid in made:
            console.admin.delete(f"/api/v1/clusters/{uuid}?force=true")


def test_who_may_only_look_gets_no_buttons(visit: Visit, console: Console) -> None:
    viewer = console.person("Viewer")
    for path in PAGES[:2]:
        page = visit(path, email=viewer, password=NEW_PASSWORD)
        expect(row(page, "frankfurt").first).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^New "))).to_have_count(0)
        expect(page.get_by_role("button", name=re.compile("Actions for"))).to_have_count(0)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_and_fit_a_small_phone(visit: Visit, path: str) -> None:
    page = visit(path, size=(360, 740), dark=True)
    expect(row(page, "oslo").first).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    assert_accessible(page)
