"""Authlib on Flask as a token and resource server: a client and 2,000 rows in SQLite, ES256 access tokens.

Run by gunicorn with four threads. Tokens are not stored; the client's secret is compared as it is. The
options come from the file that the variable BENCH_OPTIONS names.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator, JWTBearerTokenValidator
from flask import Flask, jsonify
from joserfc.jwk import ECKey, KeySet

OPTIONS: dict[str, Any] = json.loads(Path(os.environ["BENCH_OPTIONS"]).read_text())
ISSUER = f"http://127.0.0.1:{OPTIONS['port']}"
KEYS = KeySet([ECKey.generate_key("P-256", {"kid": "bench", "use": "sig", "alg": "ES256"}, private=True)])
_KEPT = threading.local()


def database() -> sqlite3.Connection:
    """This thread's connection."""
    opened: sqlite3.Connection | None = getattr(_KEPT, "connection", None)
    if opened is None:
        opened = _KEPT.connection = sqlite3.connect(OPTIONS["database"])
        opened.execute("PRAGMA journal_mode=WAL")
    return opened


class Client(ClientMixin):  # type: ignore[misc]
    """One row of the table of clients."""

    def __init__(self, client_id: str, secret: str) -> None:
        self.client_id = client_id
        self.secret = secret

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        # The validator refuses a token with an empty scope.
        return scope

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_post"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


def find_client(client_id: str) -> Client | None:
    """The client of that id, read from the database."""
    row = database().execute("SELECT id, secret FROM clients WHERE id = ?", (client_id,)).fetchone()
    return None if row is None else Client(*row)


class Grant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)


class Tokens(JWTBearerTokenGenerator):  # type: ignore[misc]
    def get_jwks(self) -> Any:
        return KEYS

    def get_audiences(self, client: Any, user: Any, scope: Any) -> str:
        return "bench"


class Validator(JWTBearerTokenValidator):  # type: ignore[misc]
    def get_jwks(self) -> Any:
        return KEYS


def fill() -> None:
    """Make the tables, the client and the rows that are read."""
    with database() as opened:
        opened.execute("CREATE TABLE clients (id TEXT PRIMARY KEY, secret TEXT)")
        opened.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT, made_at REAL)")
        opened.execute("INSERT INTO clients VALUES (?, ?)", (OPTIONS["clientId"], OPTIONS["clientSecret"]))
        people = [(n, f"person-{n}", f"p{n}@example.com", time.time()) for n in range(2000)]
        opened.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", people)


def make() -> Flask:
    """The application that gunicorn runs."""
    if not Path(OPTIONS["database"]).exists():
        fill()
    app = Flask(__name__)
    server = AuthorizationServer(app, query_client=find_client, save_token=lambda token, request: None)
    server.register_grant(Grant)
    server.register_token_generator("client_credentials", Tokens(issuer=ISSUER, alg="ES256"))
    protect = ResourceProtector()
    protect.register_token_validator(Validator(issuer=ISSUER, resource_server="bench"))

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/people/<int:number>")
    @protect()
    def person(number: int) -> Any:
        row = database().execute("SELECT * FROM people WHERE id = ?", (number,)).fetchone()
        return jsonify({"id": row[0], "name": row[1], "email": row[2], "madeAt": row[3]})

    return app
