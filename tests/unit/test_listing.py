"""What the list parameters accept, what they refuse, and what the refusal says."""

from __future__ import annotations

import time

import pytest

from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Condition, Envelope, Field, Kind, Listing, Operator, Page, cut
from runplane.server.http.listing import (
    MAX_FILTER_LENGTH,
    MAX_SEARCH_LENGTH,
    MAX_TERMS,
    MAX_VALUE_LENGTH,
    enum_member,
    parse_page,
)

USER_OPERATORS = (Operator.EQUAL, Operator.AT_MOST, Operator.AT_LEAST, Operator.CONTAINS)
THINGS = Listing(
    "things",
    Field("name", search=True),
    Field("clusterId"),
    Field("subjectType", choices=("user", "service-account")),
    Field("createdAt", Kind.TIME),
    Field("roleId", Kind.INTEGER),
    Field("quota", Kind.NUMBER),
    Field("isLocal", Kind.BOOLEAN),
    Field("entity_type", sort=False),
    Field("type", filter=False),
    Field("username", operators=USER_OPERATORS),
    envelope=Envelope("things", next="next"),
)
AUDIT = Listing(
    "audit entries",
    Field("timestamp", Kind.TIME),
    envelope=Envelope("audit_logs", next="next", total="total"),
    default_limit=20,
    max_limit=1000,
    limit_name="numberOfSamples",
    default_sort=("timestamp", True),
)
WHOLE = Listing("clusters", envelope=Envelope(None), paged=False)


def asked(listing: Listing = THINGS, **query: str | list[str]) -> Page:
    return parse_page(listing, {name: [v] if isinstance(v, str) else v for name, v in query.items()})


def terms(page: Page) -> list[tuple[str, str, object]]:
    return [(each.field.name, each.operator.value, each.value) for each in page.conditions]


def test_nothing_asked_is_the_first_page_of_the_default_size():
    assert asked() == Page(limit=50)
    assert asked(filterBy="", sortBy="", sortOrder="", search="", limit="", offset="") == Page(limit=50)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name==a", [("name", "==", "a")]),
        ("name!=a", [("name", "!=", "a")]),
        ("name=@a", [("name", "=@", "a")]),
        ("name!@a", [("name", "!@", "a")]),
        ("name=^a", [("name", "=^", "a")]),
        ("name=$a", [("name", "=$", "a")]),
        ("name==a,clusterId==b", [("name", "==", "a"), ("clusterId", "==", "b")]),
        ("name==a,b", [("name", "==", "a,b")]),
        ("name==a,,name==b,", [("name", "==", "a,"), ("name", "==", "b,")]),
        ("name==a, name==b", [("name", "==", "a, name==b")]),
        ("name==a,unknown==b", [("name", "==", "a,unknown==b")]),
        ("name==a,type==b", [("name", "==", "a,type==b")]),
        ("name===", [("name", "==", "=")]),
        ("entity_type==cluster,name==x", [("entity_type", "==", "cluster"), ("name", "==", "x")]),
        ("subjectType==service-account", [("subjectType", "==", "service-account")]),
        ("subjectType!=SubjectType.SERVICE_ACCOUNT", [("subjectType", "!=", "service-account")]),
        ("subjectType=@serv", [("subjectType", "=@", "serv")]),
        ("roleId<=-9223372036854775808", [("roleId", "<=", -(2**63))]),
        ("roleId>= 7", [("roleId", ">=", 7)]),
        ("quota>=.5", [("quota", ">=", 0.5)]),
        ("quota==1e3", [("quota", "==", 1000.0)]),
        ("isLocal==FALSE", [("isLocal", "==", False)]),
        ("isLocal!=true", [("isLocal", "!=", True)]),
        ("createdAt>=2024-01-01T00:00:00+00:00", [("createdAt", ">=", "2024-01-01T00:00:00.000Z")]),
        ("createdAt>=2024-01-01T02:00:00 02:00", [("createdAt", ">=", "2024-01-01T00:00:00.000Z")]),
        ("createdAt<=2024-01-01T00:00:00", [("createdAt", "<=", "2024-01-01T00:00:00.000Z")]),
        ("username<=m,isLocal==true", [("username", "<=", "m"), ("isLocal", "==", True)]),
    ],
)
def test_filter_is_read(text: str, expected: list[tuple[str, str, object]]):
    assert terms(asked(filterBy=text)) == expected


def test_filters_arrive_joined_and_repeated_at_once():
    page = asked(filterBy=["name==a,roleId==1", "", "name!=b"])
    assert terms(page) == [("name", "==", "a"), ("roleId", "==", 1), ("name", "!=", "b")]


