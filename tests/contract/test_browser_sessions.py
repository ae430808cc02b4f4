"""/api/v1/session: what a browser's session is good for, when it ends, and who cannot have it.

Names of clauses: ASVS 5.0 (V3 web front end, V6 authentication, V7 sessions), RFC 6265bis, OAuth 2.0 for
browser-based applications section 6.2, reference/security 2.5 and 2.7.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from runplane.server.identity.browser.tables import browser_sessions
from runplane.server.identity.tables import sessions
from support.accounts import other_tenant
from support.credentials import stored as rows_of
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

SESSION = "__Host-runplane-session"
CSRF = "__Host-runplane-csrf"
OWN_PASSWORD = "orchard-lantern-copper-tide"
SAME = {"sec-fetch-site": "same-origin"}
Answer = httpx.Response


class Browser:
    """One person's browser: keeps cookies and the session's token, says where its requests come from."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}
        self.access_token = ""

    def send(self, method: str, path: str = "", json: Any = None, **headers: str) -> Answer:
        """A request as the console's script makes it; headers with an empty value are left out."""
        found = {**SAME, "x-csrf-token": self.cookies.get(CSRF, "")}
        found |= {name.replace("_", "-"): value for name, value in headers.items()}
        # The client's own jar obeys `Secure` to the letter, and this is plain http.
        if self.cookies:
            found.setdefault("cookie", "; ".join(f"{key}={value}" for key, value in self.cookies.items()))
        found = {name: value for name, value in found.items() if value}
        answer = httpx.request(
            method, f"{self.server.url}/api/v1/session{path}", json=json, headers=found, timeout=30
        )
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        if answer.status_code == 200 and "accessToken" in answer.json():
            self.access_token = answer.json()["accessToken"]
        return answer

    def sign_in(self, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD, **headers: str) -> Answer:
        return self.send("POST", json={"email": email, "password": password}, **headers)

    def renew(self, *, active: bool = False, **headers: str) -> Answer:
        return self.send("POST", "/token", json={"active": active}, **headers)

    def api(self) -> int:
        """The status of an ordinary call with the access token."""
        bearer = {"authorization": f"Bearer {self.access_token}"}
        return httpx.get(f"{self.server.url}/api/v1/users?limit=1", headers=bearer, timeout=30).status_code


@pytest.fixture
def browser(any_server: Server) -> Browser:
    """A browser that has signed in as the administrator."""
    found = Browser(any_server)
    assert found.sign_in().status_code == 200
    return found


@pytest.fixture
def ahead(any_server: Server) -> Iterator[Callable[[float], None]]:
    """Moves the server's clock for one test."""
    before = any_server.clock.offset
    yield any_server.clock.advance
    any_server.clock.offset = before


@pytest.mark.parametrize("origin", ["http://[", "http://a]b", "http://[::1", "//", "null", "é"])
def test_an_origin_that_is_no_address_is_another_origin(server: Server, origin: str) -> None:
    headers = {"origin": origin.encode("latin-1")}
    given = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    answer = httpx.post(f"{server.url}/api/v1/session", json=given, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["reason"]) == (403, "csrf")


def new_user(server: Server) -> tuple[str, str, str]:
    """Id, address and temporary password of a local user."""
    email = f"{uuid.uuid4().hex}@example.com"
    answer = server.admin.post("/api/v1/users", json={"email": email})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], email, answer.json()["tempPassword"]


def somebody(server: Server) -> tuple[Browser, str, str]:
    """A browser with a signed-in person of no roles, its id and address."""
    user_id, email, temporary = new_user(server)
    found = Browser(server)
    body = {"email": email, "password": temporary, "newPassword": OWN_PASSWORD}
    assert found.send("POST", "/password", json=body).status_code == 200
    return found, user_id, email


def stored(server: Server) -> list[dict[str, Any]]:
    """Every browser session with the session under it."""
    query = select(browser_sessions, sessions).join(sessions, sessions.c.id == browser_sessions.c.session_id)
    return server.units.read(lambda unit: [dict(row._mapping) for row in unit.execute(query)])


