"""Sign-ins in a browser as tests drive them: a person's session, a program that waits, and a device."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from support.accounts import REALM, TOKEN
from support.processes import ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

Running = Server | ServerProcess

AUTHORIZE = f"{REALM}/protocol/openid-connect/auth"
DEVICE = f"{AUTHORIZE}/device"
USERINFO = f"{REALM}/protocol/openid-connect/userinfo"
LOGOUT = f"{REALM}/protocol/openid-connect/logout"
SESSION = "/api/v1/session"
LISTENER = "http://127.0.0.1:53682/callback"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address; each occurs once."""
    pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def browser(server: Running, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> httpx.Client:
    """A browser in which a person has signed in to the console: cookies, their token, and its own origin."""
    client = server.client()
    client.headers["sec-fetch-site"] = "same-origin"
    answer = client.post(SESSION, json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    pairs = [line.partition(";")[0] for line in answer.headers.get_list("set-cookie")]
    # the client's own jar obeys `Secure` to the letter, and this is plain http
    client.cookies.clear()
    client.headers["cookie"] = "; ".join(pairs)
    client.headers["x-csrf-token"] = answer.json()["csrfToken"]
    return client


class Program:
    """A command line that signs somebody in: its secrets and the requests it makes."""

    def __init__(
        self, server: Running, client_id: str = "runplane-cli", redirect_uri: str = LISTENER
    ) -> None:
        self.server = server
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.verifier = secrets.token_urlsafe(48)
        self.state, self.nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(16)

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        hashed = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()

    def parameters(self, **changed: str | None) -> dict[str, str]:
        """What an authorization request carries; None leaves a parameter out."""
        given: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def begin(self, **changed: str | None) -> httpx.Response:
        """Open the authorization endpoint."""
        return self.server.client().get(AUTHORIZE, params=self.parameters(**changed))

    def request_id(self, **changed: str | None) -> str:
        """The request that the console's page is opened with."""
        answer = self.begin(**changed)
        assert answer.status_code == 303, answer.text
        location = answer.headers["location"]
        assert location.startswith(f"{self.server.url}/authorize?request="), location
        return query_of(location)["request"]

    def code(self, person: httpx.Client, **changed: str | None) -> str:
        """The code that comes back once `person` has agreed."""
        return query_of(decide(person, self.request_id(**changed)))["code"]

    def form(self, code: str, **changed: str | None) -> dict[str, str]:
        """The token request for a code."""
        given: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            **changed,
        }
        return {name: value for name, value in given.items() if value is not None}

    def redeem(self, code: str, route: str = TOKEN, **changed: str | None) -> httpx.Response:
        """Exchange a code for tokens."""
        return self.server.client().post(route, data=self.form(code, **changed))


def decide(person: httpx.Client, request_id: str, *, approve: bool = True) -> str:
    """Where a person's browser is sent after a decision."""
    answer = person.post(f"{SESSION}/authorizations/{request_id}", json={"approve": approve})
    assert answer.status_code == 200, answer.text
    return answer.json()["redirectTo"]


def begin_device(server: Running, client_id: str = "runplane-cli", **more: str) -> dict[str, Any]:
    """The codes of a device that begins to wait."""
    answer = server.client().post(DEVICE, data={"client_id": client_id, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def poll(server: Running, codes: dict[str, Any], client_id: str = "runplane-cli") -> httpx.Response:
    """The question a waiting device asks."""
    form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"], "client_id": client_id}
    return server.client().post(TOKEN, data=form)


def answer_device(person: httpx.Client, codes: dict[str, Any], *, approve: bool = True) -> httpx.Response:
    """A person's decision about a waiting device."""
    return person.post(f"{SESSION}/devices/{codes['user_code']}", json={"approve": approve})