def test_a_boolean_stays_a_boolean():
    assert asked(filterBy="isLocal==true").conditions[0].value is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bogus==a", "'bogus'; use one of name, clusterId"),
        ("type==a", "does not know the field 'type'"),
        ("Name==a", "'Name'"),
        ("==a", "needs a field before '==a'; use one of name"),
        (",name==a", "needs a field"),
        ("name", "must be followed by one of == != =@ !@ =^ =$, not by ''"),
        ("name=a", "not by '=a'"),
        ("name<=a", "must be followed by one of == != =@ !@ =^ =$"),
        ("username!=a", "username must be followed by one of == <= >= =@, not by '!='"),
        ("name==a,username!=b", "username must be followed by"),
        ("createdAt=@2024", "createdAt must be followed by one of == != <= >="),
        ("isLocal<=true", "isLocal must be followed by one of == !="),
        ("name==", "needs a value after name=="),
        ("name==,clusterId==x", "needs a value after name=="),
        ("name==a\x00b", "NUL"),
        ("name==a\ud800", "surrogate"),
        ("createdAt>=yesterday", "createdAt must be a date and time"),
        ("roleId==1.5", "roleId must be a whole number"),
        ("roleId==9223372036854775808", "roleId must be a whole number"),
        ("roleId==" + "9" * 999, "roleId must be a whole number"),
        ("roleId==1_0", "roleId must be a whole number"),
        ("roleId==\u0663", "roleId must be a whole number"),
        ("roleId==--1", "roleId must be a whole number"),
        ("roleId==-", "roleId must be a whole number"),
        ("quota==nan", "quota must be a number"),
        ("quota==-inf", "quota must be a number"),
        ("quota==1e999", "quota must be a number"),
        ("quota==1_0", "quota must be a number"),
        ("quota== ", "quota must be a number"),
        ("isLocal==1", "isLocal must be true or false"),
        ("subjectType==robot", "subjectType must be one of user, service-account, not 'robot'"),
        ("name==" + "a" * (MAX_VALUE_LENGTH + 1), f"longer than {MAX_VALUE_LENGTH}"),
        (",".join(["name==a"] * (MAX_TERMS + 1)), f"more than {MAX_TERMS} terms"),
        ("name==" + "a" * MAX_FILTER_LENGTH, f"longer than {MAX_FILTER_LENGTH}"),
    ],
)
def test_filter_is_refused_and_the_sentence_helps(text: str, said: str):
    with pytest.raises(Invalid) as refusal:
        asked(filterBy=text)
    assert said in refusal.value.message
    assert refusal.value.message.endswith(".")
    assert len(refusal.value.message) < 300


def test_limits_are_inclusive():
    assert len(asked(filterBy="name==" + "a" * MAX_VALUE_LENGTH).conditions) == 1
    assert len(asked(filterBy=",".join(["name==a"] * MAX_TERMS)).conditions) == MAX_TERMS
    assert asked(search="a" * MAX_SEARCH_LENGTH).search == "a" * MAX_SEARCH_LENGTH
    assert asked(limit="500", offset=str(2**31 - 1)) == Page(limit=500, offset=2**31 - 1)
    assert asked(limit="1").limit == 1


@pytest.mark.clause("filter.linear")
@pytest.mark.parametrize(
    "filters",
    [
        ["name==a" + ",name==a" * 14_000],
        ["name==" + "a" * 100_000],
        ["name==a"] * 1000,
        ["name==" + ",name=" * 2700],
        ["name==" + "," * 16_000],
        [("a" * 16_000)],
        ["name==" + ",a" * 8000],
    ],
)
def test_hostile_filters_are_refused_in_milliseconds(filters: list[str]):
    started = time.process_time()
    with pytest.raises(Invalid):
        asked(filterBy=filters)
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name", "name"),
        ("createdAt", "createdAt"),
        ("ProjectFilterSortFields.NAME", "name"),
        ("AccessRulesSortFields.CREATEDAT", "createdAt"),
        ("created_at", "createdAt"),
        ("X.CLUSTER_ID", "clusterId"),
        ("UsersFilterSortFields.TYPE", "type"),
    ],
)
def test_sort_tolerates_leaked_enum_members(text: str, field: str):
    assert asked(sortBy=text).sort == (THINGS.fields[field], False)
    assert asked(sortBy=text, sortOrder="desc").sort == (THINGS.fields[field], True)


def test_sort_order_may_leak_too():
    assert asked(sortBy="name", sortOrder="SortOrder.DESC").sort == (THINGS.fields["name"], True)
    assert asked(sortBy="name", sortOrder="ASC").sort == (THINGS.fields["name"], False)


def test_a_lists_own_order_holds_until_another_is_asked_for():
    newest = AUDIT.fields["timestamp"]
    assert asked(AUDIT).sort == (newest, True)
    assert asked(AUDIT, sortOrder="asc").sort == (newest, False)
    assert asked(AUDIT, sortBy="timestamp").sort == (newest, False)
    assert asked(THINGS, sortOrder="desc").sort is None