def test_a_sign_in_gives_a_token_and_two_cookies(any_server: Server) -> None:
    answer = Browser(any_server).sign_in()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["user"]["email"] == ADMIN_EMAIL
    assert body["tenant"] == {"id": 1001, "name": "runai"}
    assert body["inactivitySeconds"] == 3600
    assert 0 < body["expiresIn"] <= 300
    assert answer.headers["cache-control"] == "no-store"
    assert "refreshToken" not in body


@pytest.mark.clause("cookie.attributes")
def test_rfc6265bis_4_1_3_2_both_cookies_are_bound_to_host_and_https(any_server: Server) -> None:
    lines = Browser(any_server).sign_in().headers.get_list("set-cookie")
    parsed = {line.partition("=")[0]: {it.strip() for it in line.split(";")[1:]} for line in lines}
    common = {"Path=/", "Secure", "SameSite=Lax"}
    assert parsed == {SESSION: common | {"HttpOnly"}, CSRF: common}


@pytest.mark.clause("csrf.bearer-only")
def test_the_token_works_and_the_cookie_alone_does_not(browser: Browser) -> None:
    """OAuth for browser-based applications 6.2: the cookie is good at /api/v1/session only."""
    assert browser.api() == 200
    cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    headers = {**SAME, "cookie": cookie, "x-csrf-token": browser.cookies[CSRF]}
    for path in ("/api/v1/users", "/api/v1/authorization/roles", "/v1/k8s/users"):
        assert httpx.get(browser.server.url + path, headers=headers).status_code == 401, path


@pytest.mark.clause("session.new-id")
def test_asvs_7_2_4_a_session_has_a_new_id_and_none_that_was_brought_along(any_server: Server) -> None:
    """Session fixation: what lay in the browser before the sign-in never becomes a session."""
    planted = "rps_" + "A" * 49
    browser = Browser(any_server)
    browser.cookies = {SESSION: planted}
    assert browser.sign_in().status_code == 200
    first = dict(browser.cookies)
    assert first[SESSION] != planted
    assert browser.sign_in().status_code == 200
    assert browser.cookies[SESSION] != first[SESSION]
    old = Browser(any_server)
    old.cookies = first
    assert old.renew().json()["reason"] == "ended"


@pytest.mark.clause("secret.digest")
def test_asvs_6_5_2_the_database_holds_no_cookie(browser: Browser) -> None:
    secret = browser.cookies[SESSION].encode()
    rows = stored(browser.server)
    assert rows
    assert all(secret not in bytes(row["digest"]) and len(row["digest"]) == 32 for row in rows)
    assert secret.decode() not in str(rows)
    assert browser.cookies[CSRF] not in str(rows)


def test_a_wrong_password_is_refused_as_at_the_token_call(any_server: Server) -> None:
    """ASVS 6.3.8: wrong, unknown and empty of rights look the same."""
    email = f"{uuid.uuid4().hex}@example.com"
    wrong = Browser(any_server).sign_in(password="not-the-password-at-all")
    unknown = Browser(any_server).sign_in(email=email, password="not-the-password-at-all")
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.status_code == 400
    assert wrong.headers.get_list("set-cookie") == []
    grant = {"grantType": "password", "username": email, "password": "not-the-password-at-all"}
    assert (
        httpx.post(f"{any_server.url}/api/v1/token", json=grant).json()["message"]
        == (wrong.json()["message"])
    )


def test_asvs_6_3_1_guesses_at_sign_in_are_slowed_down(make_server: Callable[..., Server]) -> None:
    server = make_server()
    for at in range(50):
        answer = Browser(server).sign_in(email=f"{at}@example.com", password=f"wrong-{at}-password")
        assert answer.status_code == 400
    answer = Browser(server).sign_in(email="a@example.com", password="one-more-wrong-one")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.clause("password-grant.confined")
def test_console_and_token_call_share_one_brake(make_server: Callable[..., Server]) -> None:
    """Ten wrong passwords at the token call lock the account in the console too."""
    server = make_server()
    for at in range(10):
        grant = {"grantType": "password", "username": ADMIN_EMAIL, "password": f"wrong-{at}-password"}
        assert httpx.post(f"{server.url}/api/v1/token", json=grant).status_code == 400
    assert Browser(server).sign_in().status_code == 400


