"""What is fuzzed, and what may come of it: each function takes text of any kind and must end in order.

In order means: a value, or the one error that the caller of that reader expects. Anything else escapes and
fails. Time is bounded by counting the steps the interpreter takes, which is the same on a busy machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import FrameType, MappingProxyType, SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qs

from runplane.cli.failures import CliError
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.yaml_file import Source
from runplane.cli.yaml_edit import changed, put, text
from runplane.server.core.clock import instant
from runplane.server.core.errors import (
    Forbidden,
    GrantRefused,
    Invalid,
    TooLarge,
    Unauthenticated,
    UnsupportedMedia,
)
from runplane.server.core.listing import Envelope, Field, Kind, Listing, Operator
from runplane.server.http import codec
from runplane.server.http.call import Call
from runplane.server.http.listing import MAX_TERMS, parse_page
from runplane.server.http.request import Request
from runplane.server.identity import jose
from runplane.server.identity.browser.request import (
    keeps_secure_cookies,
    require_same_origin,
    session_cookie,
)
from runplane.server.identity.dialects import client_of, folded_json, read_form
from runplane.server.identity.keyring import SigningKey, verification_keys
from runplane.server.identity.logins.requests import read_request
from runplane.server.identity.scopes import read_scope
from runplane.server.identity.trusts.keys import read_key_set
from runplane.server.identity.trusts.subject import read_token
from runplane.server.identity.verify import Verifier
from runplane.server.organization.settings.images import media_type

Target = Callable[[bytes], None]

STEPS: Final = 20_000
"""Steps that an input may take whatever its length."""
STEPS_OF_A_BYTE: Final = 400
"""Steps for each byte on top: the readers are linear, or this is passed by the first long input."""
SECONDS: Final = 5.0
"""Processor seconds, for what the interpreter does in one step: patterns and parsers written in C."""
# YAML is read by Python, which looks at each character more than once; ruamel.yaml reads it after PyYAML.
DEARER: Final = {"organization": 5, "yaml-edit": 20}

_NOW: Final = 1_800_000_000
_ISSUER: Final = "https://runplane.example/auth/realms/runai"
KEY: Final = SigningKey.generate(instant(_NOW))
_VERIFIER: Final = Verifier(_ISSUER, verification_keys([KEY]))
_LISTING: Final = Listing(
    "things",
    Field("name", search=True, operators=tuple(Operator)),
    Field("createdAt", Kind.TIME),
    Field("roleId", Kind.INTEGER),
    Field("quota", Kind.NUMBER),
    Field("isLocal", Kind.BOOLEAN),
    Field("kind", choices=("user", "service-account")),
    envelope=Envelope("things"),
)


class TooMuch(AssertionError):
    """An input that costs more than its length explains."""


@contextmanager
def counted(limit: int) -> Iterator[None]:
    """Let the code below take at most `limit` steps (lines, calls, returns). Raises TooMuch."""
    left = limit

    def step(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooMuch(f"more than {limit} steps")
        return step

    before, started = sys.gettrace(), time.thread_time()
    sys.settrace(step)
    try:
        yield
    finally:
        sys.settrace(before)
    if time.thread_time() - started > SECONDS:
        raise TooMuch(f"more than {SECONDS} processor seconds")


def run(name: str, data: bytes) -> None:
    """Give `data` to a target, with its steps counted."""
    with counted((STEPS + STEPS_OF_A_BYTE * len(data)) * DEARER.get(name, 1)):
        TARGETS[name](data)


def query(data: bytes) -> None:
    """A query string, to the page of a list that it asks for."""
    with suppress(Invalid):
        page = parse_page(_LISTING, codec.read_query(data))
        assert len(page.conditions) <= MAX_TERMS
        assert page.limit is not None
        assert 1 <= page.limit <= _LISTING.max_limit


def filter_by(data: bytes) -> None:
    """The value of filterBy alone, whatever it holds."""
    with suppress(Invalid):
        parse_page(_LISTING, {"filterBy": [data.decode("utf-8", "surrogateescape")]})


def token(data: bytes) -> None:
    """The text of a bearer token. Nobody can sign but us, so that no input may be accepted."""
    with suppress(Unauthenticated):
        _VERIFIER.verify(data.decode("latin-1"), _NOW)
        raise AssertionError("a token was accepted that nobody has signed")


def signed_token(data: bytes) -> None:
    """What comes behind a good signature: a payload of any bytes."""
    head = jose.header_segment(KEY.algorithm, KEY.kid) + b"." + jose.base64url(data)
    signature = jose.base64url(jose.sign_key(KEY.algorithm, KEY.private)(head))
    with suppress(Unauthenticated):
        _VERIFIER.verify((head + b"." + signature).decode(), _NOW)


def token_header(data: bytes) -> None:
    """The header of a token, before any key is known."""
    with suppress(Unauthenticated):
        _VERIFIER.verify(f"{jose.base64url(data).decode()}.e30.AAAA", _NOW)
        raise AssertionError("a token without a signature was accepted")


def foreign_token(data: bytes) -> None:
    """The token of another issuer that is to be exchanged."""
    with suppress(Invalid):
        read_token(data.decode("latin-1"))


def key_set(data: bytes) -> None:
    """The keys that another issuer publishes."""
    with suppress(Invalid):
        read_key_set(codec.strict_json(data))


def body(data: bytes) -> None:
    """A request's body, to an object of any members."""
    with suppress(Invalid):
        codec.encode(codec.decode_body(data, dict[str, Any]))


