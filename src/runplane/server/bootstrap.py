"""The first start on an empty database: tenant, signing key, scope tree and one System administrator.

Idempotent and safe when several processes start at once: everything happens in one transaction under the
migration lock, and whoever comes second finds the tenant there.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from runplane.server.core.errors import InUse
from runplane.server.identity import tenants
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.passwords import PasswordHasher, new_temporary_password
from runplane.server.identity.rotation import ahead_seconds, algorithm_of, rotate
from runplane.server.identity.store import tenant_exists
from runplane.server.identity.tenants import FIRST_TENANT, NewTenant
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.sql.migrate import lock
from runplane.server.sql.unit import Unit, Units

REALM = "runai"
PASSWORD_FILE = "initial-admin-password"  # noqa: S105 - a file name


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """What to tell the person who started the server. `password` is set only if it was generated."""

    email: str
    password: str | None = field(repr=False)
    password_file: Path | None


def prepare(
    units: Units,
    kek: KeyEncryptionKey,
    hasher: PasswordHasher,
    *,
    data_dir: Path,
    algorithm: str,
    kept_seconds: int,
    admin_email: str,
    admin_password: str | None,
) -> FirstAdmin | None:
    """Fill an empty database; None when there was nothing to do but perhaps a key for another algorithm."""
    if units.read(_exists):
        if not units.read(lambda unit: _signs_with(unit, algorithm)):
            units.write(lambda unit: _change_algorithm(unit, kek, algorithm, ahead_seconds(kept_seconds)))
        return None
    password = admin_password or new_temporary_password()
    password_hash = hasher.hash(password)

    def job(unit: Unit) -> FirstAdmin | None:
        lock(unit.connection)
        if _exists(unit):
            return None
        new = NewTenant(REALM, algorithm, admin_email, password_hash, temporary=admin_password is None)
        tenants.create(unit, kek, new)
        if admin_password is not None:
            return FirstAdmin(admin_email, None, None)
        return FirstAdmin(admin_email, password, _write_password(data_dir, password))

    return units.write(job)


def _exists(unit: Unit) -> bool:
    return tenant_exists(unit, FIRST_TENANT)


def _signs_with(unit: Unit, algorithm: str) -> bool:
    return algorithm_of(unit, FIRST_TENANT) == algorithm


def _change_algorithm(unit: Unit, kek: KeyEncryptionKey, algorithm: str, ahead: float) -> None:
    """The setting names another algorithm: publish a key for it, which signs after `ahead` seconds."""
    lock(unit.connection)
    if not _signs_with(unit, algorithm):
        # while a rotation is under way it is left to the next start
        with contextlib.suppress(InUse):
            rotate(unit, kek, FIRST_TENANT, REALM, SigningKey.generate(unit.now, algorithm), ahead)


def _write_password(data_dir: Path, password: str) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / PASSWORD_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path
