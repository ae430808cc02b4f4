"""List statements against a Python model of the same question, on both databases."""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal,
    select,
)

from runplane.server.core.clock import instant
from runplane.server.core.listing import Condition, Envelope, Field, Kind, Listing, Operator, Page, cut
from runplane.server.core.scope import EVERYWHERE, ScopeSet
from runplane.server.sql import filters, narrowing
from runplane.server.sql.engine import Database
from runplane.server.sql.filters import MAX_WEIGHT, TENANT, ListQuery
from runplane.server.sql.narrowing import MAX_RANGES
from runplane.server.sql.prepared import Prepared, RawReader
from runplane.server.sql.schema import InstantText, Text

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("note", String),  # on purpose without the collation "C"
    Column("at", InstantText),
    Column("small", Integer),
    Column("count", BigInteger),
    Column("ratio", Float(53)),
    Column("amount", Numeric(12, 2)),
    Column("flag", Boolean),
    Column("mark", Integer),
    Column("path", Text),
    Column("tenant", Integer),
)
EVERY = tuple(Operator)
LISTING = Listing(
    "things",
    Field("name", search=True, operators=EVERY),
    Field("note", search=True, operators=EVERY),
    Field("at", Kind.TIME),
    Field("small", Kind.INTEGER),
    Field("count", Kind.INTEGER),
    Field("ratio", Kind.NUMBER),
    Field("amount", Kind.NUMBER),
    Field("flag", Kind.BOOLEAN),
    Field("mark", Kind.BOOLEAN),
    envelope=Envelope("things"),
)
FIELDS = tuple(LISTING.fields.values())


def new_query() -> ListQuery:
    columns = {name: THINGS.c[name] for name in LISTING.fields}
    return ListQuery(LISTING, select(THINGS.c.id), columns, THINGS.c.id, THINGS.c.path)


QUERY = new_query()
# The same list as one that grows with an organization.
OF_TENANT = ListQuery(
    LISTING,
    select(THINGS.c.id),
    {name: THINGS.c[name] for name in LISTING.fields},
    THINGS.c.id,
    THINGS.c.path,
    THINGS.c.tenant,
)

# Small pools, so that rows and questions meet.
TEXTS = st.text(alphabet="aAbBéÉ%_!\\'\" ,=-\U0001f600\uffee", max_size=4)
INSTANTS = st.integers(1_700_000_000, 1_700_000_003).map(instant)
BIG = st.sampled_from([-(2**63), -1, 0, 1, 2, 2**63 - 1])
NUMBERS = st.sampled_from([-1.5, 0.0, 0.1, 0.5, 2.0, 1e300])
ROW_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "name": TEXTS,
    "note": st.none() | TEXTS,
    "at": st.none() | INSTANTS,
    "small": st.none() | st.integers(-1, 3),
    "count": st.none() | BIG,
    "ratio": st.none() | NUMBERS,
    "amount": st.none() | st.sampled_from([-1.5, 0.0, 0.5, 2.0]),
    "flag": st.none() | st.booleans(),
    "mark": st.none() | st.integers(0, 1),
}
CLUSTERS = [f"/{tenant}/c{number}/" for tenant in (1, 10) for number in range(20)]
NODES = ["/1/", "/10/", *CLUSTERS, *(f"{c}d{n}/" for c in CLUSTERS[:6] for n in (5, 55)), "/1/c1/d5/p42/"]
ROWS = st.lists(
    st.fixed_dictionaries({**ROW_VALUES, "path": st.none() | st.sampled_from(NODES)}), max_size=12
).map(lambda rows: [{"id": f"r{index:02d}", **row} for index, row in enumerate(rows)])
ASKED: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXTS.filter(bool),
    Kind.TIME: INSTANTS,
    Kind.INTEGER: BIG,
    Kind.NUMBER: NUMBERS,
    Kind.BOOLEAN: st.booleans(),
}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(FIELDS))
    return Condition(field, draw(st.sampled_from(field.operators)), draw(ASKED[field.kind]))


PAGES = st.builds(
    Page,
    conditions=st.lists(conditions(), max_size=3).map(tuple),
    search=st.none() | TEXTS.filter(bool),
    sort=st.none() | st.tuples(st.sampled_from(FIELDS), st.booleans()),
    offset=st.integers(0, 4),
    limit=st.none() | st.integers(1, 5),
)
SCOPES = st.none() | st.just(EVERYWHERE) | st.sets(st.sampled_from(NODES), max_size=40).map(ScopeSet.of)