@pytest.mark.clause("password-grant.confined")
def test_no_console_sign_in_where_passwords_are_switched_off(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_password_grant="false")
    browser = Browser(server)
    assert browser.send("GET", "/options").json()["localSignIn"] is False
    answer = browser.sign_in()
    assert (answer.status_code, browser.cookies) == (400, {})


CROSS_SITE = {
    "another site": {"sec_fetch_site": "cross-site"},
    "a neighbour of the domain": {"sec_fetch_site": "same-site"},
    "another origin": {"sec_fetch_site": "", "origin": "https://evil.example"},
    "an opaque origin": {"sec_fetch_site": "", "origin": "null"},
    "our name as a part": {"sec_fetch_site": "", "origin": "http://127.0.0.1.evil.example"},
    "nothing said": {"sec_fetch_site": ""},
    "another site that claims our origin": {"sec_fetch_site": "cross-site", "origin": "{own}"},
}


@pytest.mark.clause("csrf.same-origin")
@pytest.mark.parametrize("case", CROSS_SITE)
def test_asvs_3_5_1_a_page_of_another_origin_can_do_nothing(case: str, browser: Browser) -> None:
    """CSRF, and login CSRF: not even a sign-in with the attacker's own password."""
    headers = {key: it.replace("{own}", browser.server.url) for key, it in CROSS_SITE[case].items()}
    before = dict(browser.cookies)
    for answer in (
        browser.sign_in(**headers),
        browser.send(
            "POST", "/password", json={"email": "a", "password": "b", "newPassword": "c"}, **headers
        ),
        browser.renew(active=True, **headers),
        browser.send("DELETE", **headers),
    ):
        assert answer.status_code == 403, answer.text
        assert answer.json()["reason"] == "csrf"
    assert browser.cookies == before
    assert browser.renew().status_code == 200


@pytest.mark.clause("csrf.same-origin")
@pytest.mark.parametrize("token", ["", "0" * 64, "{cookie}"], ids=["none", "wrong", "the cookie itself"])
def test_asvs_3_5_1_a_change_takes_the_sessions_own_token(token: str, browser: Browser) -> None:
    sent = token.replace("{cookie}", browser.cookies[SESSION])
    for answer in (browser.renew(active=True, x_csrf_token=sent), browser.send("DELETE", x_csrf_token=sent)):
        assert (answer.status_code, answer.json()["reason"]) == (403, "csrf")
    assert browser.renew().status_code == 200


def test_the_token_of_another_session_is_no_good(browser: Browser) -> None:
    other = Browser(browser.server)
    other.sign_in()
    assert browser.renew(x_csrf_token=other.cookies[CSRF]).status_code == 403


def test_without_sec_fetch_site_the_origin_decides(browser: Browser) -> None:
    """Plain http to another host than this machine: browsers send no Sec-Fetch-Site there."""
    assert browser.renew(sec_fetch_site="", origin=browser.server.url).status_code == 200


def test_the_public_address_is_an_own_origin_too(make_server: Callable[..., Server]) -> None:
    """A proxy may put its own name into Host."""
    server = make_server(public_url="https://runplane.example.com")
    origin = {"sec_fetch_site": "", "origin": "https://runplane.example.com"}
    assert Browser(server).sign_in(**origin).status_code == 200


@pytest.mark.clause("csrf.json-only")
def test_a_form_cannot_post_a_sign_in(any_server: Server) -> None:
    """reference/security 2.7: JSON as text/plain is refused."""
    text = f'{{"email": "{ADMIN_EMAIL}", "password": "{ADMIN_PASSWORD}"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = httpx.post(
            f"{any_server.url}/api/v1/session", content=text, headers={**SAME, "content-type": kind}
        )
        assert answer.status_code == 415, kind


