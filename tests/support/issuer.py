"""An issuer of tokens that is not ours: a real HTTPS server with an authority of its own.

It publishes metadata and keys as a CI service does, counts what it is asked, and can be told to misbehave.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

METADATA = "/.well-known/openid-configuration"
KEYS = "/keys"


class SigningKey:
    """One key of the issuer."""

    def __init__(self, kid: str, algorithm: str = "ES256") -> None:
        self.kid = kid
        self.algorithm = algorithm
        family = algorithm[:2]
        if family == "ES":
            curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]
            self.private: Any = ec.generate_private_key(curve())
        elif family == "Ed":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self, **more: Any) -> dict[str, Any]:
        """The public key as the issuer publishes it."""
        entry = jwt.algorithms.get_default_algorithms()[self.algorithm]
        made = entry.to_jwk(self.private.public_key())
        found = json.loads(made) if isinstance(made, str) else made
        found.pop("key_ops", None)
        return {**found, "kid": self.kid, "alg": self.algorithm, "use": "sig", **more}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with these claims."""
        return jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid, **header})


class Issuer:
    """A running issuer at `url`. `pages` maps a path to its answer: bytes, or a function that answers."""

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "authority.pem"
        self.key = SigningKey("k1")
        self.keys = [self.key]
        self.pages: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder, self.ca_file))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=30)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims as a CI job's token has them; a change to None removes one."""
        now = int(time.time())
        base = {
            "iss": self.url,
            "aud": "https://runplane.example",
            "sub": "repo:acme/train:ref:refs/heads/main",
            "repository": "acme/train",
            "ref": "refs/heads/main",
            "iat": now - 5,
            "nbf": now - 5,
            "exp": now + 300,
            "jti": f"job-{time.monotonic_ns()}",
        }
        return {name: value for name, value in {**base, **changes}.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """A token signed with the issuer's present key."""
        return self.key.sign(self.claims(**changes))

    def jwks(self) -> dict[str, Any]:
        """What it publishes."""
        return {"keys": [it.jwk() for it in self.keys]}

    def _answer(self, path: str) -> bytes | Callable[[BaseHTTPRequestHandler], None] | None:
        if path in self.pages:
            return self.pages[path]
        if path == METADATA:
            return json.dumps({"issuer": self.url, "jwks_uri": self.url + KEYS}).encode()
        return json.dumps(self.jwks()).encode() if path == KEYS else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                found = issuer._answer(self.path)
                if callable(found):
                    found(self)
                    return
                self.send_response(404 if found is None else 200)
                self.send_header("content-length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Tests do not want it."""

        return Handler


def _certificate(folder: Path, ca_file: Path) -> Path:
    """An authority in `ca_file`, and a file with a certificate of it for localhost with its key."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "runplane test authority")])
    host = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)

    def built(subject: x509.Name, public: Any, extensions: list[tuple[Any, bool]]) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(authority, hashes.SHA256())

    ca = built(root, authority.public_key(), [(x509.BasicConstraints(ca=True, path_length=0), True)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = built(host, key.public_key(), [(names, False)])
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    chain = folder / "issuer.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    return chain


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer for the tests of a module."""
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    yield made
    made.close()
