"""What one server exports, an empty second one takes and exports again; and no text breaks the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runplane.cli.connect import Target
from runplane.cli.organization import command
from runplane.cli.organization.document import (
    AccessRule,
    Department,
    Gpu,
    Memory,
    NodeTypes,
    Organization,
    Place,
    Project,
    Quota,
    Role,
    SchedulingRules,
    ServiceAccount,
    Share,
)
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.sections import plain
from runplane.cli.organization.yaml_file import Source, dump
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server
from support.units import ok

CLUSTERS, POOLS = ("west", "east"), ("default", "big")
SETS = ("projectsReadAccess", "departmentsEditAccess", "nodesReadAccess")
ADMINISTRATOR = AccessRule(user=ADMIN_EMAIL, role="System administrator", scope="tenant")

names = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True).filter(lambda it: it != "default")
# what YAML could take for something else is what has to survive
texts = st.sampled_from(
    ["", "no", "12", "2026-01-31", "a: b # c", "~", "&x", "é 日", " two\nlines ", "'\"", "-1"]
)
deserved = st.sampled_from([0.0, 1.0, 2.5, 8.0, "unlimited"])
limits = st.sampled_from([8.0, 100.25, "unlimited"])
weights = st.sampled_from([None, 0.0, 3.0])
shares: dict[str, Any] = {"deserved": deserved, "limit": limits, "over_quota_weight": weights}
quotas = st.builds(
    Quota,
    gpu=st.builds(Gpu, **shares),
    cpu=st.builds(Share, **shares),
    memory=st.builds(Memory, **shares, units=st.sampled_from(["MB", "GB", "Mib"])),
    priority=st.sampled_from([None, "High", "Low"]),
)
node_types = st.builds(
    NodeTypes,
    training=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
    workspace=st.just(()),
    names=st.sampled_from([None, {"a": "A"}]),
)
rules = st.builds(SchedulingRules, training_job_time_limit_seconds=st.sampled_from([None, 60, 3600]))
units: dict[str, Any] = {
    "name": names,
    "cluster": st.sampled_from(CLUSTERS),
    "description": texts,
    "default_node_pools": st.sampled_from([None, (), ("big",), ("default", "big")]),
    "node_types": node_types,
    "resources": st.dictionaries(st.sampled_from(POOLS), quotas),
}


def unique(strategy: Any, key: Any, most: int = 3) -> Any:
    return st.lists(strategy, unique_by=key, max_size=most).map(tuple)


def placed(unit: Any) -> tuple[str, str]:
    return unit.cluster, unit.name


@st.composite
def organizations(draw: st.DrawFn) -> Organization:
    departments = draw(unique(st.builds(Department, **units, scheduling_rules=rules), placed))
    homes = {cluster: ["default"] for cluster in CLUSTERS}
    for it in departments:
        homes[it.cluster].append(it.name)
    raw = draw(unique(st.builds(Project, **units), placed))
    projects = []
    for it in raw:
        home = draw(st.sampled_from(homes[it.cluster]))
        extra: dict[str, Any] = {"department": home, "enforce_runai_scheduler": draw(st.booleans())}
        projects.append(Project(**{name: getattr(it, name) for name in units} | extra))
    roles = draw(
        unique(
            st.builds(
                Role,
                name=names,
                description=texts,
                permission_sets=st.lists(st.sampled_from(SETS), min_size=1, unique=True).map(tuple),
            ),
            lambda it: it.name,
        )
    )
    accounts = draw(
        unique(
            st.builds(
                ServiceAccount,
                name=names,
                enabled=st.booleans(),
                expires_at=st.sampled_from([None, "2099-01-31T09:30:00.000Z"]),
            ),
            lambda it: it.name,
        )
    )
    places: list[Any] = ["tenant", *(Place(cluster=it) for it in CLUSTERS)]
    places += [Place(cluster=it.cluster, department=it.name) for it in departments]
    places += [Place(cluster=it.cluster, project=it.name) for it in projects]
    subjects = [
        {"user": "ada@example.org"},
        {"group": "12"},
        *({"service_account": it.name} for it in accounts),
    ]
    known = ["Viewer", *(it.name for it in roles)]
    given_out = draw(
        st.lists(
            st.tuples(st.sampled_from(subjects), st.sampled_from(known), st.sampled_from(places)),
            unique_by=repr,
            max_size=4,
        )
    )
    return Organization(
        version=1,
        departments=departments,
        projects=tuple(projects),
        roles=roles,
        service_accounts=accounts,
        access_rules=(
            ADMINISTRATOR,
            *(AccessRule(**who, role=role, scope=place) for who, role, place in given_out),
        ),
    )


NOTHING = Organization(
    version=1, departments=(), projects=(), roles=(), service_accounts=(), access_rules=(ADMINISTRATOR,)
)


class Site:
    """A server and the commands as its administrator."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.file = server, folder / "organization.yaml"
        for name in CLUSTERS:
            made = ok(server.admin.post("/api/v1/clusters", json={"name": name}), 201)
            pool = {"name": "big", "clusterId": made["uuid"], "labelKey": "size", "labelValue": "big"}
            ok(server.admin.post("/api/v1/node-pools", json=pool), 201)
        self.login = Target(server=server.url)

    def apply(self, text: str) -> str:
        self.file.write_text(text, encoding="utf-8")
        said: list[str] = []
        command.apply(self.login, self.file, prune=True, agreed=None, say=said.append)
        return said[-1]

    def export(self) -> str:
        said: list[str] = []
        command.export(self.login, said.append, said.append)
        (text,) = said
        return text


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    servers = [Server(tmp_path_factory.mktemp("data")) for _ in range(2)]
    yield tuple(Site(it, tmp_path_factory.mktemp("file")) for it in servers)
    for it in servers:
        it.stop()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(organization=organizations())
@pytest.mark.slow
def test_what_is_exported_makes_an_equal_organization_elsewhere(
    sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch, organization: Organization
) -> None:
    one, other = sites

    def work_on(site: Site) -> None:
        monkeypatch.setenv("RUNPLANE_TOKEN", site.server.token(ADMIN_EMAIL, ADMIN_PASSWORD))

    work_on(one)
    one.apply(dump(plain(organization)))
    assert one.apply(dump(plain(organization))) == "Nothing to change."
    exported = one.export()
    work_on(other)
    other.apply(dump(plain(NOTHING)))
    other.apply(exported)
    assert other.export() == exported
    assert other.apply(exported) == "Nothing to change."


YAML = st.text(st.sampled_from("-:[]{}&*!|>'\"#%@`,? \n\tab1.~<=\x00é"), max_size=40)


@pytest.mark.clause("yaml.safe")
@settings(max_examples=300)
@given(text=st.one_of(YAML, YAML.map("version: 1\nroles: ".__add__), st.text(max_size=20)))
def test_any_text_is_an_organization_or_one_sentence(text: str) -> None:
    try:
        Source("a.yaml", text)
    except OrganizationError as error:
        (sentence,) = error.sentences
        assert re.match(r"a\.yaml:[0-9]+: \S", sentence)


@given(organization=organizations())
def test_what_is_written_is_read_again(organization: Organization) -> None:
    assert Source("a.yaml", dump(plain(organization))).organization == organization