@pytest.mark.clause("tenant.of-token")
def test_host_and_forwarded_headers_do_not_change_the_tenant(browser: Browser) -> None:
    """reference/security 5, check 34."""
    tricks = {"x_forwarded_host": "evil.example", "x_original_url": "/", "x_http_method_override": "DELETE"}
    answer = browser.renew(**tricks)
    assert (answer.status_code, answer.json()["tenant"]["name"]) == (200, "runai")
    assert Browser(browser.server).sign_in(host="evil.example").json()["tenant"]["name"] == "runai"


def test_a_cookie_is_good_at_its_own_tenant_only(make_server: Callable[..., Server]) -> None:
    """reference/security 2.6: the tenant comes from the session, and the host must agree."""
    server = make_server()
    other_tenant(server)
    browser = Browser(server)
    browser.sign_in()
    answer = browser.renew(host="other.example.com")
    assert (answer.status_code, answer.json()["reason"]) == (401, "ended")
    assert browser.send("DELETE", host="other.example.com").status_code == 204
    assert browser.api() == 200


def test_a_session_is_prolonged_by_use_and_not_by_refreshing(
    browser: Browser, ahead: Callable[[float], None]
) -> None:
    ahead(3000)
    assert browser.renew(active=True).status_code == 200
    ahead(3000)
    assert browser.renew(active=False).status_code == 200
    ahead(700)
    answer = browser.renew(active=True)
    assert (answer.status_code, answer.json()["reason"]) == (401, "inactive")


@pytest.mark.clause("session.ends")
def test_asvs_7_3_1_no_token_outlives_the_inactivity_limit(
    browser: Browser, ahead: Callable[[float], None]
) -> None:
    ahead(3500)
    answer = browser.renew(active=False)
    assert 0 < answer.json()["expiresIn"] <= 100
    assert browser.api() == 200
    # what is left, and the minute by which clocks may differ
    ahead(165)
    assert browser.api() == 401


def test_the_inactivity_limit_is_the_tenants_setting(make_server: Callable[..., Server]) -> None:
    server = make_server()
    change = {"idleTimeout": 5}
    path = "/api/v1/security/settings/browserSessionTimeout"
    answer = server.admin.put(path, json=change)
    assert answer.status_code in (200, 204), answer.text
    browser = Browser(server)
    assert browser.sign_in().json()["inactivitySeconds"] == 300
    server.clock.advance(299)
    assert browser.renew(active=True).status_code == 200
    server.clock.advance(301)
    assert browser.renew().json()["reason"] == "inactive"


@pytest.mark.clause("session.ends")
def test_asvs_7_3_2_a_session_ends_however_active(make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_browser_session_hours="1")
    browser = Browser(server)
    browser.sign_in()
    for _ in range(3):
        server.clock.advance(1190)
        assert browser.renew(active=True).status_code == 200
    assert browser.renew().json()["expiresIn"] <= 30
    server.clock.advance(60)
    answer = browser.renew(active=True)
    assert (answer.status_code, answer.json()["reason"]) == (401, "expired")


@pytest.mark.clause("session.ends")
def test_asvs_7_4_1_sign_out_ends_the_session_on_the_server(browser: Browser) -> None:
    kept = dict(browser.cookies)
    assert browser.api() == 200
    answer = browser.send("DELETE")
    assert answer.status_code == 204
    assert browser.cookies == {}
    assert browser.api() == 401
    browser.cookies = kept
    answer = browser.renew()
    assert (answer.status_code, answer.json()["reason"]) == (401, "ended")
    assert browser.send("DELETE").status_code == 204


def test_nobody_signed_in_is_told_so(any_server: Server) -> None:
    browser = Browser(any_server)
    answer = browser.renew()
    assert (answer.status_code, answer.json()["reason"]) == (401, "none")
    assert browser.send("DELETE").status_code == 204


def delete_user(server: Server, user_id: str) -> Answer:
    return server.admin.delete(f"/api/v1/users/{user_id}")


def reset_password(server: Server, user_id: str) -> Answer:
    return server.admin.post(f"/api/v1/users/{user_id}/password")


def sign_out(server: Server, user_id: str) -> Answer:
    return server.admin.post(f"/api/v1/users/{user_id}/logout")


