"""Scopes of tokens against a plain model: what is left is what the subject holds and the scope names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.authz.grants import Grant, Grants
from runplane.server.authz.narrowing import narrowed, parse_scope
from runplane.server.authz.permissions import ALL_PERMISSIONS, Permission
from runplane.server.core.errors import Invalid
from runplane.server.core.scope import ScopeSet

# place → the place above it; the paths are only what the code under test calls them
PARENTS = {"system": None, "tenant": "system", "cluster": "tenant", "d1": "cluster", "d2": "cluster",
           "p1": "d1", "p2": "d1", "p3": "d2"}  # fmt: skip
PATHS = {"system": "/", "tenant": "/1001/", "cluster": "/1001/c/", "d1": "/1001/c/d1/", "d2": "/1001/c/d2/",
         "p1": "/1001/c/d1/p1/", "p2": "/1001/c/d1/p2/", "p3": "/1001/c/d2/p3/"}  # fmt: skip
# a place whose number begins like another's must not be taken for it
PARENTS["p11"], PATHS["p11"] = "d1", "/1001/c/d1/p11/"
SOME = tuple(it for it in ALL_PERMISSIONS if it.resource.name in ("project", "workloads", "users", "nodes"))

rules = st.lists(
    st.tuples(st.frozensets(st.sampled_from(SOME), max_size=6), st.sampled_from(sorted(PATHS))), max_size=5
)
words = st.lists(
    st.sampled_from([*(it.text for it in SOME), "project:*", "*:read", "*:delete", "nodes:*", "openid"]),
    max_size=4,
)
places = st.lists(st.sampled_from(sorted(PATHS)), max_size=3)


def line(place: str) -> list[str]:
    """A place and those above it."""
    above = PARENTS[place]
    return [place] if above is None else [place, *line(above)]


def named(word: str, permission: Permission) -> bool:
    """Whether a word of a scope means the permission."""
    resource, _, action = word.partition(":")
    return resource in ("*", permission.resource.name) and action in ("*", permission.action.value)


def held(given_rules: list[tuple[frozenset[Permission], str]], permission: Permission, place: str) -> bool:
    return any(permission in permissions and at in line(place) for permissions, at in given_rules)


def inside(scope: list[str], at: list[str], permission: Permission, place: str) -> bool:
    """Whether a scope of these words, at these places, leaves the permission at the place."""
    meant = [it for it in scope if it != "openid"]
    in_words = not meant or any(named(it, permission) for it in meant)
    return in_words and (not at or any(it in line(place) for it in at))


def cut_down(given_rules: list[tuple[frozenset[Permission], str]], scope: list[str], at: list[str]) -> Grants:
    made = Grants(
        Grant(number, 1, "role", permissions, PATHS[place])
        for number, (permissions, place) in enumerate(given_rules)
    )
    where = ScopeSet.of(PATHS[it] for it in at) if at else None
    return narrowed(made, parse_scope(" ".join(scope)), where)


@pytest.mark.clause("exchange.not-more")
@given(rules, words, places)
def test_what_is_left_is_what_both_leave(
    given_rules: list[tuple[frozenset[Permission], str]], scope: list[str], at: list[str]
) -> None:
    left = cut_down(given_rules, scope, at)
    for permission in SOME:
        for place, path in PATHS.items():
            expected = held(given_rules, permission, place) and inside(scope, at, permission, place)
            assert left.allows(permission, path) is expected, (permission.text, place)


@given(rules, words, places, words, places)
def test_cutting_twice_is_cutting_to_both(
    given_rules: list[tuple[frozenset[Permission], str]],
    first: list[str],
    first_at: list[str],
    second: list[str],
    second_at: list[str],
) -> None:
    once = cut_down(given_rules, first, first_at)
    where = ScopeSet.of(PATHS[it] for it in second_at) if second_at else None
    twice = narrowed(once, parse_scope(" ".join(second)), where)
    assert once.covers(twice)
    for permission in SOME:
        for place, path in PATHS.items():
            expected = once.allows(permission, path) and inside(second, second_at, permission, place)
            assert twice.allows(permission, path) is expected


def test_places_that_are_gone_leave_nothing() -> None:
    everything = Grants([Grant(1, 1, "role", frozenset(SOME), "/")])
    left = narrowed(everything, parse_scope("project:42"), ScopeSet())
    assert not left.all()
    assert not left.sees("/1001/")


@given(
    words, st.lists(st.sampled_from(["project:42", "department:7", "tenant:1001", "project:5"]), max_size=3)
)
def test_a_scope_has_one_spelling(scope: list[str], at: list[str]) -> None:
    read = parse_scope("  ".join((*at, *scope)))
    assert parse_scope(read.text) == read == parse_scope(" ".join((*reversed(scope), *reversed(at))))
    assert "openid" not in read.text


@pytest.mark.parametrize(
    "text",
    [
        "magic", "workloads", "workloads:", ":read", "workloads:fly", "flying:read", "*:*", "*", "project:x",
        "project:042", "project:-1", "project:", "project:99999999999", "cluster:7", "cluster:../x",
        "department:٣", "system:1", "nodes:create", "password-change", "workloads:read,project:42",
        "Workloads:read", "project:42\tworkloads:read", " " * 1001,
        "cluster:0198C0DE-0000-7000-8000-000000000001",
    ],
)  # fmt: skip
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_scope(text)


@pytest.mark.parametrize(
    "text", ["", " ", " " * 1000, "openid", "openid email profile offline_access groups"]
)
def test_the_words_of_openid_connect_confine_nothing(text: str) -> None:
    assert not parse_scope(text)
