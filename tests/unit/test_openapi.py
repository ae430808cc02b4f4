from __future__ import annotations

import json
import re
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType
from schemathesis.specs.openapi import definitions

from runplane.server.authz.guard import can, own_tenant, public, signed_in
from runplane.server.authz.permissions import CREATE, READ, USERS
from runplane.server.core.listing import Envelope, Field, Kind, Listing, Operator
from runplane.server.http import problems
from runplane.server.http.listing import parse_page
from runplane.server.http.openapi import document
from runplane.server.http.operation import Audited, Mode, Operation, Operations, Surface, Wire

OPEN = public("It is a test.")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class PersonIn(Wire):
    """A person to be."""

    display_name: Annotated[str, Meta(min_length=1, description="What to call them.", examples=["Zoë"])]
    colour: Colour | None = None
    points: tuple[int, str] | UnsetType = UNSET


class PersonOut(PersonIn, kw_only=True):
    id: str
    parent: PersonIn | None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    labels: dict[Annotated[str, Meta(max_length=5)], Colour] = msgspec.field(default_factory=dict)
    key: bytes = b""
    anything: Any = None
    row: list[Any] = msgspec.field(default_factory=list)
    either: int | str | None = None


class Patch(Wire):
    """All of it is optional."""

    display_name: str | UnsetType = UNSET


class Wanted(Wire, kw_only=True):
    """What a query may hold."""

    include_gone: Annotated[bool, Meta(description="With those that are gone.")] = False
    kind: Literal["big", "small"] | None = None
    search: str | UnsetType = UNSET
    realm: str


PEOPLE = Listing(
    "people",
    Field("name", search=True),
    Field("email", search=True),
    Field("createdAt", Kind.TIME, sort=True),
    Field("size", Kind.INTEGER, sort=False, operators=[Operator.EQUAL]),
    Field("secret", filter=False, sort=False),
    envelope=Envelope("people"),
    default_sort=("createdAt", True),
    max_limit=200,
    limit_name="pageSize",
)
BARE = Listing("things", Field("name", filter=False, sort=False), envelope=Envelope(None), paged=False)


def handler(call: Any) -> None:
    """Do the thing.

    It is done in two steps,
        of which this is one.
    """


def silent(call: Any) -> None:
    del call


def one(method: str = "get", path: str = "/things", **options: Any) -> Operation:
    """An operation as a room declares it."""
    ops = Operations("", tag="Things")
    options = {"allow": OPEN, "id": f"{method}_thing", "audit": Audited("Thing"), **options}
    run = options.pop("handler", handler)
    getattr(ops, method)(path, **options)(run)
    return ops.items[0]


def write(*operations: Operation) -> dict[str, Any]:
    """The document, after a trip through JSON and past the rules of OpenAPI 3.0."""
    found = json.loads(
        msgspec.json.encode(document(operations, title="t", version="1", server_url="https://x.example"))
    )
    definitions.OPENAPI_30_VALIDATOR.validate(found)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found)))
    assert names <= found["components"]["schemas"].keys()
    return found


def entry(operation: Operation) -> dict[str, Any]:
    return write(operation)["paths"][operation.path][operation.method.lower()]


def statuses(operation: Operation) -> list[int]:
    return [int(it) for it in entry(operation)["responses"]]


def component(name: str, **options: Any) -> dict[str, Any]:
    return write(one("post", **options))["components"]["schemas"][name]


def test_an_operation_tells_what_its_declaration_says() -> None:
    found = entry(one(allow=can(READ, USERS).anywhere(), deprecated=True, successor="get_people"))
    assert found["operationId"] == "get_thing"
    assert found["tags"] == ["Things"]
    assert found["summary"] == "Do the thing"
    assert found["description"] == "It is done in two steps,\nof which this is one."
    assert found["deprecated"] is True
    assert found["x-runplane-successor"] == "get_people"
    assert found["x-runplane-permission"] == "users:read"
    assert {"x-runplane-extension", "security", "parameters", "requestBody"}.isdisjoint(found)


def test_an_open_extension_needs_no_token() -> None:
    found = entry(one(extension=True, handler=silent, description="More."))
    assert found["security"] == []
    assert found["x-runplane-extension"] is True
    assert found["description"] == "More."
    assert {"summary", "deprecated", "x-runplane-permission"}.isdisjoint(found)