# What callers of a large tenant hold: mostly projects, some departments, now and then a whole cluster.
PROJECTS = [f"/{t}/c1/d{d}/p{d}{p}/" for t in (1, 10) for d in range(1, 12) for p in range(10)]
DEPARTMENTS = sorted({path.rpartition("p")[0] for path in PROJECTS})
SMALL_SCOPES = st.sets(
    st.sampled_from(PROJECTS) | st.sampled_from([*PROJECTS, *DEPARTMENTS]), min_size=1, max_size=100
)
TENANT_SCOPES = (
    st.none()
    | SMALL_SCOPES.map(ScopeSet.of)
    | st.tuples(
        SMALL_SCOPES, st.sets(st.sampled_from(["/1/", "/1/c1/", "/1/c2/", "/10/c1/"]), max_size=2)
    ).map(lambda both: ScopeSet.of(both[0] | both[1]))
)
TENANT_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            **ROW_VALUES,
            "path": st.sampled_from([*PROJECTS, *DEPARTMENTS, "/1/c1/", "/1/c2/d1/p1/", "/1/", "/"]),
            "tenant": st.sampled_from([1, 1, 1, 10]),
        }
    ),
    max_size=30,
).map(lambda rows: [{"id": f"r{index:02d}", **row} for index, row in enumerate(rows)])

# The model: what a condition means, in Python.


def lowered(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


MODEL: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUAL: op.eq,
    Operator.NOT_EQUAL: op.ne,
    Operator.AT_MOST: op.le,
    Operator.AT_LEAST: op.ge,
    Operator.CONTAINS: lambda have, want: lowered(want) in lowered(have),
    Operator.NOT_CONTAINS: lambda have, want: lowered(want) not in lowered(have),
    Operator.STARTS: lambda have, want: lowered(have).startswith(lowered(want)),
    Operator.ENDS: lambda have, want: lowered(have).endswith(lowered(want)),
}


def matches(condition: Condition, value: Any) -> bool:
    if value is None:
        return condition.operator in (Operator.NOT_EQUAL, Operator.NOT_CONTAINS)
    return MODEL[condition.operator](value, condition.value)


def visible(page: Page, scopes: ScopeSet | None, row: Mapping[str, Any]) -> bool:
    if scopes not in (None, EVERYWHERE) and (row["path"] is None or not scopes.contains(row["path"])):
        return False
    if page.search is not None and not any(
        row[name] is not None and lowered(page.search) in lowered(row[name]) for name in ("name", "note")
    ):
        return False
    return all(matches(condition, row[condition.field.name]) for condition in page.conditions)


def expected(page: Page, scopes: ScopeSet | None, rows: list[dict[str, Any]]) -> list[str]:
    """The ids of every matching row, in order: the offset and the limit are not applied."""
    found = [row for row in rows if visible(page, scopes, row)]
    if page.sort is not None:
        name, descending = page.sort[0].name, page.sort[1]
        # Python compares text by code point. None is a shorter tuple, so nothing compares with it.
        found.sort(
            key=lambda row: ((False,) if row[name] is None else (True, row[name]), row["id"]),
            reverse=descending,
        )
    return [row["id"] for row in found]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    THINGS.metadata.create_all(database.engine)
    yield database
    database.close()