def test_the_page_size_may_have_another_name():
    assert asked(AUDIT, numberOfSamples="1000", limit="7").limit == 1000
    assert asked(AUDIT).limit == 20


def test_a_list_that_is_not_paged_answers_whole():
    assert asked(WHOLE, limit="7", offset="3") == Page()


@pytest.mark.parametrize(
    ("listing", "query", "said"),
    [
        (THINGS, {"limit": "0"}, "limit must be a whole number from 1 to 500"),
        (THINGS, {"limit": "501"}, "from 1 to 500"),
        (THINGS, {"limit": "ten"}, "not 'ten'"),
        (THINGS, {"limit": "9" * 5000}, "from 1 to 500"),
        (AUDIT, {"numberOfSamples": "1001"}, "numberOfSamples must be a whole number from 1 to 1000"),
        (THINGS, {"offset": "-1"}, "offset must be a whole number from 0 to 2147483647"),
        (THINGS, {"offset": "2147483648"}, "from 0 to 2147483647"),
        (THINGS, {"sortBy": "bogus"}, "sortBy must be one of name, clusterId"),
        (THINGS, {"sortBy": "entity_type"}, "sortBy must be one of"),
        (THINGS, {"sortOrder": "down"}, "sortOrder must be one of asc, desc, not 'down'"),
        (THINGS, {"sortBy": "x" * 100_000}, "not 'xxx"),
        (THINGS, {"search": "a" * (MAX_SEARCH_LENGTH + 1)}, f"longer than {MAX_SEARCH_LENGTH}"),
        (THINGS, {"search": "a\x00"}, "NUL"),
        (THINGS, {"search": "\udfff"}, "surrogate"),
        (AUDIT, {"search": "a"}, "audit entries does not take search"),
        (WHOLE, {"filterBy": "name==a"}, "clusters does not take filterBy"),
        (WHOLE, {"sortBy": "name"}, "clusters does not take sortBy"),
    ],
)
def test_parameters_are_refused(listing: Listing, query: dict[str, str], said: str):
    with pytest.raises(Invalid) as refusal:
        asked(listing, **query)
    assert said in refusal.value.message
    assert len(refusal.value.message) < 300


@pytest.mark.parametrize("name", ["search", "sortBy", "sortOrder", "limit", "offset"])
def test_a_parameter_that_has_one_value_is_sent_once(name: str):
    with pytest.raises(Invalid, match=f"Send {name} once"):
        asked(**{name: ["1", "1"]})


def test_a_refusal_quotes_without_control_characters():
    with pytest.raises(Invalid) as refusal:
        asked(sortBy="a\r\nSet-Cookie: x\x1b[31m\ud800")
    assert refusal.value.message.isprintable()
    assert refusal.value.message.isascii()


def test_enum_member_prefers_the_exact_choice():
    assert enum_member("a.b", ("b", "a.b")) == "a.b"
    assert enum_member("Types.GPU_ALLOCATION", ("CPU_ALLOCATION", "GPU_ALLOCATION")) == "GPU_ALLOCATION"
    assert enum_member("X.SERVICE_ACCOUNT", ("user", "service-account")) == "service-account"
    with pytest.raises(Invalid, match="verbosity must be one of brief, full, not 'loud'"):
        enum_member("loud", ("brief", "full"), "verbosity")


def test_cut_tells_where_the_next_page_starts():
    page = Page(offset=4, limit=2)
    assert cut(page, [1, 2, 3]) == ([1, 2], 6)
    assert cut(page, [1, 2]) == ([1, 2], None)
    assert cut(page, []) == ([], None)
    assert cut(Page(), [1, 2, 3]) == ([1, 2, 3], None)


def test_declarations_that_no_query_could_obey_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        Field("at", Kind.TIME, operators=(Operator.CONTAINS,))
    with pytest.raises(ValueError, match="only text"):
        Field("n", Kind.INTEGER, search=True)
    with pytest.raises(ValueError, match="only text"):
        Field("n", Kind.BOOLEAN, choices=("true",))
    with pytest.raises(ValueError, match="letters, digits"):
        Field("a,b")
    with pytest.raises(ValueError, match="differ only"):
        Listing("x", Field("created_at"), Field("createdAt"), envelope=Envelope(None))
    with pytest.raises(ValueError, match="not a field"):
        Listing("x", Field("a"), envelope=Envelope(None), default_sort=("b", False))
    with pytest.raises(ValueError, match="page size"):
        Listing("x", Field("a"), envelope=Envelope(None), default_limit=600)


def test_conditions_are_values():
    name = THINGS.fields["name"]
    assert Condition(name, Operator.EQUAL, "a") == Condition(Field("name", search=True), Operator.EQUAL, "a")
