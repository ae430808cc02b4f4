"""How both databases go about the lists of a large tenant: by an index, and in its order on a first page.

The time of a page says little on a busy machine. Its plan says whether the page grows with the tenant.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, text

from runplane.server.api.authorization.access_rules import store as rules
from runplane.server.api.authorization.access_rules.model import ACCESS_RULES
from runplane.server.api.users import store as people
from runplane.server.api.users.model import USERS
from runplane.server.authz.tables import access_rules
from runplane.server.core.clock import Instant
from runplane.server.core.listing import Condition, Listing, Operator, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.identity.tables import users
from runplane.server.organization.clusters.tables import clusters
from runplane.server.organization.units import store as organization
from runplane.server.organization.units.model import DEPARTMENTS, PROJECTS, UnitKind
from runplane.server.organization.units.tables import departments, projects
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import migrate
from runplane.server.sql.prepared import Prepared, Row
from runplane.server.sql.schema import tenants
from runplane.server.sql.tallies import Tallies
from runplane.server.sql.unit import Unit

pytestmark = pytest.mark.detail

TENANT, NOW = 1, Instant("2026-01-01T00:00:00.000Z")
COUNT = 6_000
PER_DEPARTMENT = 20
ADMINISTRATOR = ScopeSet(("/1/",))
# Where PostgreSQL has statistics, it reads three hundred departments sooner than it walks an index.
BIG = ("projects", "users", "access_rules")


def path_of(number: int) -> str:
    return f"/1/c/d{number // PER_DEPARTMENT}/p{number}/"


FORTY = ScopeSet.of(path_of(number) for number in range(0, COUNT, COUNT // 40))
MIXED = ScopeSet.of(["/1/c/d3/", "/1/c/d77/", *FORTY.roots])


class Explained(Unit):
    """A unit that asks for the plan of whatever it reads."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, NOW, Tallies())
        self.plans: list[str] = []

    def _explain(self, query: Prepared, params: Mapping[str, Any]) -> None:
        sql, order, defaults = query.render(self.connection.dialect)
        given: Any = {**defaults, **params}
        word = "EXPLAIN"
        if order is not None:
            given, word = [given[name] for name in order], "EXPLAIN QUERY PLAN"
        self.plans.append("\n".join(row[-1] for row in self.raw.execute(f"{word} {sql}", given)))

    def all(self, query: Prepared, params: Mapping[str, Any]) -> list[Row]:
        self._explain(query, params)
        return super().all(query, params)

    def scalar(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        self._explain(query, params)
        return super().scalar(query, params)


def fill(connection: Connection) -> None:
    """A tenant with COUNT projects, COUNT people and two rules for each of them."""
    born = {"tenant_id": TENANT, "created_at": NOW, "updated_at": NOW, "created_by": "test"}
    place = {**born, "cluster_id": "c", "description": "", "updated_by": "test"}

    def put(table: Table, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> None:
        connection.execute(insert(table), list(rows))

    put(tenants, [{"id": TENANT, "name": "t", "created_at": NOW}])
    put(
        clusters, [{**born, "id": "c", "name": "c", "path": "/1/c/", "simulated": False, "agent_secret": b""}]
    )
    put(
        departments,
        (
            {**place, "id": number, "name": f"d{number}", "path": f"/1/c/d{number}/", "is_default": False}
            for number in range(COUNT // PER_DEPARTMENT)
        ),
    )
    own = {"enforce_scheduler": True, "phase": "Creating"}
    put(
        projects,
        (
            {**place, **own, "id": number, "name": f"p{number}", "path": path_of(number),
             "namespace": f"n{number}", "department_id": number // PER_DEPARTMENT}
            for number in range(COUNT)
        ),
    )  # fmt: skip
    put(
        users,
        (
            {**born, "id": f"u{number:06}", "email": f"{number:06}@x", "email_key": f"{number:06}@x",
             "is_local": True, "enabled": True}
            for number in range(COUNT)
        ),
    )  # fmt: skip
    told = {"subject_type": "user", "subject_kind": "user", "role_name": "r", "scope_type": "project"}
    put(
        access_rules,
        (
            {**born, **told, "subject_id": f"{number:06}@x", "subject_key": f"{number:06}@x", "role_id": role,
             "scope_id": str(number), "scope_name": f"p{number}", "scope_path": path_of(number),
             "deleted_at": NOW if number % 7 == 1 else None}
            for number in range(COUNT) for role in (1, 2)
        ),
    )  # fmt: skip


@pytest.fixture
def large(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database)
    with database.engine.begin() as connection:
        fill(connection)
        if not database.is_sqlite:
            connection.execute(text("ANALYZE"))
    yield database
    database.close()


@contextmanager
def reading(database: Database) -> Generator[Explained]:
    with database.engine.connect() as connection, connection.begin():
        yield Explained(connection)


def sorted_by(kind: Any, name: str) -> Page:
    return Page(sort=(kind.listing.fields[name], False), limit=50)


def where(listing: Listing, name: str, value: str) -> Page:
    return Page((Condition(listing.fields[name], Operator.EQUAL, value),), limit=50)


FIRST = Page(limit=50)
Ask = Callable[[Explained, Page, ScopeSet | None], object]


def units_of(kind: UnitKind) -> Ask:
    return lambda unit, page, scopes: organization.select_units(unit, kind, TENANT, page, scopes, NOW)


def rules_in(unit: Explained, page: Page, scopes: ScopeSet | None) -> object:
    assert scopes is not None
    return rules.select_rules(unit, TENANT, page, scopes)


def rules_of_somebody(unit: Explained, page: Page, scopes: ScopeSet | None) -> object:
    assert scopes is not None
    return rules.select_rules(unit, TENANT, page, scopes, subjects=["000077@x"])


def rules_counted(unit: Explained, page: Page, scopes: ScopeSet | None) -> object:
    assert scopes is not None
    return rules.count_rules(unit, TENANT, page, scopes)


def everybody(unit: Explained, page: Page, _: ScopeSet | None) -> object:
    return people.select_views(unit, TENANT, page)


def units_counted(unit: Explained, page: Page, scopes: ScopeSet | None) -> object:
    return organization.count_units(unit, PROJECTS, TENANT, page, scopes, NOW)


# what is asked, by whom, and the index that has to serve it on SQLite
ORDERED: Mapping[str, tuple[Ask, Page, ScopeSet | None, str]] = {
    "projects": (units_of(PROJECTS), FIRST, None, "ix_projects_tenant_id_id"),
    "projects of a cluster": (units_of(PROJECTS), FIRST, ScopeSet(("/1/c/",)), "ix_projects_tenant_id_id"),
    "projects by name": (
        units_of(PROJECTS), sorted_by(PROJECTS, "name"), None, "ix_projects_tenant_id_name"
    ),
    "projects by age": (
        units_of(PROJECTS), sorted_by(PROJECTS, "createdAt"), None, "ix_projects_tenant_id_created_at"
    ),
    "departments": (units_of(DEPARTMENTS), FIRST, None, "ix_departments_tenant_id_id"),
    "users": (everybody, FIRST, None, "ix_users_tenant_id_id"),
    "rules": (rules_in, FIRST, ADMINISTRATOR, "ix_access_rules_live"),
}  # fmt: skip
FOUND: Mapping[str, tuple[Ask, Page, ScopeSet | None, str]] = {
    "projects of forty": (units_of(PROJECTS), FIRST, FORTY, "ix_projects_tenant_id_path"),
    "projects of forty by name": (
        units_of(PROJECTS), sorted_by(PROJECTS, "name"), FORTY, "ix_projects_tenant_id_path"
    ),
    "projects of a mixed caller": (units_of(PROJECTS), FIRST, MIXED, "ix_projects_tenant_id_path"),
    "departments of a mixed caller": (units_of(DEPARTMENTS), FIRST, MIXED, "ix_departments_tenant_id_path"),
    "rules of forty": (rules_in, FIRST, FORTY, "ix_access_rules_scope_path"),
    "number of forty": (units_counted, Page(), FORTY, "ix_projects_tenant_id_path"),
    "number of rules": (rules_counted, Page(), ADMINISTRATOR, "ix_access_rules_scope_path"),
    "rules of a person": (rules_of_somebody, FIRST, ADMINISTRATOR, "ix_access_rules_subject_id"),
    "rules of a project": (
        rules_in, where(ACCESS_RULES, "scopeId", "77"), ADMINISTRATOR, "ix_access_rules_scope_id"
    ),
    "people by name": (everybody, where(USERS, "username", "000077@x"), None, "ix_users_tenant_id_email"),
    "a page deep in the list": (
        units_of(PROJECTS), Page(offset=COUNT // 2, limit=50), None, "ix_projects_tenant_id_id"
    ),
}  # fmt: skip


def test_no_page_reads_a_whole_table(large: Database) -> None:
    with reading(large) as unit:
        for name, (ask, page, scopes, index) in {**ORDERED, **FOUND}.items():
            unit.plans.clear()
            assert ask(unit, page, scopes), name
            plan = unit.plans[-1]
            scan = "SCAN" if large.is_sqlite else "Seq Scan on"
            # Half a small table in one go is cheaper than its index, and PostgreSQL knows.
            if large.is_sqlite or name not in ("number of rules", "a page deep in the list"):
                assert not any(f"{scan} {table}" in plan for table in BIG), f"{name}:\n{plan}"
            if large.is_sqlite:
                assert index in plan, f"{name}:\n{plan}"


def test_first_pages_of_everything_come_in_the_order_of_an_index(large: Database) -> None:
    sorting = "TEMP B-TREE" if large.is_sqlite else "Sort"
    with reading(large) as unit:
        for name, (ask, page, scopes, _) in ORDERED.items():
            unit.plans.clear()
            ask(unit, page, scopes)
            if large.is_sqlite or name != "departments":
                assert sorting not in unit.plans[-1], f"{name}:\n{unit.plans[-1]}"


def test_how_much_somebody_sees_is_counted_from_the_scopes(large: Database) -> None:
    with reading(large) as unit:
        for roots in (["/1/c/d1/"], ["/1/c/d1/", "/1/c/d2/"], [f"/1/c/d{number}/" for number in range(100)]):
            unit.plans.clear()
            organization.count_units(unit, PROJECTS, TENANT, Page(), ScopeSet.of(roots), NOW)
            for plan in unit.plans:
                if large.is_sqlite:
                    assert "(tenant_id=? AND path>? AND path<?)" in plan, plan
                else:
                    assert "Seq Scan on projects" not in plan, plan


def test_forty_roots_are_forty_seeks_and_find_what_they_should(large: Database) -> None:
    with reading(large) as unit:
        found = organization.select_units(unit, PROJECTS, TENANT, FIRST, FORTY, NOW)
        assert [row.path for row in found] == [path_of(it) for it in range(0, COUNT, COUNT // 40)]
        assert organization.count_units(unit, PROJECTS, TENANT, Page(), FORTY, NOW) == 40
        # 2 rules for each project, less those of one in seven
        live = [it for it in range(0, COUNT, COUNT // 40) if it % 7 != 1]
        assert rules.count_rules(unit, TENANT, Page(), FORTY) == 2 * len(live)
