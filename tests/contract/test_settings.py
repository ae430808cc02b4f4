"""Tenant settings, security settings and the logo over a real socket: shapes, refusals and what is kept."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.server import Server

SWITCHES = "/v1/k8s/setting"
SECURITY = "/api/v1/security/settings"
LOGO = "/api/v1/logo"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 2, height: int = 2, padding: int = 0) -> bytes:
    rows = b"".join(b"\0" + bytes(min(width, 8)) for _ in range(min(height, 8)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + (chunk(b"tEXt", bytes(padding)) if padding else b"")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def jpeg(width: int = 3, height: int = 5) -> bytes:
    frame = b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0"
        + struct.pack(">H", 2 + len(frame))
        + frame
        + b"\xff\xda\xff\xd9"
    )


def webp(form: bytes, data: bytes) -> bytes:
    body = b"WEBP" + form + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def side(value: int) -> bytes:
    return struct.pack("<I", value - 1)[:3]


PICTURES = {
    "png": png(),
    "jpeg": jpeg(),
    "webp with alpha": webp(b"VP8X", bytes(4) + side(7) + side(9)),
    "webp lossless": webp(b"VP8L", b"\x2f" + struct.pack("<I", 6 | 8 << 14) + bytes(3)),
    "webp lossy": webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 7, 9) + bytes(4)),
}


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.json()["message"]


def test_switches_are_listed_with_what_holds_until_somebody_chooses(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    found = {it["key"]: it for it in server.admin.get(SWITCHES).json()}
    assert found["department.use"] == {
        "active": True,
        "category": "Department",
        "description": "Departments are shown and can be made; off, all projects belong to the default one",
        "source": "Default",
        "label": "Show departments",
        "stage": "GA",
        "type": "Boolean",
        "key": "department.use",
        "value": "true",
    }
    assert found["department.limit-projects"]["value"] == "false"
    for sent, wanted in ((False, False), ("true", True), ("FALSE", False)):
        answer = server.admin.put(SWITCHES, json={"key": "department.use", "value": sent})
        assert (answer.status_code, answer.json()) == (200, {"msg": "done"})
        assert server.admin.get(f"{SWITCHES}/department.use").json() is wanted
    server.restart()
    found = {it["key"]: it for it in server.admin.get(SWITCHES).json()}
    assert (found["department.use"]["value"], found["department.use"]["source"]) == ("false", "Tenant")
    (row, *_) = server.audit(entity_type="setting", http_status_code=200)
    assert (row["entity_id"], row["action"]) == ("department.use", "update")


@pytest.mark.parametrize("value", [None, 1, "yes", [], {}, ""])
def test_a_switch_takes_nothing_but_on_and_off(server: Server, value: Any) -> None:
    before = server.admin.get(SWITCHES).json()
    answer = server.admin.put(SWITCHES, json={"key": "department.limit-projects", "value": value})
    refused(answer, 400, "true or false")
    assert server.admin.get(SWITCHES).json() == before


def test_an_unknown_switch_is_not_found(server: Server) -> None:
    refused(server.admin.get(f"{SWITCHES}/no-such"), 404, "no tenant setting")
    refused(server.admin.put(SWITCHES, json={"key": "no-such", "value": True}), 404, "no tenant setting")
    refused(server.admin.put(SWITCHES, json={"value": True}), 404, "no tenant setting")
    refused(server.admin.put(SWITCHES, json={"key": "department.use"}), 400, "true or false")


def test_security_settings_start_with_their_defaults(make_server: Callable[..., Server]) -> None:
    server = make_server()
    assert server.admin.get(SECURITY).json() == {
        "autoRedirectSSO": {"enabled": False, "idpAlias": None},
        "browserSessionTimeout": {"idleTimeout": 60},
        "logoutRedirectUri": {"uri": None},
    }


@pytest.mark.parametrize(
    ("key", "sent", "kept"),
    [
        (
            "autoRedirectSSO",
            {"enabled": True, "idpAlias": "my_idp-2"},
            {"enabled": True, "idpAlias": "my_idp-2"},
        ),
        ("autoRedirectSSO", {"idpAlias": "oidc"}, {"enabled": False, "idpAlias": "oidc"}),
        ("browserSessionTimeout", {"idleTimeout": 1}, {"idleTimeout": 1}),
        ("browserSessionTimeout", {"idleTimeout": 2.5}, {"idleTimeout": 2.5}),
        ("browserSessionTimeout", {"idleTimeout": None}, {"idleTimeout": None}),
        (
            "logoutRedirectUri",
            {"uri": "https://example.com:8443/bye"},
            {"uri": "https://example.com:8443/bye"},
        ),
        ("logoutRedirectUri", {"uri": ""}, {"uri": ""}),
    ],
)
def test_a_security_setting_is_replaced(any_server: Server, key: str, sent: Any, kept: Any) -> None:
    answer = any_server.admin.put(f"{SECURITY}/{key}", json=sent)
    assert (answer.status_code, answer.content) == (200, b"")
    assert any_server.admin.get(f"{SECURITY}/{key}").json() == kept
    assert any_server.admin.get(SECURITY).json()[key] == kept


@pytest.mark.parametrize(
    ("key", "sent", "words"),
    [
        ("autoRedirectSSO", {"idpAlias": "Not An Alias"}, "idpAlias"),
        ("autoRedirectSSO", {"enabled": "yes"}, "enabled"),
        ("autoRedirectSSO", {}, "enabled and idpAlias"),
        ("browserSessionTimeout", {"idleTimeout": 0.5}, "at least 1"),
        ("browserSessionTimeout", {"idleTimeout": "60"}, "idleTimeout"),
        ("browserSessionTimeout", {"uri": "https://example.com"}, "holds idleTimeout"),
        ("logoutRedirectUri", {"uri": "javascript:alert(1)"}, "uri must be"),
        ("logoutRedirectUri", {"uri": "http://localhost/bye"}, "uri must be"),
        ("logoutRedirectUri", {"uri": "https://example.com/a b"}, "uri must be"),
        ("logoutRedirectUri", {"uri": "https://example.com/bye\n"}, "uri must be"),
    ],
)
def test_a_security_setting_keeps_to_its_shape(server: Server, key: str, sent: Any, words: str) -> None:
    before = server.admin.get(SECURITY).json()
    refused(server.admin.put(f"{SECURITY}/{key}", json=sent), 400, words)
    assert server.admin.get(SECURITY).json() == before


def test_an_unknown_security_setting_is_not_found(server: Server) -> None:
    refused(server.admin.get(f"{SECURITY}/nothing"), 404, "autoRedirectSSO")
    refused(server.admin.put(f"{SECURITY}/nothing", json={"uri": ""}), 404, "autoRedirectSSO")


@pytest.mark.parametrize("kind", PICTURES)
def test_a_logo_comes_back_as_it_was_sent(any_server: Server, kind: str) -> None:
    sent = text(PICTURES[kind])
    answer = any_server.admin.post(LOGO, json={"logo": sent})
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert any_server.admin.get(LOGO).json() == {"logo": sent}


def test_a_logo_can_be_a_data_address_and_be_taken_away(server: Server) -> None:
    assert server.admin.post(LOGO, json={"logo": f"data:image/x;base64,{text(png())}"}).status_code == 200
    assert server.admin.get(LOGO).json() == {"logo": text(png())}
    assert server.admin.post(LOGO, json={"logo": ""}).status_code == 200
    answer = server.admin.get(LOGO)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.clause("upload.logo")
def test_a_logo_has_a_largest_size(server: Server) -> None:
    room = 128 * 1024 - len(png(padding=1)) + 1
    assert server.admin.post(LOGO, json={"logo": text(png(padding=room))}).status_code == 200
    refused(server.admin.post(LOGO, json={"logo": text(png(padding=room + 1))}), 413, "128 KB")
    assert server.admin.post(LOGO, json={"logo": text(png(4096, 4096))}).status_code == 200
    refused(server.admin.post(LOGO, json={"logo": text(png(4096, 4097))}), 413, "4096 pixels")
    refused(server.admin.post(LOGO, json={"logo": text(jpeg(5000, 1))}), 413, "4096 pixels")


@pytest.mark.clause("upload.logo")
@pytest.mark.parametrize(
    ("picture", "status"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415),
        (b"GIF89a\x01\x00\x01\x00", 415),
        (b"plain", 415),
        (png() + b"<script>", 400),
        (png()[:-4], 400),
        (png()[:40], 400),
        (png().replace(b"IDAT", b"IDAX"), 400),
        (png(0, 4), 400),
        (b"\x89PNG\r\n\x1a\n", 400),
        (jpeg() + b"<script>", 400),
        (b"\xff\xd8\xff\xd9", 400),
        (b"\xff\xd8\xff\xe0\x00\x00\xff\xd9", 400),
        (b"RIFF\x04\x00\x00\x00WEBP", 400),
        (PICTURES["webp lossy"] + b"x", 400),
        (webp(b"VP9 ", bytes(30)), 400),
    ],
)
def test_only_whole_pictures_are_taken(server: Server, picture: bytes, status: int) -> None:
    server.admin.post(LOGO, json={"logo": text(png())})
    answer = server.admin.post(LOGO, json={"logo": text(picture)})
    assert answer.status_code == status, answer.text
    assert server.admin.get(LOGO).json() == {"logo": text(png())}


@pytest.mark.parametrize("sent", ["%%%", "abc", "\u00e4", "data:image/png"])
def test_a_logo_is_base64(server: Server, sent: str) -> None:
    refused(server.admin.post(LOGO, json={"logo": sent}), 400, "base64")


@pytest.mark.clause("upload.logo")
def test_a_logo_far_too_large_is_not_even_read(server: Server) -> None:
    refused(server.admin.post(LOGO, json={"logo": "A" * 1_200_000}), 413, "at most")