def test_the_head_of_the_document() -> None:
    found = write(one(), one("post", tag="People"), one("get", "/a"))
    assert found["openapi"] == "3.0.3"
    assert (found["info"]["title"], found["info"]["version"]) == ("t", "1")
    assert "/api/v2/token" in found["info"]["description"]
    assert found["servers"] == [{"url": "https://x.example"}]
    assert found["security"] == [{"bearerAuth": []}]
    assert found["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert [it["name"] for it in found["tags"]] == ["People", "Things"]
    assert list(found["paths"]) == ["/a", "/things"]
    assert list(found["paths"]["/things"]) == ["get", "post"]


def test_writing_twice_gives_the_same() -> None:
    operations = [one(listing=PEOPLE, reply=PersonOut), one("post", body=PersonIn)]
    assert json.dumps(write(*operations)) == json.dumps(write(*reversed(operations)))


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        (one(), [200, 400, 500, 503]),
        (one(allow=signed_in("Their own.")), [200, 400, 401, 403, 500, 503]),
        (one(allow=can(READ, USERS).anywhere()), [200, 400, 401, 403, 500, 503]),
        (one(allow=can(READ, USERS).at(own_tenant)), [200, 400, 401, 403, 404, 500, 503]),
        (one(path="/things/{id}"), [200, 400, 404, 500, 503]),
        (one("post", body=PersonIn, status=201), [201, 400, 409, 413, 415, 500, 503]),
        (one("post", raw_body=True, writes=False), [200, 400, 413, 415, 500, 503]),
        (one("delete", status=204), [204, 400, 409, 500, 503]),
        (one("delete", status=204, allow=signed_in("x")), [204, 400, 401, 403, 409, 412, 500, 503]),
        (one(mode=Mode.LOOP, before=lambda _: None), [200, 400, 429, 500, 503]),
        (one("post", surface=Surface.TOKEN), [200, 400, 429, 500, 503]),
        (one("post", surface=Surface.OAUTH), [200, 400, 401, 429, 500, 503]),
        (one("post", "/things/{id}", allow=signed_in("x"), body=PersonIn, status=501), [501]),
    ],
)
def test_statuses_follow_from_the_declaration(operation: Operation, wanted: list[int]) -> None:
    assert statuses(operation) == wanted


def test_what_is_not_built_keeps_its_path_and_nothing_else() -> None:
    found = entry(one("post", "/things/{thing-id}", body=PersonIn, reply=PersonOut, status=501))
    assert [it["name"] for it in found["parameters"]] == ["thing-id"]
    assert "requestBody" not in found


def test_refusals_have_the_shape_that_the_kernel_sends() -> None:
    operations = [one(path=f"/{it.value}", id=it.value, surface=it) for it in Surface]
    found = write(*operations)
    for surface in Surface:
        name = found["paths"][f"/{surface.value}"]["get"]["responses"]["500"]["$ref"].rpartition("/")[2]
        content = found["components"]["responses"][name]["content"]["application/json"]["schema"]
        schema = found["components"]["schemas"][content["$ref"].rpartition("/")[2]]
        _, _, body = problems.crashed(surface, "abc")
        sent = json.loads(body)
        assert sent.keys() <= schema["properties"].keys()
        if surface is not Surface.TOKEN:
            # A crash is not a refused grant: only those carry the OAuth words on the JSON token route.
            assert set(schema["required"]) <= sent.keys()


def test_refusals_tell_their_headers() -> None:
    found = write(one(allow=signed_in("x"), before=lambda _: None))["components"]["responses"]
    assert {name: list(it.get("headers", {})) for name, it in found.items()} == {
        "modern-400": [],
        "modern-401": ["WWW-Authenticate"],
        "modern-403": [],
        "modern-429": ["Retry-After"],
        "modern-500": [],
        "modern-503": ["Retry-After"],
    }


def test_path_and_query_become_parameters() -> None:
    found = {it["name"]: it for it in entry(one(path="/{realm-id}/x/{b}", query=Wanted))["parameters"]}
    assert [(name, it["in"], it["required"]) for name, it in found.items()] == [
        ("realm-id", "path", True),
        ("b", "path", True),
        ("includeGone", "query", False),
        ("kind", "query", False),
        ("search", "query", False),
        ("realm", "query", True),
    ]
    assert found["includeGone"]["description"] == "With those that are gone."
    assert found["includeGone"]["schema"] == {"type": "boolean", "default": False}
    assert found["kind"]["schema"] == {"enum": ["big", "small"]}


def test_a_query_is_no_component() -> None:
    found = write(one(query=Wanted), one("put", query=Wanted))
    assert "Wanted" not in found["components"]["schemas"]


def test_a_list_tells_what_it_takes() -> None:
    found = {it["name"]: it for it in entry(one(listing=PEOPLE))["parameters"]}
    assert list(found) == ["filterBy", "sortBy", "sortOrder", "search", "offset", "pageSize"]
    assert found["sortBy"]["schema"]["enum"] == ["name", "email", "createdAt"]
    assert found["sortOrder"]["schema"] == {"type": "string", "enum": ["asc", "desc"], "default": "desc"}
    assert "name, email" in found["search"]["description"]
    assert found["offset"]["schema"]["default"] == 0
    limit = found["pageSize"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 200, 50)
    assert (found["filterBy"]["style"], found["filterBy"]["explode"]) == ("form", False)


