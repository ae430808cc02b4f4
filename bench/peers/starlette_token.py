"""The floor of the token call: parse JSON, look a client up in a dictionary, compare, sign with PyJWT.

No database, no audit, no throttling, no last use: what a token costs on Starlette when nothing else is
promised.
"""

from __future__ import annotations

import hmac
import secrets
import sys
import time
from pathlib import Path

import jwt
import msgspec
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_LIFETIME = 3600


class Options(msgspec.Struct, rename="camel"):
    """What the bench hands over in a file."""

    port: int
    client_id: str
    client_secret: str


def application(options: Options, issuer: str) -> Starlette:
    """The application, with a signing key of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    clients = {options.client_id: options.client_secret}
    headers = {"kid": secrets.token_hex(16)}

    async def token(request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        wanted = clients.get(asked["clientId"])
        if wanted is None or not hmac.compare_digest(wanted, asked["clientSecret"]):
            return Response(b'{"code":400,"message":"no"}', 400, media_type="application/json")
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": options.client_id,
            "aud": ["runai"],
            "exp": now + _LIFETIME,
            "iat": now,
            "nbf": now,
            "jti": secrets.token_hex(16),
            "typ": "Bearer",
            "tenant_id": "1001",
            "preferred_username": "bench",
            "client_id": options.client_id,
            "azp": options.client_id,
        }
        signed = jwt.encode(claims, key, "ES256", headers=headers)
        body = msgspec.json.encode({"accessToken": signed, "expiresIn": _LIFETIME})
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/api/v1/token", token, methods=["POST"])])


def main() -> None:
    """Serve until a signal ends the process."""
    options = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Options)
    app = application(options, f"http://127.0.0.1:{options.port}/auth/realms/runai")
    uvicorn.run(
        app, port=options.port, http="httptools", loop="uvloop", log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