@pytest.mark.parametrize("how", [delete_user, reset_password, sign_out])
def test_asvs_7_4_2_who_is_deleted_reset_or_signed_out_is_out(
    how: Callable[[Server, str], Answer], any_server: Server
) -> None:
    browser, user_id, _ = somebody(any_server)
    assert browser.api() == 403
    answer = how(any_server, user_id)
    assert answer.status_code < 300, answer.text
    assert browser.renew(active=True).json()["reason"] == "ended"
    assert browser.api() == 401


def test_asvs_7_4_2_who_is_disabled_is_out(any_server: Server) -> None:
    from sqlalchemy import update

    from runplane.server.identity.tables import users

    browser, user_id, _ = somebody(any_server)
    off = update(users).where(users.c.id == user_id).values(enabled=False)
    any_server.units.write(lambda unit: unit.execute(off).rowcount)
    assert browser.renew(active=True).json()["reason"] == "ended"


@pytest.mark.clause("password.change")
def test_asvs_7_4_3_a_new_password_ends_the_other_browsers(any_server: Server) -> None:
    here, _, email = somebody(any_server)
    there = Browser(any_server)
    assert there.sign_in(email, OWN_PASSWORD).status_code == 200
    change = {"currentPassword": OWN_PASSWORD, "newPassword": "violet-harbor-tin-lamp"}
    bearer = {"authorization": f"Bearer {here.access_token}"}
    answer = httpx.post(f"{any_server.url}/api/v1/me/password", json=change, headers=bearer, timeout=30)
    assert answer.status_code == 200, answer.text
    assert here.renew().status_code == 200
    assert there.renew().json()["reason"] == "ended"


def test_what_a_temporary_password_opened_is_closed_in_the_records_too(any_server: Server) -> None:
    """Its tokens end by the person's epoch; who looks at the sessions must not find one that seems open."""
    user_id, email, temporary = new_user(any_server)
    any_server.token(email, temporary)
    body = {"email": email, "password": temporary, "newPassword": OWN_PASSWORD}
    assert Browser(any_server).send("POST", "/password", json=body).status_code == 200
    found = rows_of(any_server, sessions, user_id=user_id)
    assert sorted(it["revoked_at"] is None for it in found) == [False, True]


def test_a_temporary_password_opens_nothing_and_must_be_changed(any_server: Server) -> None:
    """ASVS 6.4.1."""
    _, email, temporary = new_user(any_server)
    browser = Browser(any_server)
    answer = browser.sign_in(email, temporary)
    assert (answer.status_code, answer.json()["reason"]) == (403, "password-change-required")
    assert (browser.cookies, "accessToken" in answer.json()) == ({}, False)
    body = {"email": email, "password": temporary, "newPassword": "short"}
    refused = browser.send("POST", "/password", json=body)
    assert (refused.status_code, "12 characters" in refused.json()["message"]) == (400, True)
    body["newPassword"] = temporary
    assert browser.send("POST", "/password", json=body).status_code == 400
    body["newPassword"] = OWN_PASSWORD
    assert browser.send("POST", "/password", json=body).status_code == 200
    assert browser.api() == 403  # in, and without a role
    assert Browser(any_server).sign_in(email, temporary).status_code == 400
    assert Browser(any_server).sign_in(email, OWN_PASSWORD).status_code == 200


