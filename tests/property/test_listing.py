"""The filter grammar: what is written in any arrival form is read back, and no text breaks the reader."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.clock import instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Condition, Envelope, Field, Kind, Listing, Operator, Page
from runplane.server.http.listing import MAX_TERMS, enum_member, parse_page

FIELDS = (
    Field("name", search=True),
    Field("nam"),
    Field("entity_type", operators=tuple(Operator)),
    Field("createdAt", Kind.TIME),
    Field("roleId", Kind.INTEGER),
    Field("quota", Kind.NUMBER),
    Field("isLocal", Kind.BOOLEAN),
)
LISTING = Listing("things", *FIELDS, envelope=Envelope("things"))

# Written with `re`, unlike the reader: what makes a value ambiguous once it is joined with others.
AMBIGUOUS = re.compile(
    f",(?:{'|'.join(field.name for field in FIELDS)})(?:{'|'.join(map(re.escape, Operator))})"
)
TRAPS = (
    "a,b",
    ",",
    "x==y",
    "=",
    "a, name==b",
    "a,names==b",
    "a,name",
    "a,name=",
    "50%",
    "a+b c",
    "a&b=c#d",
    "é",
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
    st.lists(st.sampled_from(TRAPS), min_size=1, max_size=3).map("".join),
).filter(lambda text: AMBIGUOUS.search(text) is None)
VALUES = {
    Kind.TEXT: TEXTS,
    Kind.TIME: st.integers(0, 4_000_000_000).map(instant),
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.NUMBER: st.floats(allow_nan=False, allow_infinity=False),
    Kind.BOOLEAN: st.booleans(),
}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    field = draw(st.sampled_from(FIELDS))
    return Condition(field, draw(st.sampled_from(field.operators)), draw(VALUES[field.kind]))


def written(condition: Condition) -> str:
    return f"{condition.field.name}{condition.operator.value}{condition.value}"


@given(st.lists(conditions(), max_size=6))
def test_conditions_come_back_in_every_arrival_form(wanted: list[Condition]):
    texts = [written(condition) for condition in wanted]
    joined = ",".join(texts)
    repeated = "&".join(f"filterBy={quote(text, safe='')}" for text in texts)
    encoded = f"filterBy={quote(joined, safe='')}"
    bare_commas = f"filterBy={quote(joined, safe=',')}"
    for query in (repeated, encoded, bare_commas):
        page = parse_page(LISTING, parse_qs(query, keep_blank_values=True))
        assert list(page.conditions) == wanted
        assert [type(each.value) for each in page.conditions] == [type(each.value) for each in wanted]


@given(st.lists(conditions(), min_size=2, max_size=6), st.integers(1, 5))
def test_repeated_parameters_may_be_joined_themselves(wanted: list[Condition], at: int):
    texts = [written(condition) for condition in wanted]
    halves = [",".join(part) for part in (texts[:at], texts[at:])]
    assert list(parse_page(LISTING, {"filterBy": halves}).conditions) == wanted


ANYTHING = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [*(field.name for field in FIELDS), *Operator, ",", "=", "1", "T", "-", ":", "\0", " "]
        ),
        max_size=12,
    ).map("".join),
)


@pytest.mark.clause("filter.bound")
@given(
    st.dictionaries(
        st.sampled_from(["filterBy", "sortBy", "sortOrder", "search", "offset", "limit"]),
        st.lists(ANYTHING, max_size=3),
    )
)
def test_every_query_is_answered_or_refused_in_plain_words(query: dict[str, list[str]]):
    try:
        answer = parse_page(LISTING, query)
    except Invalid as refusal:
        answer = refusal.message
    if isinstance(answer, Page):
        assert answer.limit is not None
        assert 1 <= answer.limit <= LISTING.max_limit
        assert len(answer.conditions) <= MAX_TERMS
    else:
        assert answer.isprintable()


@given(
    st.sampled_from(["name", "service-account", "GPU_ALLOCATION", "createdAt", "24h"]),
    st.text("aB._", max_size=9),
)
def test_a_leaked_member_means_its_choice(choice: str, prefix: str):
    choices = ("name", "service-account", "GPU_ALLOCATION", "createdAt", "24h")
    leaked = f"{prefix}.{choice.replace('-', '_').upper()}"
    assert enum_member(leaked, choices) == choice
