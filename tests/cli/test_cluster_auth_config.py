"""`runplane cluster auth-config`: to the letter, and against what the server itself shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.cli import Line
from support.server import Server

FLAGS = """\
--oidc-issuer-url=https://plane.example.com/auth/realms/runai
--oidc-client-id=runai
--oidc-username-claim=email
--oidc-username-prefix=-
--oidc-groups-claim=groups
--oidc-signing-algs=ES256
"""
FILE = """\
# Tokens are signed with ES256. The file has no field for it: API servers
# take every asymmetric algorithm they know. It does not go together with --oidc flags.
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: "https://plane.example.com/auth/realms/runai"
    audiences:
    - runai
  claimMappings:
    username:
      claim: email
      prefix: ""
    groups:
      claim: groups
      prefix: ""
  userValidationRules:
  - expression: "!user.username.startsWith('system:')"
    message: "the user name may not begin with system:"
  - expression: "user.groups.all(it, !it.startsWith('system:'))"
    message: "no group may begin with system:"
"""


@pytest.fixture
def public(make_server: Callable[..., Server]) -> Server:
    """A server that people reach at an https address."""
    return make_server(public_url="https://plane.example.com")


def test_the_flags_of_an_api_server(line: Line, public: Server) -> None:
    code, out, err = line("cluster", "auth-config", "--server", public.url)
    assert (code, out, err) == (0, FLAGS, "")


def test_the_file_of_an_api_server(line: Line, public: Server) -> None:
    code, out, err = line("cluster", "auth-config", "--server", public.url, "--format", "file")
    assert (code, out, err) == (0, FILE, "")


def test_the_server_shows_the_same(line: Line, public: Server) -> None:
    shown = public.admin.get("/api/v1/cluster-authentication").json()
    assert "\n".join(shown["flags"]) + "\n" == line.ok("cluster", "auth-config", "--server", public.url)
    file = line.ok("cluster", "auth-config", "--server", public.url, "--format", "file")
    assert shown["configuration"] == file
    assert shown["warnings"] == []


def test_what_an_api_server_would_refuse_is_warned_of(line: Line, make_server: Callable[..., Server]) -> None:
    server = make_server(tokens_algorithm="EdDSA")
    code, out, err = line("cluster", "auth-config", "--server", server.url)
    assert code == 0
    assert "--oidc-signing-algs=EdDSA" in out
    first, second = err.splitlines()
    assert "https only" in first
    assert "verify no EdDSA" in second


def test_a_private_authority_is_taken_along(line: Line, public: Server, tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    authority = tmp_path / "ca.crt"
    authority.write_text(text)
    flags = ("cluster", "auth-config", "--server", public.url, "--ca-file", authority)
    assert line.ok(*flags).splitlines()[-1] == f"--oidc-ca-file={authority}"
    file = yaml.safe_load(line.ok(*flags, "--format", "file"))
    assert file["jwt"][0]["issuer"]["certificateAuthority"] == text


def test_other_claims_and_versions(line: Line, public: Server) -> None:
    flags = ("cluster", "auth-config", "--server", public.url, "--username-claim", "sub")
    assert "--oidc-username-claim=sub\n" in line.ok(*flags)
    file = line.ok(*flags, "--format", "file", "--api-version", "v1beta1")
    assert "apiVersion: apiserver.config.k8s.io/v1beta1\n" in file


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--format", "yaml"), "--format is one of flags, file.\n"),
        (("--username-claim", "name"), "--username-claim is one of email, sub.\n"),
        (("--api-version", "v2"), "--api-version is one of v1, v1beta1.\n"),
    ],
)
def test_wrong_flags_are_told(line: Line, flags: tuple[str, str], said: str) -> None:
    # refused before anybody is asked
    code, out, err = line("cluster", "auth-config", "--server", "http://127.0.0.1:1", *flags)
    assert (code, out, err) == (2, "", said)


def test_a_server_that_is_not_there(line: Line) -> None:
    code, _, err = line("cluster", "auth-config", "--server", "http://127.0.0.1:1")
    assert code == 7
    assert "127.0.0.1:1" in err


def test_the_help_has_examples(line: Line) -> None:
    assert "runplane cluster auth-config --server https://plane.example.com" in line.ok(
        "cluster", "auth-config", "--help"
    )