def test_choosing_a_password_takes_the_temporary_one(any_server: Server) -> None:
    _, email, temporary = new_user(any_server)
    browser = Browser(any_server)
    body = {"email": email, "password": f"{temporary}x", "newPassword": OWN_PASSWORD}
    wrong = browser.send("POST", "/password", json=body)
    unknown = browser.send("POST", "/password", json={**body, "email": f"x{email}"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.status_code == 400
    body = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "newPassword": OWN_PASSWORD}
    assert browser.send("POST", "/password", json=body).status_code == 409
    assert browser.cookies == {}


def test_a_right_password_that_signs_nobody_in_is_recorded(any_server: Server) -> None:
    """ASVS 16.3.1: who has guessed a password and asks no more than whether it is right leaves a trace."""
    _, email, temporary = new_user(any_server)
    body = {"email": email, "password": temporary, "newPassword": "short"}
    for new in ("short", temporary):
        assert Browser(any_server).send("POST", "/password", json={**body, "newPassword": new}).is_error
    body["newPassword"] = OWN_PASSWORD
    assert Browser(any_server).send("POST", "/password", json=body).status_code == 200
    again = {**body, "password": OWN_PASSWORD}
    assert Browser(any_server).send("POST", "/password", json=again).status_code == 409
    rows = [it for it in any_server.audit(subject=email) if it["action"] == "sign-in"]
    assert {it["http_status_code"] for it in rows} == {200, 400, 409}
    assert not any(text in str(rows) for text in (temporary, OWN_PASSWORD))


def test_sign_ins_and_sign_outs_are_recorded(any_server: Server) -> None:
    """ASVS 16.3.1: what happened, to whom, and no secret."""
    browser, user_id, email = somebody(any_server)
    browser.sign_in(email, "not-the-password-at-all")
    browser.sign_in(email, OWN_PASSWORD)
    browser.send("DELETE")
    rows = any_server.audit(subject=email)
    found = [(it["action"], it["http_method"], it["http_status_code"], it["result"]) for it in rows]
    assert sorted(found) == [
        ("sign-in", "POST", 200, "Succeeded"),
        ("sign-in", "POST", 200, "Succeeded"),
        ("sign-in", "POST", 400, "Failed"),
        ("sign-out", "DELETE", 200, "Succeeded"),
        # the session that the second sign-in replaced
        ("sign-out", "POST", 200, "Succeeded"),
        ("update", "POST", 200, "Succeeded"),
    ]
    assert {it["entity_id"] for it in rows if it["action"] == "sign-in"} == {user_id}
    assert OWN_PASSWORD not in str(rows)
    assert all(value not in str(rows) for value in browser.cookies.values())


def test_a_cookie_is_no_bearer_token_and_nothing_like_one(browser: Browser) -> None:
    bearer = {"authorization": f"Bearer {browser.cookies[SESSION]}"}
    assert httpx.get(f"{browser.server.url}/api/v1/users", headers=bearer).status_code == 401
    grant = {"grantType": "refresh_token", "refreshToken": browser.cookies[SESSION]}
    assert httpx.post(f"{browser.server.url}/api/v1/token", json=grant).status_code == 400


STRANGE = ["", "=", "x" * 5000, "rps_" + "0" * 49, 'a"; b', "%00", "\u00e9\u00e9", "eyJhbGciOiJub25lIn0.e30."]


@pytest.mark.parametrize("value", STRANGE)
def test_a_strange_cookie_is_nobody(value: str, any_server: Server) -> None:
    headers = {**SAME, "cookie": f"{SESSION}={value}".encode("latin-1"), "x-csrf-token": "0" * 64}
    answer = httpx.post(f"{any_server.url}/api/v1/session/token", json={}, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code in (401, 403), answer.text


@pytest.mark.parametrize(
    ("host", "site", "needed"),
    [
        ("", "", False),
        ("localhost:8080", "", False),
        ("[::1]:8080", "", False),
        ("a.localhost", "", False),
        ("192.0.2.7:8080", "", True),
        ("runplane.example.com", "", True),
        ("localhost.example.com", "", True),
        # sent to addresses only that the browser trusts
        ("runplane.example.com", "same-origin", False),
    ],
)
def test_the_page_learns_whether_the_browser_will_keep_a_session(
    host: str, site: str, needed: bool, any_server: Server
) -> None:
    answer = Browser(any_server).send("GET", "/options", host=host, sec_fetch_site=site)
    assert answer.json()["secureContextNeeded"] is needed


def test_options_say_what_the_page_shows(any_server: Server) -> None:
    from runplane import __version__

    found = Browser(any_server).send("GET", "/options").json()
    assert {key: found[key] for key in ("tenant", "product", "version", "localSignIn")} == {
        "tenant": "runai",
        "product": "runplane",
        "version": __version__,
        "localSignIn": True,
    }
    assert (found["identityProviders"], found["inactivitySeconds"]) == ([], 3600)
