"""JSON as this server reads it: strict where readers could disagree, forgiving where clients need it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.app import operations_for_inspection
from runplane.server.core.errors import Invalid
from runplane.server.http.choices import choices
from runplane.server.http.codec import MAX_DEPTH, convert_query, decode_body, read_query, strict_json
from runplane.server.http.operation import Wire

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_reads_what_everybody_agrees_on(value: Any, ascii_only: bool) -> None:
    assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.clause("json.strict")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"{", "line 1"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": 0.' + b"9" * 5000 + b"}", "digits"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"x": {"a": 1, "a": 1}}', "twice"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"a": ["\\udfff"]}', "surrogate"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": "\n"}', "JSON"),
        (b"[" * 100_000, "deeper"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deeper"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "deeper"),
    ],
)
def test_refuses(body: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        strict_json(body)


def test_brackets_inside_text_do_not_count_as_depth() -> None:
    value = ['[[{"' * 100, "\\" * 70, '\\"[' * 70]
    assert strict_json(json.dumps(value).encode()) == value


def test_the_deepest_allowed_is_read() -> None:
    assert strict_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None


class Body(Wire):
    """A body for the tests."""

    some_name: str
    count: int | None = None
    note: str | msgspec.UnsetType | None = msgspec.UNSET


def test_keys_are_camel_case_and_unknown_ones_are_ignored() -> None:
    body = decode_body(b'{"someName": "x", "id": "forged", "tenantId": 7}', Body)
    assert body == Body(some_name="x")
    assert body.note is msgspec.UNSET
    assert decode_body(b'{"someName": "x", "note": null}', Body).note is None


def test_a_body_that_was_encoded_twice() -> None:
    twice = json.dumps(json.dumps({"someName": "x"})).encode()
    assert decode_body(twice, Body) == Body(some_name="x")
    with pytest.raises(Invalid):
        decode_body(json.dumps(json.dumps(json.dumps({"someName": "x"}))).encode(), Body)


def test_an_empty_body_is_an_empty_list_or_object() -> None:
    assert decode_body(b"", list[int]) == []
    with pytest.raises(Invalid, match="someName"):
        decode_body(b"", Body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "someName"),
        (b'{"someName": 7}', "someName: expected 'str'"),
        (b'{"someName": "x", "count": "7"}', "count: expected"),
        (b"[]", "expected 'object'"),
    ],
)
def test_says_which_field_is_wrong(body: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        decode_body(body, Body)


def test_a_refusal_never_repeats_the_value() -> None:
    with pytest.raises(Invalid) as refusal:
        decode_body(b'{"someName": {"password": "hunter2"}}', Body)
    assert "hunter2" not in refusal.value.message


class Query(Wire):
    """A query for the tests."""

    cluster_id: str | None = None
    force: bool = False


def test_query_parameters_become_values() -> None:
    assert convert_query(read_query(b"clusterId=a%20b&force=true&other=1"), Query) == Query(
        cluster_id="a b", force=True
    )
    assert convert_query(read_query(b"clusterId=&force="), Query) == Query()


@pytest.mark.parametrize(
    "query",
    [b"clusterId=a&clusterId=b", b"force=perhaps", b"clusterId=%00", b"clusterId=%ff", b"x=" + b"a" * 40_000],
)
def test_query_refusals(query: bytes) -> None:
    with pytest.raises(Invalid):
        convert_query(read_query(query), Query)


class Part(Wire):
    """Fields of a few values, one inside the other."""

    kind: Literal["user", "group"] | None = None
    level: Annotated[Literal[1, 2], msgspec.Meta(description="how high")] | msgspec.UnsetType = msgspec.UNSET
    parts: list[Part] = msgspec.field(default_factory=list)
    by_name: dict[str, Part] = msgspec.field(default_factory=dict)


KINDS = "kind: expected one of group, user."


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"kind": "machine"}', KINDS),
        (b'{"level": 3}', "level: expected one of 1, 2."),
        (b'{"parts": [{}, {"kind": "machine"}]}', f"parts[1].{KINDS}"),
        (
            b'{"parts": [{"byName": {"a.b": {"parts": [{"kind": "x"}]}}}]}',
            f"parts[0].byName[...].parts[0].{KINDS}",
        ),
    ],
)
def test_a_refusal_names_the_values_there_are(body: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_body(body, Part)
    assert caught.value.message == sentence


def test_every_field_of_a_few_values_is_explained() -> None:
    """No operation has one whose values `choices` does not find."""
    kinds = {kind for it in operations_for_inspection() for kind in (it.body, it.query) if kind is not None}
    places = [(kind, place) for kind in kinds for place in enum_places(kind)]
    assert len(places) > 20
    assert [it for it in places if not choices(*it)] == []


def enum_places(kind: Any) -> list[str]:
    """Where below `kind` a few values are possible, three levels deep."""
    found: list[str] = []

    def visit(info: msgspec.inspect.Type, place: str, depth: int) -> None:
        if isinstance(info, (msgspec.inspect.LiteralType, msgspec.inspect.EnumType)):
            found.append(place)
        elif isinstance(info, msgspec.inspect.UnionType):
            for it in info.types:
                visit(it, place, depth)
        elif isinstance(info, msgspec.inspect.Metadata):
            visit(info.type, place, depth)
        elif depth and isinstance(info, msgspec.inspect.StructType):
            for it in info.fields:
                visit(it.type, f"{place}.{it.encode_name}", depth - 1)
        elif depth and isinstance(info, msgspec.inspect.ListType):
            visit(info.item_type, f"{place}[0]", depth - 1)
        elif depth and isinstance(info, msgspec.inspect.DictType):
            visit(info.value_type, f"{place}[...]", depth - 1)

    visit(msgspec.inspect.type_info(kind), "", 3)
    return found
