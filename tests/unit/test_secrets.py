from __future__ import annotations

import copy
import pickle
import re

import msgspec
import pytest

from runplane.server.core import secrets
from runplane.server.core.secrets import Secret, new_secret


class Request(msgspec.Struct):
    name: str
    password: Secret


@pytest.mark.clause("secret.entropy")
def test_a_secret_has_prefix_entropy_and_a_checksum_that_holds() -> None:
    made = {new_secret() for _ in range(200)}
    assert len(made) == 200
    for secret in made:
        assert re.fullmatch(r"rpk_[0-9A-Za-z]{49}", secret)
        assert secrets.is_well_formed(secret)
    # 200 secrets of 43 random characters leave none of the 62 characters unused.
    assert len(set("".join(secret[4:47] for secret in made))) == 62


@pytest.mark.clause("secret.prefix")
def test_a_changed_character_breaks_the_checksum() -> None:
    secret = new_secret(secrets.REFRESH_PREFIX)
    assert secret.startswith("rpr_")
    for at in range(4, len(secret)):
        other = "x" if secret[at] != "x" else "y"
        assert not secrets.is_well_formed(secret[:at] + other + secret[at + 1 :])
    assert not secrets.is_well_formed("rpk" + secret[3:])


@pytest.mark.parametrize("prefix", ["", "r", "RPK", "rp_k", "rpk\n", "toolongaprefix"])
def test_a_prefix_is_a_few_small_letters(prefix: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        new_secret(prefix)


@pytest.mark.clause("secret.digest")
def test_digest_and_comparison() -> None:
    secret = new_secret()
    stored = secrets.digest(secret)
    assert len(stored) == 32
    assert secrets.matches(secret, stored)
    assert not secrets.matches(secret + "x", stored)
    assert not secrets.matches(new_secret(), stored)
    assert not secrets.matches("\ud800", stored)
    # Published SHA-256 of "abc" (FIPS 180-4 example): what is stored is that function and no variation of it.
    assert secrets.digest("abc").hex().startswith("ba7816bf8f01cfea")


def test_the_hint_is_the_end() -> None:
    secret = new_secret()
    assert len(secrets.hint(secret)) == 4
    assert secret.endswith(secrets.hint(secret))


@pytest.mark.clause("secret.prefix")
def test_secrets_and_tokens_are_found_in_text_and_scrubbed() -> None:
    secret = new_secret()
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm5hIn0." + "a-_9" * 21 + "ab"
    text = f"login failed for {{'clientSecret': '{secret}'}} with Bearer {token}, request 7"
    assert secrets.looks_like_secret(text)
    clean = secrets.scrub(text)
    assert secret not in clean
    assert token not in clean
    assert clean.startswith("login failed for")
    assert clean.endswith("request 7")
    assert not secrets.looks_like_secret(clean)


@pytest.mark.parametrize(
    "text", ["", "rpk_short", "0195f0a0-7b1c-7d22-8c1e-aabbccddeeff", "eyJ.a.b", "a" * 80]
)
def test_ordinary_text_is_no_secret(text: str) -> None:
    assert not secrets.looks_like_secret(text)
    assert secrets.scrub(text) == text


def test_a_secret_value_never_shows_itself() -> None:
    value = Secret("hunter2-hunter2")
    for shown in (repr(value), str(value), f"{value}", f"{value!r}", f"{[value]}", f"{Request('a', value)}"):
        assert "hunter2" not in shown
    assert value.reveal() == "hunter2-hunter2"
    assert value == Secret("hunter2-hunter2")
    assert value != Secret("other")
    assert value != "hunter2-hunter2"
    assert value
    assert not Secret("")
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            carry(value)
    with pytest.raises(TypeError):
        hash(value)


def test_a_secret_value_in_json() -> None:
    raw = b'{"name":"anna","password":"hunter2-hunter2"}'
    request = msgspec.json.decode(raw, type=Request, dec_hook=secrets.decode_secret)
    assert request.password.reveal() == "hunter2-hunter2"
    assert msgspec.json.encode(request, enc_hook=secrets.encode_revealed) == raw
    assert b"hunter2" not in msgspec.json.encode(request, enc_hook=secrets.encode_redacted)
    with pytest.raises(TypeError):
        msgspec.json.encode(request)
    with pytest.raises(msgspec.ValidationError, match=r"str.*password"):
        msgspec.json.decode(b'{"name":"anna","password":7}', type=Request, dec_hook=secrets.decode_secret)


@pytest.mark.parametrize("hook", [secrets.encode_revealed, secrets.encode_redacted])
def test_the_hooks_know_nothing_but_secrets(hook) -> None:
    with pytest.raises(NotImplementedError):
        hook(object())
    with pytest.raises(NotImplementedError):
        secrets.decode_secret(bytes, "x")
