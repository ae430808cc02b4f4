"""Every setting of the server: its type, default, limits and meaning.

The `Meta` of a field is the one source for validation (settings.sources), `runplane config explain` and the
documentation page, so a limit that is written down is one that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, field
from msgspec.structs import force_setattr, replace

from runplane.server.core.secrets import Secret
from runplane.server.settings.audit import AuditSettings, MetricsSettings
from runplane.server.settings.limits import LimitSettings
from runplane.server.settings.notices import NoticeSettings
from runplane.server.settings.table import Table as _Table

PREFIX: Final = "RUNPLANE_"
_KEY_FILE: Final = "key-encryption-key"
_LOOPBACK_OF: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


class SettingsError(Exception):
    """A setting is unknown or wrong. The text is one line, `<where>: <sentence>`, without any secret."""

    def __init__(self, where: str, sentence: str) -> None:
        super().__init__(" ".join(f"{where}: {sentence}".split()))


class TokenSettings(_Table, frozen=True):
    """Access tokens, refresh tokens and the sessions they belong to."""

    lifetime_seconds: Annotated[
        int, Meta(ge=60, le=86_400, description="How long an access token is accepted, in seconds.")
    ] = 3600
    algorithm: Annotated[
        Literal["ES256", "RS256", "EdDSA"],
        Meta(
            description="How tokens are signed. Another one is published at the next start and signs later."
        ),
    ] = "ES256"
    leeway_seconds: Annotated[
        int,
        Meta(
            ge=0, le=60, description="How far clocks may differ when a token's times are checked, in seconds."
        ),
    ] = 60
    session_days: Annotated[
        int, Meta(ge=1, le=365, description="Days until a person has to sign in again, however active.")
    ] = 30
    browser_session_hours: Annotated[
        int,
        Meta(ge=1, le=720, description="Hours until a person has to sign in to the console again."),
    ] = 12
    refresh_days: Annotated[
        int,
        Meta(
            ge=1, le=365, description="Days until an unused refresh token expires; each use gives a new one."
        ),
    ] = 7
    password_grant: Annotated[
        bool,
        Meta(
            description="Whether people get tokens for e-mail and password. The console needs it without SSO."
        ),
    ] = True


class PasswordSettings(_Table, frozen=True):
    """Passwords of local users."""

    minimum_length: Annotated[
        int,
        Meta(
            ge=8,
            le=128,
            description="Least number of characters of a new password. Nothing else is required.",
        ),
    ] = 12
    temporary_hours: Annotated[
        int, Meta(ge=1, le=720, description="Hours until a temporary password can no longer be used.")
    ] = 72
    workers: Annotated[
        int,
        Meta(ge=1, le=64, description="Passwords checked at the same time; each takes 19 MiB and one core."),
    ] = 2


class TrustSettings(_Table, frozen=True):
    """Trusts: which issuers of tokens this server may fetch keys from."""

    internal_issuers: Annotated[
        tuple[str, ...],
        Meta(description="Hosts, and networks (CIDR), of issuers that have no public address."),
    ] = ()
    ca_file: Annotated[
        Path | None,
        Meta(description="A PEM file of authorities that issuers' certificates may have beside public ones."),
    ] = None


class KeySettings(_Table, frozen=True):
    """The key under which private keys are encrypted in the database, and how public ones are published."""

    key_encryption_key: Annotated[
        Secret | None,
        Meta(description="The key-encryption key, 32 bytes in base64. The same on every replica."),
    ] = None
    key_encryption_key_file: Annotated[
        Path,
        Meta(
            description="The file that holds the key-encryption key. Made at first start if missing.",
            extra={"default": f"<data_dir>/{_KEY_FILE}"},
        ),
    ] = Path()
    kept_seconds: Annotated[
        int,
        Meta(
            ge=1,
            le=3600,
            description="How long others may keep the published keys. A new one signs after twice this time.",
        ),
    ] = 300
    rotate_days: Annotated[
        int,
        Meta(ge=0, le=3650, description="Days after which a tenant gets a new signing key; 0 for never."),
    ] = 90
    previous_key_encryption_key: Annotated[
        Secret | None,
        Meta(
            description="A second key that opens what it sealed: the one before, while that is replaced.",
            extra={"default": "what rotate-kek left beside the key file"},
        ),
    ] = None


class AdminSettings(_Table, frozen=True):
    """The first System administrator. Used on an empty database only."""

    email: Annotated[str, Meta(description="E-mail address of the first administrator.")] = (
        "admin@runplane.local"
    )
    password: Annotated[
        Secret | None,
        Meta(description="Password of the first administrator.", extra={"default": "generated, shown once"}),
    ] = None


class LogSettings(_Table, frozen=True):
    """What the server writes to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important messages to write."),
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(
            description="JSON lines, or text for people. `auto` writes text to a terminal and JSON elsewhere."
        ),
    ] = "auto"
    requests: Annotated[
        bool, Meta(description="Whether every request is logged: method, path and status.")
    ] = False


