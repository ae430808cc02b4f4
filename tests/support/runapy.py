"""The official client, unmodified, against the server under test; and the contract as a judge of answers.

The package is imported here with warnings off: its sources hold escape sequences that Python warns about when
it compiles them, and that happens only where no compiled file is left from before.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

from support.server import Server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from runai import api, models
    from runai.api_client import ApiClient, AsyncApiClient
    from runai.configuration import Configuration
    from runai.exceptions import ApiException

__all__ = ["ApiClient", "ApiException", "AsyncApiClient", "Configuration", "api", "models"]

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "openapi-1.224.json"

_numbers = count(1)


def fresh(prefix: str = "it") -> str:
    """A name nothing else has."""
    return f"{prefix}-{next(_numbers)}x"


# The client


def configuration(server: Server, client_id: str | None, secret: str | None, **options: Any) -> Configuration:
    """What every kind of client is made from. No waiting between repetitions: tests want the count only."""
    options = {"retry_backoff_factor": 0, **options}
    return Configuration(client_id=client_id, client_secret=secret, runai_base_url=server.url, **options)


def with_token(client: Any, token: str) -> Any:
    """The client with another token, as people do who have one from elsewhere: it cannot be given one."""
    client.configuration.auto_refresh_token = False
    client.set_default_header("authorization", f"Bearer {token}")
    return client


@dataclass(frozen=True)
class Seen:
    """One request as it arrived: the path and the query undecoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def recorded(server: Server) -> Iterator[list[Seen]]:
    """What arrives at the server meanwhile; the requests are served as ever."""
    seen: list[Seen] = []
    kernel = server.app.kernel

    async def record(scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()

        async def receive_and_keep() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def note_and_send(message: Any) -> None:
            # before the answer leaves: the client may look as soon as it has it
            if message["type"] == "http.response.start":
                headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
                path = scope["raw_path"].decode("latin-1")
                query = scope["query_string"].decode()
                seen.append(Seen(scope["method"], path, query, headers, bytes(body)))
            await send(message)

        await kernel(scope, receive_and_keep, note_and_send)

    server.app.kernel = record  # type: ignore[assignment]
    try:
        yield seen
    finally:
        server.app.kernel = kernel


# Things the calls act on


@dataclass
class Account:
    """A service account or an access key with its secret."""

    id: str
    name: str
    client_id: str
    secret: str


@dataclass
class Scene:
    """A System administrator of each kind, and a way to make what calls act on, over plain HTTP."""

    server: Server
    machine: Account = field(init=False)
    email: str = field(init=False)
    password: str = "violet-anchor-plum-drift"
    key: Account = field(init=False)

    def __post_init__(self) -> None:
        self.machine = self.service_account(role=1)
        user = self.user()
        self.email = user["username"]
        self.rule("user", self.email, 1)
        self.person = self.signed_in(user, self.password)
        self.key = self.access_key()

    def post(self, path: str, body: Any = None, client: httpx.Client | None = None) -> Any:
        """Send with POST, as the first administrator unless told otherwise; it has to succeed."""
        answer = (client or self.server.admin).post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def service_account(self, role: int | None = None) -> Account:
        """A service account, with a role in the tenant if one is given."""
        made = self.post("/api/v1/service-accounts", {"name": fresh("machine")})
        if role is not None:
            self.rule("service-account", made["name"], role)
        return Account(made["id"], made["name"], made["clientId"], made["clientSecret"])

    def access_key(self) -> Account:
        """An access key of the person."""
        made = self.post("/api/v1/access-keys", {"name": fresh("key")}, self.person)
        return Account(made["id"], made["name"], made["clientId"], made["clientSecret"])

    def user(self) -> dict[str, Any]:
        """A person who has not signed in yet."""
        return self.post("/api/v1/users", {"email": f"{fresh('person')}@example.com"})

    def signed_in(self, user: dict[str, Any], password: str) -> httpx.Client:
        """A client of a person who has just chosen a password."""
        first = self.server.client(self.server.token(user["username"], user["tempPassword"]))
        change = {"currentPassword": user["tempPassword"], "newPassword": password}
        self.post("/api/v1/me/password", change, first)
        return self.server.client(self.server.token(user["username"], password))

    def rule(self, kind: str, subject: str, role: int) -> int:
        """An access rule in the tenant; returns its id."""
        body = {"subjectType": kind, "subjectId": subject, "roleId": role}
        return self.post(
            "/api/v1/authorization/access-rules", {**body, "scopeType": "tenant", "scopeId": "1001"}
        )["id"]


# The contract


@cache
def _contract() -> dict[str, Any]:
    return _as_json_schema(json.loads(ORACLE.read_text("utf-8")))


def _as_json_schema(part: Any) -> Any:
    """OpenAPI 3.0 schemas in the words of JSON Schema: `nullable` is the only one that counts here."""
    if isinstance(part, list):
        return [_as_json_schema(it) for it in part]
    if not isinstance(part, dict):
        return part
    made = {name: _as_json_schema(value) for name, value in part.items() if name not in _NOT_SCHEMA}
    if isinstance(part.get("properties"), dict):  # members may be called anything
        made["properties"] = {name: _as_json_schema(value) for name, value in part["properties"].items()}
    if part.get("nullable") is True:
        made.pop("nullable", None)
        return {"anyOf": [made, {"type": "null"}]}
    return made


# Examples are no schemas; formats and patterns of the document are partly written for another language.
_NOT_SCHEMA = frozenset({"example", "examples", "format", "pattern"})


def faults(operation_id: str, status: int, answer: Any, waived: frozenset[str] = frozenset()) -> list[str]:
    """How an answer departs from the contract: missing members, wrong types.

    `waived` are members of the answer itself that are not asked for. Raises LookupError when the
    contract does not declare the status.
    """
    declared = _responses(operation_id)
    if str(status) not in declared:
        raise LookupError(f"{operation_id} declares {sorted(declared)}, not {status}")
    response = declared[str(status)]
    if "$ref" in response:
        response = _contract()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return [] if answer in (None, "") else ["a body that the contract does not describe"]
    asked = {name: value for name, value in schema.items() if name != "required"}
    asked["required"] = [name for name in schema.get("required", ()) if name not in waived]
    if not asked["required"]:
        del asked["required"]
    validator = jsonschema_rs.Draft4Validator({**asked, "components": _contract()["components"]})
    return [f"{list(it.instance_path)}: {it.message}" for it in validator.iter_errors(answer)]


def _responses(operation_id: str) -> dict[str, Any]:
    for path in _contract()["paths"].values():
        for entry in path.values():
            if isinstance(entry, dict) and entry.get("operationId") == operation_id:
                return entry["responses"]
    raise LookupError(f"the contract has no operation {operation_id}")
