"""The floor of an authenticated read: a bearer token checked by PyJWT, one SQLite row, the same JSON as ours.

Verified tokens are remembered until they expire. There is no authorization, no revocation, no audit. It reads
our database and trusts our signing key, so both servers answer the very same requests.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_COLUMNS = "id, email, created_by, created_at, updated_at, last_login, is_local, groups"
_ONE = f"SELECT {_COLUMNS} FROM users WHERE id = ? AND tenant_id = ?"
_LIST = f"SELECT {_COLUMNS} FROM users WHERE tenant_id = ? ORDER BY id LIMIT ? OFFSET ?"
_MAX_TOKENS = 20_000


class Options(msgspec.Struct, rename="camel"):
    """What the bench hands over in a file."""

    port: int
    database: str
    issuer: str
    jwks: dict[str, Any]


class Verifier:
    """Checks tokens, once each."""

    def __init__(self, options: Options) -> None:
        self._keys = {key["kid"]: jwt.PyJWK(key).key for key in options.jwks["keys"]}
        self._issuer = options.issuer
        self._known: dict[str, dict[str, Any]] = {}

    def claims(self, header: str) -> dict[str, Any] | None:
        """The claims of a good token."""
        token = header[7:]
        known = self._known.get(token)
        if known is not None:
            return known if known["exp"] > time.time() else None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                algorithms=["ES256"],
                audience="runai",
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, KeyError):
            return None
        if len(self._known) >= _MAX_TOKENS:
            self._known.clear()
        self._known[token] = claims
        return claims


def application(options: Options) -> Starlette:
    """The application over an existing database."""
    database = sqlite3.connect(f"file:{options.database}?mode=ro", uri=True)
    verifier = Verifier(options)

    async def one(request: Request) -> Response:
        claims = verifier.claims(request.headers.get("authorization", ""))
        if claims is None:
            return _refusal(401)
        row = database.execute(_ONE, (request.path_params["user_id"], int(claims["tenant_id"]))).fetchone()
        return _refusal(404) if row is None else _answer(_present(row))

    async def many(request: Request) -> Response:
        claims = verifier.claims(request.headers.get("authorization", ""))
        if claims is None:
            return _refusal(401)
        query = request.query_params
        parameters = (int(claims["tenant_id"]), int(query.get("limit", "500")), int(query.get("offset", "0")))
        return _answer([_present(row) for row in database.execute(_LIST, parameters).fetchall()])

    return Starlette(routes=[Route("/api/v1/users", many), Route("/api/v1/users/{user_id}", one)])


def _present(row: Sequence[Any]) -> dict[str, Any]:
    id_, email, created_by, created_at, updated_at, last_login, is_local, groups = row
    return {
        "id": id_,
        "username": email,
        "createdBy": created_by,
        "createdAt": created_at,
        "updatedAt": updated_at,
        "lastLogin": last_login,
        "isLocal": bool(is_local),
        "groups": None if groups is None else msgspec.json.decode(groups),
    }


def _answer(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _refusal(status: int) -> Response:
    return Response(b'{"message":"no"}', status, media_type="application/json")


def main() -> None:
    """Serve until a signal ends the process."""
    options = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Options)
    uvicorn.run(
        application(options),
        port=options.port,
        http="httptools",
        loop="uvloop",
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
