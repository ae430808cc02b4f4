"""Departments and projects under requests at once: quotas hold, names stay unique, nothing is left over."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from runplane.server.organization.quotas import MEGABYTES, Quota, Share, promised, totals
from runplane.server.organization.units.model import PROJECTS as PROJECT_KIND
from runplane.server.organization.units.quota_rows import store
from support.server import Server
from support.units import DEPARTMENTS, PROJECTS, Site, fresh, limit_projects, ok, site


@pytest.fixture(scope="module")
def place(any_server: Server) -> Site:
    return site(any_server)


def at_once(server: Server, calls: list[Callable[[httpx.Client], httpx.Response]]) -> list[httpx.Response]:
    """Every call in a thread and on a connection of its own."""
    token = server.admin.headers["authorization"].removeprefix("Bearer ")

    def run(call: Callable[[httpx.Client], httpx.Response]) -> httpx.Response:
        return call(server.client(token))

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_the_last_gpu_is_promised_once(place: Site) -> None:
    above = place.department([{"gpu": {"deserved": 3}}])

    def create(client: httpx.Client) -> httpx.Response:
        body = {"name": fresh("gpu"), "clusterId": place.id, "parentId": above["id"]}
        return client.post(PROJECTS, json=body | {"resources": [{"gpu": {"deserved": 1}}]})

    limit_projects(place.server, on=True)
    try:
        statuses = [it.status_code for it in at_once(place.server, [create] * 8)]
    finally:
        limit_projects(place.server, on=False)
    assert sorted(statuses) == [201] * 3 + [400] * 5


def test_changes_of_different_attributes_all_arrive(place: Site) -> None:
    project = place.project()
    address = f"{PROJECTS}/{project['id']}/resources"
    changes: list[dict[str, Any]] = [
        {"gpu": {"deserved": 1}},
        {"gpu": {"overQuotaWeight": 2}},
        {"cpu": {"deserved": 3}},
        {"cpu": {"overQuotaWeight": 4}},
        {"memory": {"deserved": 5}},
        {"priority": "High"},
    ]

    def patch(change: dict[str, Any]) -> Callable[[httpx.Client], httpx.Response]:
        return lambda client: client.patch(address, json=[change])

    answers = at_once(place.server, [patch(it) for it in changes])
    assert [it.status_code for it in answers] == [200] * len(changes)
    after = ok(place.server.admin.get(f"{PROJECTS}/{project['id']}"))["resources"][0]
    found = (
        *(after["gpu"]["deserved"], after["gpu"]["overQuotaWeight"]),
        *(after["cpu"]["deserved"], after["cpu"]["overQuotaWeight"], after["memory"]["deserved"]),
    )
    assert (*found, after["priority"]) == (1, 2, 3, 4, 5, "High")


def post(url: str, body: dict[str, Any], client: httpx.Client) -> httpx.Response:
    return client.post(url, json=body)


def test_a_name_is_taken_by_one(place: Site) -> None:
    for url in (PROJECTS, DEPARTMENTS):
        body = {"name": fresh("same"), "clusterId": place.id, "resources": []}
        answers = at_once(place.server, [partial(post, url, body)] * 6)
        assert sorted(it.status_code for it in answers) == [201] + [409] * 5


def test_no_project_outlives_its_department(place: Site) -> None:
    above = place.department()

    def create(client: httpx.Client) -> httpx.Response:
        body = {"name": fresh("short"), "clusterId": place.id, "parentId": above["id"], "resources": []}
        return client.post(PROJECTS, json=body)

    def delete(client: httpx.Client) -> httpx.Response:
        return client.delete(f"{DEPARTMENTS}/{above['id']}")

    answers = at_once(place.server, [create, create, create, delete, create, create, create])
    assert answers[3].status_code == 204
    assert {it.status_code for it in answers} <= {201, 204, 400, 404}
    params = {"filterBy": f"parentId=={above['id']}"}
    assert ok(place.server.admin.get(f"{PROJECTS}/count", params=params)) == {"count": 0}
    made = [it.json()["id"] for it in answers if it.status_code == 201]
    assert all(place.server.admin.get(f"{PROJECTS}/{it}").status_code == 404 for it in made)


def test_sums_in_the_database_are_the_sums(place: Site) -> None:
    dice = random.Random(7)
    above = place.department()
    pools = [int(place.pool), int(place.add_pool()), int(place.add_pool())]

    def share(*, gpu: bool = False) -> Share:
        deserved = dice.choice([0.0, 1.5, 3.0] if gpu else [None, 0.0, 2.25, 7.0])
        return Share(deserved, dice.choice([None, 8.0]), None)

    def quota() -> Quota:
        if dice.random() < 0.2:
            return Quota(gpu=Share(None, dice.choice([None, 4.0]), None))
        return Quota(share(gpu=True), share(), share(), dice.choice(sorted(MEGABYTES)))

    def compare() -> None:
        for without in (0, *children):
            kept = [given for number, given in children.items() if number != without]
            for capped in (False, True):
                found = place.server.units.read(
                    lambda unit, capped=capped, without=without: store.select_sums(
                        unit, int(above["id"]), pools, capped=capped, without=without
                    )
                )
                wanted = promised(kept, pools)
                if not capped:
                    wanted = {it: totals(given.get(it, Quota()) for given in kept) for it in pools}
                assert same(found, wanted)

    def same(found: Any, wanted: Any) -> bool:
        return all(
            getattr(found[pool], name) == pytest.approx(getattr(wanted[pool], name))
            if getattr(wanted[pool], name) is not None
            else getattr(found[pool], name) is None
            for pool in pools
            for name in ("gpu", "cpu", "megabytes")
        )

    children: dict[int, dict[int, Quota]] = {}
    compare()
    for _ in range(8):
        number = int(place.project(above["id"])["id"])
        given = {pool: quota() for pool in pools if dice.random() < 0.8}
        place.server.units.write(
            lambda unit, number=number, given=given: store.replace_quotas(
                unit, PROJECT_KIND, number, given, totals(given.values())
            )
        )
        children[number] = given
        compare()