class Settings(_Table, frozen=True):
    """All settings. Complete after construction: addresses and paths that depend on others are filled in."""

    host: Annotated[str, Meta(description="The address to listen on; 0.0.0.0 for every IPv4 one.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="The port to listen on; 0 takes any free one.")
    ] = 8080
    workers: Annotated[
        int,
        Meta(ge=1, le=64, description="Server processes on this machine; more than one have a supervisor."),
    ] = 1
    connections: Annotated[
        int,
        Meta(
            ge=16,
            le=1_000_000,
            description="Connections of one process; beyond, a new one closes an idle one. See file limits.",
        ),
    ] = 10_000
    drain_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=300,
            description="Seconds after SIGTERM during which `/readyz` says no and requests are still served.",
        ),
    ] = 0
    data_dir: Annotated[
        Path,
        Meta(
            description="The folder of the embedded database and of the files made at first start.",
            extra={"default": "./data"},
        ),
    ] = Path("data")
    database_url: Annotated[
        str,
        Meta(
            description="`sqlite:///<file>` or `postgresql://<user>:<password>@<host>/<database>`.",
            extra={"default": "sqlite:///<data_dir>/runplane.db", "by_file": True},
        ),
    ] = ""
    public_url: Annotated[
        str,
        Meta(
            description="The address people and clusters use. It is the issuer of tokens: do not change it.",
            extra={"default": "http://<host>:<port>"},
        ),
    ] = ""
    chart_repository: Annotated[
        str,
        Meta(
            description="Where `helm repo add` finds the chart of the cluster agent. This release has none.",
            extra={"default": "none"},
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) whose X-Forwarded-For is believed; a variable has commas between."),
    ] = ()
    tokens: TokenSettings = field(default_factory=TokenSettings)
    passwords: PasswordSettings = field(default_factory=PasswordSettings)
    keys: KeySettings = field(default_factory=KeySettings)
    trusts: TrustSettings = field(default_factory=TrustSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    admin: AdminSettings = field(default_factory=AdminSettings)
    log: LogSettings = field(default_factory=LogSettings)

    def __post_init__(self) -> None:
        # Absolute, so that the explained value tells where the data is and a later chdir changes nothing.
        force_setattr(self, "data_dir", self.data_dir.absolute())
        if not self.database_url:
            force_setattr(self, "database_url", f"sqlite:///{self.data_dir / 'runplane.db'}")
        if not self.public_url:
            force_setattr(self, "public_url", _local_url(self.host, self.port))
        if self.keys.key_encryption_key_file == Path():
            keys = replace(self.keys, key_encryption_key_file=self.data_dir / _KEY_FILE)
            force_setattr(self, "keys", keys)

    def __repr__(self) -> str:
        # The database's address may hold a password.
        return f"Settings({self.public_url})"

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies` as networks."""
        return tuple(ip_network(it) for it in self.trusted_proxies)

    def listening_on(self, port: int) -> Settings:
        """The same with the port that was really bound, also in a public URL that was left to its default."""
        derived = self.public_url == _local_url(self.host, self.port)
        return replace(
            self, port=port, public_url=_local_url(self.host, port) if derived else self.public_url
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """What there is to know about one setting. `table` is empty at the top level."""

    table: str
    name: str
    annotation: Any
    meta: Meta
    default: str

    @property
    def key(self) -> str:
        """The name in the file: `tokens.lifetime_seconds`."""
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def variable(self) -> str:
        """The name in the environment: `RUNPLANE_TOKENS_LIFETIME_SECONDS`."""
        return variable_of(self.key)

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be shown."""
        return Secret in get_args(self._type)

    @property
    def by_file(self) -> bool:
        """Whether `<key>_file` may name a file that holds the value."""
        return self.is_secret or "by_file" in (self.meta.extra or {})

    @property
    def _type(self) -> Any:
        return get_args(self.annotation)[0]

    @property
    def expectation(self) -> str:
        """What a value must be, as the end of a sentence."""
        kind = self._type
        if get_origin(kind) is Literal:
            *most, last = (f'"{it}"' for it in get_args(kind))
            return f"must be {', '.join(most)} or {last}"
        if kind is int:
            return f"must be a whole number from {self.meta.ge} to {self.meta.le}"
        if kind is bool:
            return "must be true or false"
        if Path in (kind, *get_args(kind)):
            return "must be a path"
        if get_origin(kind) is tuple:
            return f"must be a list of {'whole numbers' if int in get_args(kind) else 'texts'}"
        return "must be text"

    def value(self, settings: Settings) -> Any:
        """The value of this setting in `settings`."""
        return getattr(getattr(settings, self.table) if self.table else settings, self.name)


def variable_of(key: str) -> str:
    """The environment variable that stands for a dotted key."""
    return PREFIX + key.replace(".", "_").upper()


@cache
def tables() -> Mapping[str, type[msgspec.Struct]]:
    """The TOML tables: name to struct, the top level under the empty name first."""
    nested = {name: kind for name, kind in get_type_hints(Settings).items() if _is_table(kind)}
    return MappingProxyType({"": Settings, **nested})


@cache
def known_settings() -> tuple[Setting, ...]:
    """Every setting, in the order in which they are explained."""
    found: list[Setting] = []
    for table, struct in tables().items():
        hints = get_type_hints(struct, include_extras=True)
        for it in msgspec.structs.fields(struct):
            if not _is_table(hints[it.name]):
                meta: Meta = get_args(hints[it.name])[1]
                default = (meta.extra or {}).get("default") or _shown(it.default)
                found.append(Setting(table, it.name, hints[it.name], meta, default))
    return tuple(found)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, _Table)


def _local_url(host: str, port: int) -> str:
    name = _LOOPBACK_OF.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def _shown(default: Any) -> str:
    """A default as it would be written in the file; nothing for one that is empty."""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(str(it) for it in cast("tuple[object, ...]", default))
    return "" if default is None else str(default)
