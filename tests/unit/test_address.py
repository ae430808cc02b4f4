"""Addresses of databases: all of libpq is taken, what would read elsewhere is not, and no password shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from runplane.server.core.errors import Invalid
from runplane.server.sql.address import parse, redacted

CANARY = "tr0ub4dor-and-three"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{CANARY}@a:1,b:2/db",
        f"postgresql://u:{CANARY}@/db?host=a,b&port=1,2&target_session_attrs=read-write",
        f"postgresql+psycopg://u:{CANARY}@a:1,b:2/db",
        f"postgresql://a:1,b:2/db?user=u&password={CANARY}",
    ],
)
def test_several_hosts_in_every_notation_of_libpq(url: str) -> None:
    found = parse(url)
    assert found.hosts == ({"host": "a", "port": "1"}, {"host": "b", "port": "2"})
    assert found.parameters["dbname"] == "db"
    assert found.parameters["user"] == "u"
    assert found.parameters["password"] == CANARY
    assert found.parameters["target_session_attrs"] == "read-write"
    assert CANARY not in repr(found)


def test_one_port_is_for_every_host() -> None:
    ports = [it["port"] for it in parse("postgresql:///db?host=a,b,c&port=7").hosts]
    assert ports == ["7", "7", "7"]


def test_addresses_of_hosts_stand_beside_their_names() -> None:
    hosts = parse("postgresql:///db?host=a,b&hostaddr=10.0.0.1,10.0.0.2").hosts
    assert [(it["host"], it["hostaddr"]) for it in hosts] == [("a", "10.0.0.1"), ("b", "10.0.0.2")]


def test_brackets_and_sockets() -> None:
    assert parse("postgresql://[::1]:5,b/d").hosts == (
        {"host": "::1", "port": "5"},
        {"host": "b", "port": ""},
    )
    assert parse("postgresql:///d?host=/run/postgresql").hosts[0]["host"] == "/run/postgresql"


def test_what_the_address_says_comes_after_our_own_limits() -> None:
    found = parse("postgresql://h/d?connect_timeout=9&options=-c%20search_path%3Druns").parameters
    assert found["connect_timeout"] == "9"
    assert found["options"].endswith(" -c search_path=runs")
    assert "statement_timeout=8000" in found["options"]


@pytest.mark.parametrize("wish", ["any", "read-only", "standby", "prefer-standby"])
def test_a_session_that_may_be_behind_is_refused(wish: str) -> None:
    with pytest.raises(Invalid, match="read-write"):
        parse(f"postgresql://a,b/d?target_session_attrs={wish}")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"postgresql://u:{CANARY}/x@h/d", "%XX"),
        (f"postgresql://u:{CANARY}@x@h/d", "%XX"),
        (f"postgresql://h/d?{CANARY}=1", "parameters"),
        (f"postgresql://u:{CANARY}@h:70000/d", "%XX"),
        (f"postgresql://u:{CANARY}@h/d?host=a:1&host=b:2", "host=a,b"),
        (f"postgresql://u:{CANARY}@/d?host=a,b,c&port=1,2", "more hosts than ports"),
        (f"mysql://u:{CANARY}@h/d", "postgresql://"),
        ("sqlite:///", "sqlite:///<file>"),
        ("sqlite:///:memory:", "sqlite:///<file>"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_being_repeated(url: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as refusal:
        parse(url)
    assert CANARY not in str(refusal.value)


def test_programs_get_the_same_database_and_no_password() -> None:
    told, password = parse(f"postgresql://u:{CANARY}@a:1,b:2/db?sslpassword={CANARY}").for_programs()
    assert CANARY not in told
    assert password == CANARY
    found = conninfo_to_dict(told)
    assert (found["host"], found["port"], found["dbname"], found["user"]) == ("a,b", "1,2", "db", "u")
    # a backup of a standby may lack what was acknowledged last
    assert found["target_session_attrs"] == "read-write"


@given(password=st.text(st.characters(codec="utf-8"), min_size=1))
def test_whatever_a_password_holds_it_is_not_shown(password: str) -> None:
    secret = f"{CANARY}{password}{CANARY}"
    for url in (f"postgresql://u:{secret}@h:1,i:2/d", f"postgresql://u:{secret}@h/d?application_name=x"):
        assert CANARY not in redacted(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@a:1,b:2/db", "postgresql://u:******@a:1,b:2/db"),
        ("postgresql://u@a/db?password=p&host=b", "postgresql://u@a/db?password=******&host=b"),
        ("postgresql://u@a/db?sslpassword=p", "postgresql://u@a/db?sslpassword=******"),
        ("postgresql://a,b/db", "postgresql://a,b/db"),
        ("sqlite:////var/lib/run@plane/x.db", "sqlite:////var/lib/run@plane/x.db"),
    ],
)
def test_everything_else_of_an_address_is_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