def organization(data: bytes) -> None:
    """The organization file."""
    with suppress(OrganizationError):
        Source("a.yaml", data.decode("utf-8", "replace"))


def edited(data: bytes) -> None:
    """A kubeconfig file that gets one member more: what it held stays, or nothing is written."""
    with suppress(CliError):
        given = data.decode("utf-8", "replace")
        changed(Path("config"), given, lambda document: put(document, "runplane", text("x")))


def _request(**headers: bytes) -> Request:
    raw = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": raw, "client": ("10.0.0.1", 1)}
    return Request(scope, [ip_network("10.0.0.0/8")])


def cookie(data: bytes) -> None:
    """The header Cookie."""
    found = session_cookie(_request(cookie=data))
    assert len(found) <= 200
    assert found.encode("latin-1") in data


def forwarded(data: bytes) -> None:
    """The header X-Forwarded-For of a trusted proxy: always some address comes of it."""
    ip_address(_request(x_forwarded_for=data).source_ip)


def origin(data: bytes) -> None:
    """The header Origin, of a request that is not from here."""
    with suppress(Forbidden):
        require_same_origin(_request(origin=data, host=b"runplane.example"), "https://runplane.example")
        assert data.lower() in (b"http://runplane.example", b"https://runplane.example")


def host(data: bytes) -> None:
    """The header Host, where the browser's handling of cookies depends on it."""
    keeps_secure_cookies(_request(host=data), "https://runplane.example")


def _call(request: Request, raw: bytes) -> Call[Any]:
    nothing: Any = None
    call = Call[Any](nothing, request, {})
    call.raw_body = raw
    return call


def token_form(data: bytes) -> None:
    """The form of a token call."""
    kind = b"application/x-www-form-urlencoded"
    with suppress(GrantRefused):
        read_form(_call(_request(content_type=kind), data))


def token_json(data: bytes) -> None:
    """The JSON of a token call, in any spelling."""
    with suppress(Invalid):
        found = folded_json(_call(_request(content_type=b"application/json"), data))
        assert all(isinstance(it, str) for it in found.values())


def basic(data: bytes) -> None:
    """The header Authorization of a client that identifies itself by Basic."""
    with suppress(GrantRefused):
        client_of(_call(_request(authorization=b"Basic " + data), b""), {})


def scope(data: bytes) -> None:
    """The scope that a token is asked with."""
    with suppress(GrantRefused):
        read_scope(data.decode("utf-8", "surrogateescape"))


