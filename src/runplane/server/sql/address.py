"""Where the database is: the address of the settings as libpq, PostgreSQL's own client, understands it.

libpq reads the address and not SQLAlchemy, which refuses `postgresql://a:1,b:2/db` and has a notation of its
own for several hosts: pg_dump, psql and the guides of every provider write libpq's. Whatever the address
says, a session must be one that can write: replicas of the database are behind it, and authorization that
is read from one would be late.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Final

from runplane.server.core.errors import Invalid

HIDDEN: Final = "******"
STATEMENT_SECONDS: Final = 8
"""How long PostgreSQL works on one statement. With what follows it a request ends within 15 seconds."""
LOCK_SECONDS: Final = 5
"""How long a statement waits for a lock of somebody else."""
IDLE_SECONDS: Final = 60
"""How long a transaction may do nothing, such as that of a process that was stopped."""
CONNECT_SECONDS: Final = 3
"""How long one host may take to let a session in."""

_OPTIONS: Final = (
    f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c lock_timeout={LOCK_SECONDS * 1000} "
    f"-c idle_in_transaction_session_timeout={IDLE_SECONDS * 1000}"
)
# Values an address may give instead. A machine that vanishes without a word is noticed by the last four.
_DEFAULTS: Final = MappingProxyType(
    {
        "application_name": "runplane",
        "connect_timeout": str(CONNECT_SECONDS),
        "target_session_attrs": "read-write",
        "tcp_user_timeout": "9000",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "2",
    }
)
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
_SCHEME = re.compile(r"postgresql(\+psycopg)?://")
_REPEATED = re.compile(r"[?&]([^=&]+)=.*&\1=")
_SECRET_PARAMETERS = re.compile(rf"((?:^|[?&])(?:{'|'.join(_SECRETS)})=)[^&]*", re.IGNORECASE)
_FORM: Final = "database_url must be sqlite:///<file> or postgresql://<user>@<host>/<database>."
_ESCAPE: Final = (
    "database_url is no address that PostgreSQL understands: correct its parameters, "
    "and write special characters of user and password as %XX, such as %40 for @."
)


@dataclass(frozen=True, slots=True)
class Address:
    """A database: the file of SQLite, or the parameters of libpq with one entry in `hosts` per server."""

    file: Path | None
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    hosts: tuple[Mapping[str, str], ...] = ()

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.file is not None

    def for_programs(self) -> tuple[str, str]:
        """The address for pg_dump and its like, without secrets, and the password for their environment.

        Everybody on the host can read a program's arguments. The password of a client certificate's key
        has no other way in, so such a key must lie there unencrypted.
        """
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - of PostgreSQL only

        told = {name: value for name, value in self.parameters.items() if name not in _SECRETS}
        return make_conninfo("", **told), self.parameters.get("password", "")


def parse(url: str) -> Address:
    """What a `database_url` means. Raises Invalid, never repeating the address: it may hold a password."""
    if url.startswith("sqlite:///"):
        name = url.removeprefix("sqlite:///").partition("?")[0]
        if not name or name == ":memory:":
            raise Invalid(_FORM)
        return Address(Path(name))
    if not _SCHEME.match(url):
        raise Invalid(_FORM)
    parameters = _parameters(_SCHEME.sub("postgresql://", url, count=1))
    given = {**_DEFAULTS, **parameters}
    if given["target_session_attrs"] not in ("read-write", "primary"):
        raise Invalid(
            "database_url must have target_session_attrs=read-write or none: "
            "the server reads and writes the primary only."
        )
    # Of two settings of one name PostgreSQL takes the later.
    given["options"] = f"{_OPTIONS} {given.get('options', '')}".rstrip()
    return Address(None, MappingProxyType(given), _hosts(given))


def redacted(url: str) -> str:
    """A `database_url` without its passwords, also one that is no address at all."""
    before, mark, rest = url.partition("://")
    address, question, query = rest.partition("?")
    query = _SECRET_PARAMETERS.sub(rf"\1{HIDDEN}", query)
    # A password may hold anything that somebody forgot to escape, so it goes up to the last @.
    who, at, where = address.rpartition("@")
    if not at and "@" in query:
        return f"{before}{mark}{HIDDEN}"
    user, colon, _ = who.partition(":")
    return f"{before}{mark}{user}{colon}{HIDDEN if colon else ''}{at}{where}{question}{query}"


def _parameters(url: str) -> dict[str, str]:
    try:
        import psycopg  # noqa: PLC0415 - of PostgreSQL only
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    except ImportError:
        raise Invalid(
            "database_url names PostgreSQL, whose driver is not installed: pip install 'runplane[postgres]'."
        ) from None
    if _REPEATED.search(url):
        raise Invalid("database_url gives a parameter twice; write several hosts as host=a,b&port=5432,5432.")
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error:
        # The library's sentence quotes what it could not read, which may be a password.
        raise Invalid(_ESCAPE) from None
    parameters = {name: str(value) for name, value in found.items() if value is not None}
    # An unescaped / or @ of a password makes libpq see a port or a database that is part of it.
    misread = "@" in parameters.get("dbname", "") + parameters.get("host", "")
    ports = [it for it in parameters.get("port", "").split(",") if it]
    if misread or not all(it.isascii() and it.isdigit() and 0 < int(it) < 65_536 for it in ports):
        raise Invalid(_ESCAPE)
    return parameters


def _hosts(parameters: Mapping[str, str]) -> tuple[Mapping[str, str], ...]:
    """The servers of an address, in its order: libpq's lists with commas, taken apart."""
    names, addresses, ports = (
        [it.strip() for it in parameters.get(name, "").split(",")] for name in ("host", "hostaddr", "port")
    )
    size = max(len(names), len(addresses))
    if len(ports) == 1:
        ports *= size
    if len(ports) != size or {len(names), len(addresses)} - {1, size}:
        raise Invalid("database_url names more hosts than ports; give one port, or one for each host.")
    found = zip_longest(names, addresses, ports, fillvalue="")
    return tuple(
        {
            key: it
            for key, it in zip(("host", "hostaddr", "port"), entry, strict=True)
            if it or key in parameters
        }
        for entry in found
    )