@pytest.mark.parametrize(
    "term", ["name==a", "email=@b,c", "name=^x", "createdAt>=2026-01-01T00:00:00Z", "size==3"]
)
def test_the_pattern_takes_what_the_parser_takes(term: str) -> None:
    pattern = entry(one(listing=PEOPLE))["parameters"][0]["schema"]["items"]["pattern"]
    assert re.search(pattern, term)
    assert len(parse_page(PEOPLE, {"filterBy": [term]}).conditions) == 1


@pytest.mark.parametrize("term", ["size!=3", "secret==a", "createdAt=@2026", "name", "name==", "x name==a"])
def test_the_pattern_refuses_what_the_parser_refuses(term: str) -> None:
    pattern = entry(one(listing=PEOPLE))["parameters"][0]["schema"]["items"]["pattern"]
    assert not re.search(pattern, term)
    with pytest.raises(problems.e.Invalid):
        parse_page(PEOPLE, {"filterBy": [term]})


def test_a_list_that_takes_nothing_has_no_parameters() -> None:
    assert "parameters" not in entry(one(listing=BARE))


def test_a_query_may_replace_a_parameter_of_the_list() -> None:
    found = [it for it in entry(one(listing=PEOPLE, query=Wanted))["parameters"] if it["name"] == "search"]
    assert len(found) == 1
    assert "description" not in found[0]


@pytest.mark.parametrize(
    ("body", "required"),
    [(PersonIn, True), (Patch, False), (list[PersonIn], False), (dict[str, Any], False)],
)
def test_a_body_is_required_when_an_empty_one_is_refused(body: Any, required: bool) -> None:
    found = entry(one("post", body=body))["requestBody"]
    assert found["required"] is required
    assert list(found["content"]) == ["application/json"]


def test_the_oauth_routes_take_forms() -> None:
    found = entry(one("post", raw_body=True, body=PersonIn, surface=Surface.OAUTH))["requestBody"]
    assert list(found["content"]) == ["application/x-www-form-urlencoded"]
    assert found["content"]["application/x-www-form-urlencoded"]["schema"]["$ref"].endswith("/PersonIn")


def test_a_handler_that_reads_the_bytes_says_only_that_there_is_an_object() -> None:
    found = entry(one("post", raw_body=True))["requestBody"]
    assert found == {"content": {"application/json": {"schema": {"type": "object"}}}}


def test_replies_are_described_where_there_are_any() -> None:
    assert entry(one(reply=list[PersonOut]))["responses"]["200"]["content"]["application/json"]["schema"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/PersonOut"},
    }
    assert list(entry(one(reply=bytes))["responses"]["200"]["content"]) == ["*/*"]
    assert "content" not in entry(one("delete", status=204))["responses"]["204"]


def test_schemas_are_written_in_the_words_of_openapi_3_0() -> None:
    found = component("PersonOut", reply=PersonOut)
    members = found["properties"]
    assert set(found["required"]) == {"displayName", "id", "parent"}
    assert members["displayName"]["example"] == "Zoë"
    assert members["parent"] == {"allOf": [{"$ref": "#/components/schemas/PersonIn"}], "nullable": True}
    assert members["colour"]["allOf"] == [{"$ref": "#/components/schemas/Colour"}]
    assert members["points"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    share = members["share"]
    assert (share["minimum"], share["exclusiveMinimum"], share["nullable"]) == (0, True, True)
    assert members["key"]["format"] == "byte"
    assert members["row"]["items"] == {}
    assert members["either"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert members["labels"]["additionalProperties"] == {"$ref": "#/components/schemas/Colour"}
    assert "title" not in found


def test_descriptions_come_from_docstrings() -> None:
    assert component("PersonIn", body=PersonIn)["description"] == "A person to be."
    # The base class's own words are not about the struct that lacks a docstring.
    assert "description" not in component("PersonOut", reply=PersonOut)


def test_a_literal_with_null_is_nullable() -> None:
    class Maybe(Wire):
        kind: Literal["a", None] = None

    kind = component("Maybe", reply=Maybe)["properties"]["kind"]
    assert kind["nullable"] is True
    assert set(kind["enum"]) == {"a", None}


def test_a_member_called_like_a_keyword_is_only_a_member() -> None:
    class Odd(Wire):
        title: str
        required: bool
        any_of: list[str]

    assert component("Odd", reply=Odd)["properties"].keys() == {"title", "required", "anyOf"}


def test_two_structs_of_one_name_stay_apart() -> None:
    def other() -> type[msgspec.Struct]:
        return msgspec.defstruct("PersonIn", [("age", int)], module="elsewhere")

    found = write(one("post", body=PersonIn, reply=other()))["components"]["schemas"]
    names = [name for name in found if name.endswith("PersonIn")]
    assert sorted(list(found[name]["properties"]) for name in names) == [
        ["age"],
        ["displayName", "colour", "points"],
    ]
    assert all("." in name for name in names)


def test_a_type_without_a_schema_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        write(one(reply=object))


def test_permissions_are_shown_for_writes_too() -> None:
    found = entry(one("post", allow=can(CREATE, USERS).at(own_tenant), body=PersonIn))
    assert found["x-runplane-permission"] == "users:create"
