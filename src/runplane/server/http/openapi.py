"""The OpenAPI document, written from the operations that the kernel serves, so that the two cannot disagree.

It is OpenAPI 3.0.3, not 3.1: the Swagger UI that can be had as a package (4.15) reads nothing newer, the
contract itself is 3.0.3, and so are the client generators people point at it. msgspec describes types in JSON
Schema 2020-12; `_portable` rewrites what 3.0 says otherwise. Which refusals an operation can answer is worked
out from what it declares; only where a handler identifies its caller itself does it list them by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runplane.server.authz.guard import Form
from runplane.server.http.operation import Mode, Operation, Surface, Wire
from runplane.server.http.parameters import IDEMPOTENCY_KEY, IF_MATCH, REPLAYED, listing_parameters

VERSION = "3.0.3"
SCHEME = "bearerAuth"
UNBUILT = 501
_INTRODUCTION = (
    "Get a token with `POST /api/v1/token` or `POST /api/v2/token` and send it as `Authorization: Bearer …`. "
    "Operations whose only answer is 501 belong to the contract and are not built yet."
)
"""The declared status of an operation that belongs to the contract and is not built."""

_REF = "#/components/schemas/"
_PARAMETER = re.compile(r"\{([^}]+)\}")
_SUCCESS = {200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done; there is nothing to return."}
_REFUSALS = {
    400: "The request is malformed or breaks a rule; the message says which.",
    401: "There is no token, or it is not accepted.",
    403: "The caller lacks a permission; `details` and `decision` name it and the scope.",
    404: "There is no such object, or the caller may not know of it.",
    409: "The state does not allow this: a name is taken, or something still depends on the object.",
    412: "The object has changed since the state that If-Match names.",
    413: "The body is larger than this operation takes.",
    415: "The body is of a type this operation does not take.",
    422: "The Idempotency-Key was used for another request.",
    429: "There were too many attempts; wait as long as Retry-After says.",
    500: "Something failed on the server; `details` holds an id for its log.",
    501: "This release does not have the operation yet.",
    503: "The server cannot answer right now; try again after Retry-After.",
}
_HEADERS = {
    401: ("WWW-Authenticate", {"type": "string"}),
    429: ("Retry-After", {"type": "integer", "minimum": 0}),
    503: ("Retry-After", {"type": "integer", "minimum": 0}),
}


class Decision(Wire):
    """Why a request was refused: the permission that is missing, where, and which roles would grant it."""

    id: str
    permission: Annotated[str, Meta(examples=["users:read"])]
    scope_path: Annotated[list[str], Meta(description="From the tenant down to the scope acted on.")]
    roles: list[str]


class Error(Wire):
    """A refusal. `message` is one sentence for people."""

    code: Annotated[int, Meta(ge=100, le=599, description="The HTTP status.")]
    message: str
    details: str | UnsetType = UNSET
    reason: Annotated[str, Meta(description="A word for programs, always with a 401.")] | UnsetType = UNSET
    decision: Decision | UnsetType = UNSET


class TokenError(Error, kw_only=True):
    """A refused token request, in the words of the contract and in those of RFC 6749."""

    error: str
    error_description: str = msgspec.field(name="error_description")


class OAuth2Error(msgspec.Struct):
    """A refusal as RFC 6749 section 5.2 shapes it."""

    error: str
    error_description: str


_ERRORS: dict[Surface, type[msgspec.Struct]] = {
    Surface.MODERN: Error,
    Surface.TOKEN: TokenError,
    Surface.OAUTH: OAuth2Error,
}


def document(operations: Sequence[Operation], *, title: str, version: str, server_url: str) -> dict[str, Any]:
    """The OpenAPI document of `operations`, sorted by path, ready to be encoded as JSON or YAML.

    An operation declared with status 501 is listed with that answer only. Raises TypeError for a declared
    type that has no JSON Schema.
    """
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    refusals: set[tuple[Surface, int]] = set()
    for operation in sorted(operations, key=lambda it: (it.path, it.method)):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _entry(operation, schemas)
        refusals.update((operation.surface, status) for status in _refusals(operation))
    ordered = sorted(refusals, key=lambda it: (it[0].value, it[1]))
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": _INTRODUCTION},
        "servers": [{"url": server_url}],
        "security": [{SCHEME: []}],
        "tags": [{"name": tag} for tag in sorted({it.tag for it in operations}, key=str.lower)],
        "paths": paths,
        "components": {
            "securitySchemes": {SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": {
                _response_name(surface, status): _refusal(surface, status, schemas)
                for surface, status in ordered
            },
            "schemas": schemas.components,
        },
    }


class _Schemas:
    """Every type the operations declare, described in one go, so that a name is given out once."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        bodies = [kind for it in operations for kind in (it.body, it.reply) if kind not in (None, bytes)]
        queries = [it.query for it in operations if it.query is not None]
        kinds = [*_ERRORS.values(), *bodies, *queries]
        described, components = msgspec.json.schema_components(kinds, ref_template=_REF + "{name}")
        self._of = {id(kind): _portable(schema) for kind, schema in zip(kinds, described, strict=True)}
        self.components = {name: _portable(components[name]) for name in sorted(components)}
        # What a query holds becomes parameters, one by one; nothing refers to the whole.
        self._queries = {id(kind): self.components.pop(self._name(kind)) for kind in {*queries}}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a declared type: a reference where it has a name."""
        return self._of[id(kind)]

    def query(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        """The schema of a query struct itself."""
        return self._queries[id(kind)]

    def requires_body(self, kind: Any) -> bool:
        """Whether an empty body, which counts as `{}` or `[]`, would be refused."""
        schema = self.of(kind)
        name = schema.get("$ref", "").removeprefix(_REF)
        return bool(self.components.get(name, schema).get("required"))

    def _name(self, kind: Any) -> str:
        return self.of(kind)["$ref"].removeprefix(_REF)


def _entry(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    entry: dict[str, Any] = {"operationId": operation.id, "tags": [operation.tag]}
    description = operation.description or _rest_of_docstring(operation)
    if operation.summary:
        entry["summary"] = operation.summary
    if description:
        entry["description"] = description
    if operation.deprecated:
        entry["deprecated"] = True
    if operation.successor:
        entry["x-runplane-successor"] = operation.successor
    if operation.extension:
        entry["x-runplane-extension"] = True
    if operation.allow.form is Form.PUBLIC:
        entry["security"] = []
    if operation.allow.permission is not None:
        entry["x-runplane-permission"] = str(operation.allow.permission)
    parameters = list(_parameters(operation, schemas))
    if parameters:
        entry["parameters"] = parameters
    if operation.status != UNBUILT and _takes_body(operation):
        entry["requestBody"] = _request_body(operation, schemas)
    entry["responses"] = _responses(operation, schemas)
    return entry


def _rest_of_docstring(operation: Operation) -> str:
    lines = (operation.handler.__doc__ or "").strip().split("\n")[1:]
    return re.sub(r"\n[ \t]+", "\n", "\n".join(lines)).strip()


def _takes_condition(operation: Operation) -> bool:
    # http.etags: a change within a unit may come with If-Match
    known = operation.allow.form is not Form.PUBLIC
    return known and operation.writes and operation.mode is Mode.UNIT and operation.method != "POST"


def _takes_body(operation: Operation) -> bool:
    return operation.raw_body or operation.body is not None


def _request_body(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    kind = "application/x-www-form-urlencoded" if operation.surface is Surface.OAUTH else "application/json"
    if operation.body is None:
        # The handler reads the bytes by itself and has not said what it looks for.
        return {"content": {kind: {"schema": {"type": "object"}}}}
    return {
        "required": schemas.requires_body(operation.body),
        "content": {kind: {"schema": schemas.of(operation.body)}},
    }


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if operation.status != UNBUILT:
        success: dict[str, Any] = {"description": _SUCCESS.get(operation.status, "Done.")}
        if operation.reply is bytes:
            success["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        elif operation.reply is not None:
            success["content"] = {"application/json": {"schema": schemas.of(operation.reply)}}
        if operation.creates:
            success["headers"] = REPLAYED
        found[str(operation.status)] = success
    if operation.may_be_empty:
        found["204"] = {"description": "There is nothing to show."}
    for status in _refusals(operation):
        name = _response_name(operation.surface, status)
        found[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return found


def _refusals(operation: Operation) -> Iterator[int]:
    """The statuses, in order, that the kernel or a handler of this declaration can refuse with."""
    if operation.status == UNBUILT:
        yield UNBUILT
        return
    allow, modern = operation.allow, operation.surface is Surface.MODERN
    known = allow.form is not Form.PUBLIC
    possible = (
        (400, True),
        # RFC 6749 answers wrong client credentials with 401; the JSON token route says 400 (http.problems).
        (401, known or operation.surface is Surface.OAUTH),
        (403, known),
        (404, "{" in operation.path or allow.source is not None),
        (409, operation.writes and modern),
        (412, _takes_condition(operation)),
        (413, _takes_body(operation)),
        (415, _takes_body(operation)),
        (422, operation.creates),
        # Only what checks a password or a secret is throttled, and that hashes before it opens a unit.
        (429, operation.before is not None or not modern),
        (500, True),
        (503, True),
    )
    yield from (status for status, can_occur in possible if can_occur or status in operation.refuses)


def _response_name(surface: Surface, status: int) -> str:
    return f"{surface.value}-{status}"


def _refusal(surface: Surface, status: int, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {"application/json": {"schema": schemas.of(_ERRORS[surface])}},
    }
    if status in _HEADERS:
        name, schema = _HEADERS[status]
        found["headers"] = {name: {"schema": schema}}
    return found


def _parameters(operation: Operation, schemas: _Schemas) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(operation.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
    if _takes_condition(operation):
        yield IF_MATCH
    if operation.creates:
        yield IDEMPOTENCY_KEY
    taken: set[str] = set()
    if operation.query is not None:
        schema = schemas.query(operation.query)
        for name, value in schema["properties"].items():
            taken.add(name)
            yield _query_parameter(name, value, required=name in schema.get("required", ()))
    if operation.listing is not None:
        for parameter in listing_parameters(operation.listing):
            if parameter["name"] not in taken:
                yield parameter


def _query_parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    # A query cannot say null, only leave the parameter out.
    value = {key: it for key, it in schema.items() if key != "nullable" and (key, it) != ("default", None)}
    description = value.pop("description", None)
    found: dict[str, Any] = {"name": name, "in": "query", "required": required, "schema": value}
    if description:
        found["description"] = description
    return found


def _portable(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as msgspec writes it, in the words OpenAPI 3.0 has for it."""
    found = {key: value for key, value in schema.items() if key not in ("title", "propertyNames")}
    _make_parts_portable(found)
    if not found.get("required", True):
        del found["required"]
    if None in found.get("enum", ()):
        found["nullable"] = True
    if found.pop("contentEncoding", None):
        found["format"] = "byte"
    if found.get("examples"):
        found["example"] = found.pop("examples")[0]
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):
        if bound in found:
            found[bound.replace("exclusiveM", "m")], found[bound] = found[bound], True
    if "anyOf" in found:
        found = _with_union(found)
    if "$ref" in found and len(found) > 1:
        # 3.0 ignores what stands beside a reference.
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found


def _make_parts_portable(found: dict[str, Any]) -> None:
    if "properties" in found:
        found["properties"] = {name: _portable(it) for name, it in found["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = _portable(found[key])
    if "prefixItems" in found:
        found["items"] = {"anyOf": [_portable(it) for it in found.pop("prefixItems")]}
    if found.get("type") == "array":
        found.setdefault("items", {})


def _with_union(found: dict[str, Any]) -> dict[str, Any]:
    options = found.pop("anyOf")
    some = [_portable(it) for it in options if it.get("type") != "null"]
    union = some[0] if len(some) == 1 else {"anyOf": some}
    null = {"nullable": True} if len(some) < len(options) else {}
    # What stands beside the union, such as a description, is about this place and wins.
    return {**union, **found, **null}