def authorization(data: bytes) -> None:
    """The address that begins a login with a browser."""
    realm: Any = SimpleNamespace(tenant_id=1, issuer=_ISSUER, name="runai")
    with suppress(Invalid, GrantRefused):
        params = parse_qs(data.decode("latin-1"), keep_blank_values=True)
        read_request(params, realm, "https://runplane.example", _NOW)


def picture(data: bytes) -> None:
    """A logo."""
    with suppress(Invalid, TooLarge, UnsupportedMedia):
        media_type(data)


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        "filter": filter_by,
        "query": query,
        "token": token,
        "signed-token": signed_token,
        "token-header": token_header,
        "foreign-token": foreign_token,
        "key-set": key_set,
        "body": body,
        "organization": organization,
        "yaml-edit": edited,
        "cookie": cookie,
        "forwarded": forwarded,
        "origin": origin,
        "host": host,
        "token-form": token_form,
        "token-json": token_json,
        "basic": basic,
        "scope": scope,
        "authorization": authorization,
        "picture": picture,
    }
)

# Where a search starts that knows nothing of grammars.
SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "filter": (b"name==a,name!=b,createdAt>=2026-01-01T00:00:00Z,roleId<=5", b"quota==1e5,isLocal==true"),
        "query": (b"filterBy=name%3D@x,kind==user&sortBy=name&sortOrder=desc&offset=1&limit=5&search=a",),
        "token": (KEY.minter().mint({"sub": "anna"}).encode(), b"e30.e30.AAAA", b"a.b.c.d"),
        "signed-token": (b'{"iss":"x","sub":"a","aud":["runai"],"exp":1,"iat":1,"nbf":1,"jti":"1"}', b"[]"),
        "token-header": (b'{"alg":"none","typ":"JWT","kid":"x"}', b'{"kid":1,"kid":2}', b'{"crit":[]}'),
        "foreign-token": (KEY.minter().mint({"iss": "a", "jti": "b"}).encode(), b"e30.e30.AAAA"),
        "key-set": (
            b'{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"RSA","n":"AQ","e":"AQAB"}]}',
        ),
        "body": (b'{"name":"a","list":[1,2.5,null,true,"\\u00e9"],"deep":{"a":{"b":[]}}}', b'"{\\"a\\":1}"'),
        "organization": (
            b"version: 1\nroles:\n  - name: a\n    permission-sets: [b]\n",
            b"a: &x [1]\nb: *x\n",
            b"? [a]\n: b\n",
        ),
        "yaml-edit": (
            b"apiVersion: v1\nkind: Config\nusers:\n  - name: a # beside\n    user: {token: b}\n# below\n",
            b"a: &x [1, 2]\nb: [*x, *x]\n<<: {c: 1}\n",
            b"a: |\n  text\n# tail\nb: !!binary aGk=\n",
            # found by atheris: an IndexError and a TypeError over ruamel.yaml's guess at the indentation
            b"sio:\n -\n  te",
            b"a: Con\n - # below\n",
        ),
        "cookie": (b"__Host-runplane-session=rps_a; other=1; __Host-runplane-session=b",),
        "forwarded": (b"203.0.113.9, 10.0.0.2, ::1", b"nonsense, , 10.1.1.1"),
        "origin": (
            b"https://runplane.example",
            b"http://[::1]:8080",
            b"null",
            # found by atheris: a tab that the parser of addresses dropped
            b"//r\tunplane.example",
        ),
        "host": (b"runplane.example:443", b"[::1]:8080", b"a.localhost"),
        "token-form": (b"grant_type=password&username=a&password=b%00&scope=openid",),
        "token-json": (
            b'{"grantType":"client_credentials","client_id":"a","clientSecret":"b"}',
            b'{"AppId":"x"}',
        ),
        "basic": (b"YTpi", b"YSUwMDpi"),
        "scope": (b"openid email", b"project:1", b"role:viewer tenant:1001"),
        "authorization": (
            (
                b"response_type=code&client_id=runplane-cli&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback"
                b"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
                b"&state=a&nonce=b&scope=openid&prompt=login&max_age=1"
            ),
        ),
        "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\0\x10JFIF", b"RIFF\0\0\0\0WEBPVP8 "),
    }
)
