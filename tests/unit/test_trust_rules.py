"""Globs and addresses: the two places where one slip would let strangers in."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from ipaddress import ip_address
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.errors import Invalid
from runplane.server.identity.trusts.fetch import Fetcher, Guard, check_address
from runplane.server.identity.trusts.keys import IssuerFailed
from runplane.server.identity.trusts.model import (
    MAX_COMPARED,
    MAX_CONDITIONS,
    MAX_NAME,
    MAX_TEXT,
    MAX_VALUES,
    MAX_WILDCARDS,
    Condition,
    TrustDraft,
    check_draft,
    matches,
)
from runplane.server.settings import SettingsError, load_settings

PIECES = st.lists(st.sampled_from(["a", "b", "/", ":", "*", "**", "?", "."]), max_size=8)


def model(glob: str) -> re.Pattern[str]:
    """The same as a regular expression, which this server never runs on what strangers send."""
    words = {"**": r"[\s\S]*", "*": r"[^/:]*", "?": r"[^/:]"}
    parts = re.findall(r"\*\*|[\s\S]", glob)
    return re.compile("".join(words.get(it, re.escape(it)) for it in parts))


@given(PIECES, st.text("ab/:.*\n", max_size=12))
def test_a_glob_matches_what_the_model_matches(pieces: list[str], text: str) -> None:
    glob = "".join(pieces)
    assert matches(glob, text) == (model(glob).fullmatch(text) is not None)


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("refs/heads/*", "refs/heads/main", True),
        ("refs/heads/*", "refs/heads/feature/x", False),
        ("refs/heads/**", "refs/heads/feature/x", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/train:ref:refs/heads/main", True),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/x:environment:y:ref:refs/heads/main", False),
        ("acme/*", "acme/", True),
        ("acme/*", "acme2/x", False),
        ("v?", "v1", True),
        ("[a-z]", "a", False),
        (".*", "anything", False),
    ],
)
def test_globs_mean_what_they_seem_to_mean(glob: str, text: str, expected: bool) -> None:
    assert matches(glob, text) is expected


def test_a_hostile_value_costs_little() -> None:
    # what takes a backtracking matcher for ever
    assert not matches("*a" * 10 + "b", "a" * 20_000)


def test_a_long_literal_costs_no_more_than_a_short_one() -> None:
    # as many positions are possible at once as the form has characters
    assert matches("**" + "a" * 498, "a" * 800_000)
    assert not matches("**" + "a" * 498 + "b", "a" * 800_000)


@pytest.mark.parametrize("operator", ["equals", "matches"])
def test_a_claim_longer_than_any_that_is_meant_meets_nothing(operator: Literal["equals", "matches"]) -> None:
    """Globs run before a signature is looked at: what a stranger may make this server compare is bounded."""
    condition = Condition("sub", operator, ("repo:acme/**", "x" * 2000))
    assert not condition.holds("repo:acme/" + "x" * MAX_COMPARED)
    assert Condition("sub", "matches", ("repo:acme/**",)).holds("repo:acme/" + "x" * (MAX_COMPARED - 10))


def draft(issuer: str, *conditions: Condition) -> TrustDraft:
    """A trust in an issuer that nothing but the conditions can be wrong with."""
    return TrustDraft("ci", "account", issuer, "https://runplane.example", conditions, None, 600, False, True)


GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"


@pytest.mark.parametrize(
    ("issuer", "conditions"),
    [
        # a number or a name without a slash is a whole owner where it is compared literally
        (GITHUB, [Condition("repository_owner_id", "equals", ("4711",))]),
        (GITHUB, [Condition("repository", "equals", ("acme/train", "acme/serve"))]),
        (GITHUB, [Condition("sub", "matches", ("repo:acme/*:ref:refs/heads/main",))]),
        (GITLAB, [Condition("project_path", "matches", ("acme/**", "apex/?"))]),
        (GITLAB, [Condition("ref", "matches", ("v*",)), Condition("namespace_id", "equals", ("7",))]),
        ("https://gitlab.corp.example", [Condition("ref", "matches", ("v*",))]),
    ],
)
def test_a_condition_that_names_an_owner_is_enough(issuer: str, conditions: list[Condition]) -> None:
    check_draft(draft(issuer, *conditions))


@pytest.mark.parametrize(
    ("issuer", "conditions"),
    [
        # anybody's job can have this branch, and anybody may be called acme-and-more
        (GITHUB, [Condition("ref", "equals", ("refs/heads/main",))]),
        (GITHUB, [Condition("repository_owner", "matches", ("acme*",))]),
        (GITHUB, [Condition("sub", "matches", ("repo:*/train:**",))]),
        # of several values each lets in, so each must name one
        (GITHUB, [Condition("repository", "matches", ("acme/*", "*/train"))]),
        (GITLAB + "/", [Condition("ref", "equals", ("main",))]),
    ],
)
def test_a_shared_issuer_without_an_owner_would_let_everybody_in(
    issuer: str, conditions: list[Condition]
) -> None:
    with pytest.raises(Invalid, match="signs tokens for everybody"):
        check_draft(draft(issuer, *conditions))


OWN = "https://gitlab.corp.example/"


def of_length(draft: TrustDraft, name: str, length: int) -> TrustDraft:
    """A draft one of whose parts has a length; those of a condition are told by their own name."""
    claims = [Condition(f"c{number}", "equals", ("x",)) for number in range(length)]
    values = tuple(f"v{number}" for number in range(length))
    changes: dict[str, dict[str, object]] = {
        "name": {"name": "x" * length},
        "audience": {"audience": "x" * length},
        "issuer": {"issuer": OWN + "x" * (length - len(OWN))},
        "conditions": {"conditions": claims},
        "claim": {"conditions": [Condition("x" * length, "equals", ("x",))]},
        "values": {"conditions": [Condition("sub", "equals", values)]},
        "value": {"conditions": [Condition("sub", "equals", ("x" * length,))]},
        "wildcards": {"conditions": [Condition("sub", "matches", ("x" + "*x" * length,))]},
    }
    return replace(draft, **changes[name])


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("name", 1, MAX_NAME),
        ("audience", 1, MAX_TEXT),
        ("issuer", len(OWN), MAX_TEXT),
        ("conditions", 1, MAX_CONDITIONS),
        ("claim", 1, MAX_TEXT),
        ("values", 1, MAX_VALUES),
        ("value", 1, MAX_TEXT),
        ("wildcards", 0, MAX_WILDCARDS),
    ],
)
def test_the_limits_of_a_trust_are_what_they_say(name: str, least: int, most: int) -> None:
    good = draft(OWN, Condition("sub", "equals", ("x",)))
    for length in (least, most):
        check_draft(of_length(good, name, length))
    for length in (most + 1, *([0] if least == 1 else [])):
        with pytest.raises(Invalid):
            check_draft(of_length(good, name, length))


def test_a_trusts_tokens_live_for_one_to_fifteen_minutes() -> None:
    good = draft(OWN, Condition("sub", "equals", ("x",)))
    for seconds in (60, 900):
        check_draft(replace(good, max_token_seconds=seconds))
    for seconds in (59, 901):
        with pytest.raises(Invalid, match="maxTokenSeconds"):
            check_draft(replace(good, max_token_seconds=seconds))


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64 + ".example", "a." * 200 + "b"])
def test_a_name_that_no_host_can_have_is_refused_like_an_unknown_one(host: str) -> None:
    with pytest.raises(IssuerFailed, match="cannot be resolved"):
        asyncio.run(Fetcher().get(f"https://{host}/keys"))


PUBLIC = ["140.82.112.3", "2606:50c0:8000::153", "8.8.8.8"]
NOT_PUBLIC = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "100.100.100.200", "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
    "2002:a9fe:a9fe::", "2001:0:7f00:1::", "2001:db8::1", "fec0::1", "64:ff9b:1::7f00:1", "::7f00:1",
    "3fff::1", "4000::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert Guard(()).allows("issuer.example", ip_address(address))


@pytest.mark.clause("ssrf.addresses")
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_may_unless_it_is_allowed(address: str) -> None:
    """ASVS 5.0 1.3.6: loopback, link-local, private, CGNAT, metadata, and IPv4 wrapped in IPv6."""
    found = ip_address(address)
    assert not Guard(()).allows("issuer.example", found)
    assert not Guard(["203.0.113.0/24", "other.example"]).allows("issuer.example", found)


def test_the_operator_allows_networks_and_hosts() -> None:
    guard = Guard(["10.1.0.0/16", "GitLab.corp.example", "fd12::/16"])
    assert guard.allows("any.example", ip_address("10.1.2.3"))
    assert guard.allows("any.example", ip_address("::ffff:10.1.2.3"))
    assert guard.allows("any.example", ip_address("fd12::5"))
    assert not guard.allows("any.example", ip_address("10.2.0.1"))
    assert guard.allows("gitlab.corp.example.", ip_address("192.168.7.7"))
    # the metadata of a cloud is never an issuer, whatever name leads there
    assert not guard.allows("gitlab.corp.example", ip_address("169.254.169.254"))


@pytest.mark.clause("ssrf.addresses")
@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/", "ftp://issuer.example/", "https://", "https://u:p@issuer.example/",
        "https://issuer.example:0/", "https://issuer.example:99999/", "https://issuer.example/ x",
        "https://issuer.example/\r\nx", "file:///etc/passwd", "https://[", "", "https://exämple.org/",
        "https://issuer.example/" + "x" * 1978,
    ],
)  # fmt: skip
def test_only_plain_https_addresses_are_fetched(url: str) -> None:
    with pytest.raises(IssuerFailed):
        check_address(url)


@pytest.mark.parametrize("url", ["https://issuer.example:8443/x", "https://issuer.example/" + "x" * 1977])
def test_an_https_address_gives_its_host(url: str) -> None:
    assert check_address(url) == "issuer.example"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RUNPLANE_TRUSTS_INTERNAL_ISSUERS", "10.0.0.0/33"),
        ("RUNPLANE_TRUSTS_INTERNAL_ISSUERS", "10.0.0.1/8"),
        ("RUNPLANE_TRUSTS_INTERNAL_ISSUERS", "https://issuer.example"),
        ("RUNPLANE_TRUSTS_INTERNAL_ISSUERS", "999.1.1.1"),
        ("RUNPLANE_TRUSTS_CA_FILE", "/nowhere.pem"),
        ("RUNPLANE_TRUSTS_CA_FILE", __file__),
    ],
)
def test_a_setting_that_would_not_do_what_it_says_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {variable: value})
    assert variable in str(caught.value)
    assert "must" in str(caught.value)
