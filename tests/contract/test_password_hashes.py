"""Stored passwords follow the cost that is set: made anew at the next sign-in, and only when it has risen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runplane.server.identity.passwords import PasswordHasher
from runplane.server.identity.tables import users
from support import server as running
from support.accounts import person
from support.credentials import stored
from support.server import QUICK_HASHES, Server

pytestmark = pytest.mark.detail


def hash_of(server: Server, user_id: str) -> str:
    [row] = stored(server, users, id=user_id)
    return row["password_hash"]


def test_signing_in_leaves_a_hash_of_the_set_cost_as_it_is(any_server: Server) -> None:
    """Each sign-in would otherwise cost a second hash and a write."""
    user_id, email, password = person(any_server)
    before = hash_of(any_server, user_id)
    assert any_server.token(email, password)
    assert hash_of(any_server, user_id) == before


def test_a_raised_cost_reaches_a_person_at_the_next_sign_in(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()
    user_id, email, password = person(server)
    before = hash_of(server, user_id)
    monkeypatch.setattr(running, "QUICK_HASHES", replace(QUICK_HASHES, time_cost=2))
    server.restart()
    assert server.token(email, password)
    after = hash_of(server, user_id)
    assert ("t=1," in before, "t=2," in after) == (True, True)
    assert server.app.identity.hasher.verify(password, after)
    assert not PasswordHasher(replace(QUICK_HASHES, time_cost=2)).needs_rehash(after)
    assert server.token(email, password)
    assert hash_of(server, user_id) == after
