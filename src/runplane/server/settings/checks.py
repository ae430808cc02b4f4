"""What values of single settings must be, beyond their type and limits (settings.model has those).

Each check returns the value as it is kept and raises ValueError with the end of a sentence, without the
value: it may be a secret.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from runplane.server.core.secrets import Secret


def unchanged(value: Any) -> Any:
    """The value, of a setting that needs no check."""
    return value


def _check_host(value: str) -> str:
    if re.fullmatch(r"[0-9A-Za-z._-]+", value) or _is_ipv6(value):
        return value
    raise ValueError("must be a name or an address such as 127.0.0.1, without scheme and port.")


def _is_ipv6(value: str) -> bool:
    try:
        return bool(IPv6Address(value))
    except ValueError:
        return False


def _check_data_dir(value: Path) -> Path:
    # A question mark begins the options of a database URL.
    if "?" in str(value):
        raise ValueError("the path of the data folder must not hold a question mark.")
    return value


def _check_database_url(value: str) -> str:
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///") and ":memory:" not in value:
        return value
    if value.startswith(("postgresql://", "postgresql+psycopg://")):
        return value
    raise ValueError("must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>.")


def _check_address(value: str) -> str:
    sentence = "must be an address such as https://runplane.example.com, without user, query and fragment."
    try:
        parts = urlsplit(value)
        correct = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(sentence) from None
    if not correct or re.search(r"[^!-~]|[@?#\\]", value):
        raise ValueError(sentence)
    return value.rstrip("/")


def _check_proxies(value: tuple[str, ...]) -> tuple[str, ...]:
    for it in value:
        try:
            ip_network(it)
        except ValueError:
            raise ValueError("must hold networks such as 10.0.0.0/8, or single addresses.") from None
    return value


def _check_internal(value: tuple[str, ...]) -> tuple[str, ...]:
    for it in value:
        try:
            ip_network(it)
        except ValueError:
            # a network with a slip in it must not be taken for a name
            if not re.fullmatch(r"(?=.*[A-Za-z])[0-9A-Za-z.-]+", it):
                raise ValueError("must hold names of hosts, or networks such as 10.0.0.0/8.") from None
    return value


def _check_ca_file(value: Path | None) -> Path | None:
    if value is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
    except (OSError, ssl.SSLError):
        raise ValueError("must be a file with certificates in PEM.") from None
    return value


def _check_email(value: str) -> str:
    if len(value) > 254 or not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ValueError("must be an e-mail address.")
    return value


def _check_emails(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_check_email(it) for it in value)


def _check_days(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(value) > 10 or len({*value}) != len(value) or not all(1 <= it <= 365 for it in value):
        raise ValueError("must hold at most ten different numbers from 1 to 365.")
    return tuple(sorted(value, reverse=True))


def _check_webhook(secret: Secret | None) -> Secret | None:
    value = "" if secret is None else secret.reveal()
    sentence = "must be an address such as https://hooks.example.com/runplane, without user and fragment."
    try:
        parts = urlsplit(value)
        correct = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(sentence) from None
    if not correct or re.search(r"[^!-~]|[@#\\]", parts.netloc) or re.search(r"[^!-~]|#", value):
        raise ValueError(sentence)
    return secret


def _check_secret(value: Secret | None) -> Secret | None:
    if value is not None and not value:
        raise ValueError("must not be empty.")
    return value


CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "host": _check_host,
        "data_dir": _check_data_dir,
        "database_url": _check_database_url,
        "public_url": _check_address,
        "chart_repository": _check_address,
        "trusted_proxies": _check_proxies,
        "trusts.internal_issuers": _check_internal,
        "trusts.ca_file": _check_ca_file,
        "admin.email": _check_email,
        "admin.password": _check_secret,
        "keys.key_encryption_key": _check_secret,
        "keys.previous_key_encryption_key": _check_secret,
        "metrics.token": _check_secret,
        "notices.days": _check_days,
        "notices.webhook_url": _check_webhook,
        "notices.webhook_secret": _check_secret,
        "notices.smtp_password": _check_secret,
        "notices.mail_from": _check_email,
        "notices.mail_to": _check_emails,
        "notices.ca_file": _check_ca_file,
    }
)