@contextmanager
def stored(database: Database, rows: list[dict[str, Any]]) -> Iterator[RawReader]:
    """A reader of a transaction that holds `rows` and is given up at the end."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        if rows:
            connection.execute(insert(THINGS), rows)
        yield RawReader(connection.connection.dbapi_connection, connection.dialect)
        transaction.rollback()


def ids(reader: RawReader, question: tuple[Prepared, dict[str, Any]]) -> list[str]:
    return [row[0] for row in reader.all(*question)]


def row(number: int, **values: Any) -> dict[str, Any]:
    blank: dict[str, Any] = dict.fromkeys(column.name for column in THINGS.columns)
    return {**blank, "id": f"r{number:02d}", "name": "", "path": "/1/", **values}


# The fixture is an empty table; each example undoes what it stored.
reusing_the_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.clause("filter.bound")
@reusing_the_database
@given(ROWS, PAGES, SCOPES)
def test_sql_answers_like_the_model(
    database: Database, rows: list[dict[str, Any]], page: Page, scopes: ScopeSet | None
):
    wanted = expected(page, scopes, rows)
    with stored(database, rows) as reader:
        assert reader.scalar(*QUERY.count(page, scopes=scopes)) == len(wanted)
        end = None if page.limit is None else page.offset + page.limit
        start = 0 if page.limit is None else page.offset
        assert ids(reader, QUERY.page(page, scopes=scopes)) == wanted[start:end]


@pytest.mark.clause("authz.lists-agree")
@reusing_the_database
@given(ROWS, PAGES, SCOPES, st.integers(1, 4))
def test_pages_join_to_the_whole_list_and_to_its_count(
    database: Database, rows: list[dict[str, Any]], page: Page, scopes: ScopeSet | None, limit: int
):
    walked: list[str] = []
    offset: int | None = 0
    with stored(database, rows) as reader:
        while offset is not None:
            part = Page(page.conditions, page.search, page.sort, offset, limit)
            got, offset = cut(part, ids(reader, QUERY.page(part, scopes=scopes, peek=True)))
            walked += got
        whole = Page(page.conditions, page.search, page.sort)
        assert walked == ids(reader, QUERY.page(whole, scopes=scopes))
        assert len(walked) == reader.scalar(*QUERY.count(whole, scopes=scopes))


@reusing_the_database
@given(TENANT_ROWS, PAGES, TENANT_SCOPES, st.integers(0, 4), st.booleans())
def test_a_list_of_a_tenant_answers_like_the_model_in_every_plan(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    page: Page,
    scopes: ScopeSet | None,
    deep: int,
    small: bool,
):
    monkeypatch.setattr(filters, "DEEP", deep)
    wanted = expected(page, scopes, [each for each in rows if each["tenant"] == 1])
    with stored(database, rows) as reader:
        counting, params = OF_TENANT.count(page, scopes=scopes, small=small)
        assert reader.scalar(counting, {**params, TENANT: 1}) == len(wanted)
        end = None if page.limit is None else page.offset + page.limit
        start = 0 if page.limit is None else page.offset
        paging, params = OF_TENANT.page(page, scopes=scopes, small=small)
        assert [found[0] for found in reader.all(paging, {**params, TENANT: 1})] == wanted[start:end]
        if paging.total is not None:
            most = {filters.MOST: 10}
            assert reader.scalar(paging.total, {**params, **most, TENANT: 1}) == min(10, len(wanted))


def test_scopes_are_small_by_what_lies_in_them(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(narrowing, "SMALL", 3)
    rows = [row(number, path=f"/1/c1/d1/p{number}/", tenant=1) for number in range(4)]
    rows += [row(10 + number, path=f"/1/c2/d2/p{number}/", tenant=1) for number in range(3)]
    many = [f"/1/c{number}/d2/" for number in range(2, 100)]
    told: dict[tuple[str, ...], bool] = {
        ("/1/c1/",): False,
        ("/1/c2/",): True,
        ("/1/c1/d1/",): False,
        ("/1/c2/d2/",): True,
        ("/1/c1/d1/p1/", "/1/c2/d2/"): False,
        ("/1/c2/d2/p1/", "/1/c3/"): True,
        tuple(many): True,
        ("/1/c1/", *many): False,
        # these need no look
        ("/1/",): False,
        ("/",): False,
        (): False,
        tuple(f"/1/c1/d1/p{number}/" for number in range(4)): True,
    }
    with stored(database, rows) as reader:
        for roots, small in told.items():
            assert OF_TENANT.is_small(reader, 1, ScopeSet.of(roots)) is small, roots
        assert OF_TENANT.is_small(reader, 1, None) is False
        assert QUERY.is_small(reader, 1, ScopeSet(("/1/c2/",))) is False


@pytest.mark.parametrize("count", [1, MAX_RANGES, MAX_RANGES + 1, 64, 100, 5000])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("small", [False, True])
def test_any_number_of_projects_in_a_tenant(database: Database, count: int, wide: bool, small: bool):
    roots = [f"/1/c1/d1/p{number}/" for number in range(count)]
    scopes = ScopeSet.of([*roots, "/1/c2/"] if wide else roots)
    rows = [
        row(1, path="/1/c1/d1/p0/", tenant=1),
        row(2, path=f"/1/c1/d1/p{count - 1}/below/", tenant=1),
        row(3, path=f"/1/c1/d1/p{count}/", tenant=1),
        row(4, path="/1/c1/d1/", tenant=1),
        row(5, path="/1/c2/d1/", tenant=1),
        row(6, path="/1/c1/d1/p0/", tenant=10),
        row(7, path=None, tenant=1),
    ]
    wanted = ["r01", "r02", "r05"] if wide else ["r01", "r02"]
    with stored(database, rows) as reader:
        paging, params = OF_TENANT.page(Page(), scopes=scopes, small=small)
        assert [found[0] for found in reader.all(paging, {**params, TENANT: 1})] == wanted
        counting, params = OF_TENANT.count(Page(), scopes=scopes, small=small)
        assert reader.scalar(counting, {**params, TENANT: 1}) == len(wanted)


HOSTILE = (
    "'; DROP TABLE things; --",
    "' OR '1'='1",
    '" OR ""="',
    "%",
    "_",
    "!%",
    "\\",
    "\\%",
    "%(lq_f0)s",
    ":lq_f0",
    "?",
    "$1",
    "{}",
    "a\nb",
    "\U0001f600",
)


@pytest.mark.clause("filter.bound")
def test_hostile_text_is_only_text(database: Database):
    rows = [row(index, name=text) for index, text in enumerate(HOSTILE)]
    with stored(database, rows) as reader:
        for index, text in enumerate(HOSTILE):
            for operator in (Operator.EQUAL, Operator.CONTAINS, Operator.STARTS, Operator.ENDS):
                page = Page((Condition(LISTING.fields["name"], operator, text),))
                wanted = [r["id"] for r in rows if matches(page.conditions[0], r["name"])]
                assert f"r{index:02d}" in wanted
                assert ids(reader, QUERY.page(page)) == wanted
            assert ids(reader, QUERY.page(Page(search=text))) == [
                r["id"] for r in rows if lowered(text) in lowered(r["name"])
            ]
        assert reader.scalar(*QUERY.count(Page())) == len(HOSTILE)


def test_text_is_ordered_by_code_point_on_every_column(database: Database):
    texts = ["b", "B", "a", "é", "Z", "\U0001f600", "\uffee", "_", "-", ""]
    rows = [row(index, name=text, note=text) for index, text in enumerate(texts)]
    with stored(database, rows) as reader:
        for name in ("name", "note"):
            got = ids(reader, QUERY.page(Page(sort=(LISTING.fields[name], False))))
            assert [texts[int(each[1:])] for each in got] == sorted(texts)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("straße", ["r01"]),
        ("STRASSE", ["r02"]),
        ("É", ["r03"]),
        ("é", ["r04"]),
        ("k", ["r05"]),
        ("İ", ["r06"]),
    ],
)
def test_only_ascii_letters_lose_their_case(database: Database, asked: str, found: list[str]):
    names = ["STRAßE", "strasse", "É", "é", "K", "İ", "\u212a"]  # the last is the Kelvin sign
    with stored(database, [row(index, name=name) for index, name in enumerate(names, 1)]) as reader:
        assert ids(reader, QUERY.page(Page(search=asked))) == found
        for operator in (Operator.CONTAINS, Operator.STARTS, Operator.ENDS):
            assert (
                ids(reader, QUERY.page(Page((Condition(LISTING.fields["name"], operator, asked),)))) == found
            )
        exact = Condition(LISTING.fields["name"], Operator.EQUAL, asked)
        assert ids(reader, QUERY.page(Page((exact,)))) == [each for each in found if asked in ("É", "é", "İ")]


def test_null_is_first_upwards_and_last_downwards(database: Database):
    with stored(database, [row(1, small=1), row(2), row(3, small=-1), row(4)]) as reader:
        small = LISTING.fields["small"]
        assert ids(reader, QUERY.page(Page(sort=(small, False)))) == ["r02", "r04", "r03", "r01"]
        assert ids(reader, QUERY.page(Page(sort=(small, True)))) == ["r01", "r03", "r04", "r02"]


def test_values_at_the_ends_of_their_range(database: Database):
    with stored(database, [row(1, small=1, count=2**63 - 1)]) as reader:
        for name in ("small", "count"):
            beyond = Condition(LISTING.fields[name], Operator.AT_MOST, 2**63 - 1)
            assert ids(reader, QUERY.page(Page((beyond,), offset=0, limit=500))) == ["r01"]
        assert ids(reader, QUERY.page(Page(offset=2**31 - 1, limit=500))) == []


def test_sixteen_kib_of_terms_are_one_statement(database: Database):
    several = tuple(Condition(LISTING.fields["name"], Operator.NOT_CONTAINS, "%_!" * 109) for _ in range(50))
    with stored(database, [row(1, name="a")]) as reader:
        assert ids(reader, QUERY.page(Page(several, "a" * 256))) == []
        assert ids(reader, QUERY.page(Page(several))) == ["r01"]


@pytest.mark.parametrize("count", [MAX_RANGES, MAX_RANGES + 1, 5000])
def test_any_number_of_scopes(database: Database, count: int):
    scopes = ScopeSet.of(f"/1/c{number}/" for number in range(count))
    assert len(scopes.roots) == count
    rows = [
        row(1, path="/1/c0/"),
        row(2, path=f"/1/c{count - 1}/d5/p42/"),
        row(3, path=f"/1/c{count}/"),
        row(4, path="/1/"),
        row(5, path="/10/c0/"),
        row(6, path=None),
    ]
    with stored(database, rows) as reader:
        assert ids(reader, QUERY.page(Page(), scopes=scopes)) == ["r01", "r02"]
        assert reader.scalar(*QUERY.count(Page(), scopes=scopes)) == 2


def test_no_scope_shows_nothing(database: Database):
    with stored(database, [row(1), row(2, path="/")]) as reader:
        assert ids(reader, QUERY.page(Page(), scopes=ScopeSet())) == []
        assert reader.scalar(*QUERY.count(Page(), scopes=ScopeSet())) == 0


def test_callers_conditions_narrow_page_and_count_alike(database: Database):
    mine = [THINGS.c.name == bindparam("owner", type_=String())]
    with stored(database, [row(1, name="a"), row(2, name="b"), row(3, name="b")]) as reader:
        for owner, wanted in (("a", ["r01"]), ("b", ["r02", "r03"]), ("c", [])):
            for ask in (QUERY.page, QUERY.count):
                prepared, params = ask(Page(), where=mine, shape_key="mine")
                got = reader.all(prepared, {**params, "owner": owner})
                assert got == ([(each,) for each in wanted] if ask == QUERY.page else [(len(wanted),)])


def test_count_counts_groups_of_a_grouped_list(database: Database):
    listing = Listing("names", Field("name"), envelope=Envelope("names"))
    grouped = select(THINGS.c.name, func.count()).group_by(THINGS.c.name)
    query = ListQuery(listing, grouped, {"name": THINGS.c.name}, THINGS.c.name)
    with stored(database, [row(1, name="a"), row(2, name="b"), row(3, name="b")]) as reader:
        assert reader.all(*query.page(Page())) == [("a", 1), ("b", 2)]
        assert reader.scalar(*query.count(Page())) == 2


def test_count_counts_the_pairs_of_two_tables(database: Database):
    other = THINGS.alias("other")
    listing = Listing("pairs", Field("name"), envelope=Envelope("pairs"))
    query = ListQuery(listing, select(THINGS.c.id, other.c.id), {"name": THINGS.c.name}, THINGS.c.id)
    with stored(database, [row(1), row(2)]) as reader:
        assert len(reader.all(*query.page(Page()))) == 4
        assert reader.scalar(*query.count(Page())) == 4


def test_an_outer_join_orders_missing_rows_like_null(database: Database):
    other = THINGS.alias("other")
    joined = select(THINGS.c.id).select_from(THINGS.outerjoin(other, other.c.id == THINGS.c.note))
    listing = Listing("pairs", Field("name"), envelope=Envelope("pairs"))
    query = ListQuery(listing, joined, {"name": other.c.name}, THINGS.c.id)
    rows = [row(1, name="z", note="r03"), row(2, name="y"), row(3, name="x", note="r01")]
    with stored(database, rows) as reader:
        assert ids(reader, query.page(Page(sort=(listing.fields["name"], False)))) == ["r02", "r01", "r03"]


def test_the_shape_decides_the_statement_and_values_do_not():
    query = new_query()
    name, note = LISTING.fields["name"], LISTING.fields["note"]
    one = query.page(Page((Condition(name, Operator.EQUAL, "a"),), "x", (note, True), 0, 10))
    two = query.page(Page((Condition(name, Operator.EQUAL, "b"),), "y", (note, True), 7, 99))
    assert one[0] is two[0]
    assert one[1] != two[1]
    for other in (
        Page((Condition(name, Operator.CONTAINS, "a"),), "x", (note, True), 0, 10),
        Page((Condition(note, Operator.EQUAL, "a"),), "x", (note, True), 0, 10),
        Page((Condition(name, Operator.EQUAL, "a"),), None, (note, True), 0, 10),
        Page((Condition(name, Operator.EQUAL, "a"),), "x", (note, False), 0, 10),
        Page((Condition(name, Operator.EQUAL, "a"),), "x", (note, True)),
    ):
        assert query.page(other)[0] is not one[0]
    assert query.page(Page(), scopes=ScopeSet(("/1/",)))[0] is not query.page(Page())[0]
    assert query.page(Page(), scopes=EVERYWHERE)[0] is query.page(Page())[0]
    assert (
        query.page(Page(), scopes=ScopeSet(("/1/", "/2/", "/3/")))[0]
        is query.page(Page(), scopes=ScopeSet(("/1/", "/2/", "/3/", "/4/")))[0]
    )


def test_kept_statements_are_bounded():
    query = new_query()
    first = query.page(Page())[0]
    name = LISTING.fields["name"]
    for turn in range(MAX_WEIGHT // 50 + 6):
        operators = [Operator.CONTAINS if turn >> bit & 1 else Operator.EQUAL for bit in range(50)]
        query.page(Page(tuple(Condition(name, each, "a") for each in operators)))
        if turn == 3:
            assert query.page(Page())[0] is first
    assert query.page(Page())[0] is not first


def test_a_statement_for_other_conditions_is_never_reused():
    query = new_query()
    owner = bindparam("owner", type_=String())
    prepared = query.page(Page(), where=[THINGS.c.name == owner])[0]
    assert query.page(Page(), where=[THINGS.c.name == owner])[0] is prepared
    for where in ([], [THINGS.c.note == owner], [THINGS.c.name == owner, THINGS.c.note.is_(None)]):
        with pytest.raises(ValueError, match="share the shape_key"):
            query.page(Page(), where=where)
        assert query.page(Page(), where=where, shape_key=str(where))[0] is not prepared


@pytest.mark.parametrize(
    "where",
    [
        THINGS.c.name == "tenant a",
        THINGS.c.name == literal("tenant a"),
        THINGS.c.name.in_(["a", "b"]),
        THINGS.c.name == bindparam("lq_f0", type_=String()),
        THINGS.c.name == bindparam("owner", "a"),
    ],
)
def test_a_value_inside_a_kept_statement_is_refused(where: Any):
    with pytest.raises(ValueError, match="give values as bindparam"):
        new_query().page(Page(), where=[where])


def test_wiring_mistakes_are_refused_when_the_query_is_built():
    listing = Listing("x", Field("name"), envelope=Envelope("x"))
    with pytest.raises(ValueError, match="has no column"):
        ListQuery(listing, select(THINGS.c.id), {}, THINGS.c.id)
    with pytest.raises(ValueError, match="name is text, its column is"):
        ListQuery(listing, select(THINGS.c.id), {"name": THINGS.c.small}, THINGS.c.id)
    unscoped = ListQuery(listing, select(THINGS.c.id), {"name": THINGS.c.name}, THINGS.c.id)
    with pytest.raises(ValueError, match="no path"):
        unscoped.page(Page(), scopes=ScopeSet(("/1/",)))
    path, tenant = THINGS.alias("other").c.path, THINGS.c.tenant
    with pytest.raises(ValueError, match="columns of the same table"):
        ListQuery(listing, select(THINGS.c.id), {"name": THINGS.c.name}, THINGS.c.id, path, tenant)
    with pytest.raises(ValueError, match="no path"):
        unscoped.count(Page(), scopes=EVERYWHERE)
