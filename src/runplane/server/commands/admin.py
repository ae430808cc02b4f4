"""`runplane admin …`: what whoever holds the host may do without a token. The way back in.

It opens the database of the settings, beside a running server or without one, and never makes a new one: a
mistyped data folder must not look like an empty installation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runplane.server import logs
from runplane.server.app import Stores, open_identity, open_stores
from runplane.server.audit.journal import Note, Origin
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.core.clock import SystemClock
from runplane.server.core.errors import Invalid
from runplane.server.identity import tenants
from runplane.server.identity.passwords import new_temporary_password
from runplane.server.identity.people.recovery import recover_administrator
from runplane.server.identity.people.service import HostReset, check_email, reset_password_on_host
from runplane.server.identity.service import Identity
from runplane.server.identity.store import tenant_exists
from runplane.server.identity.tenants import FIRST_TENANT, NewTenant
from runplane.server.settings import Loaded
from runplane.server.sql.engine import sqlite_file
from runplane.server.sql.migrate import lock
from runplane.server.sql.unit import Unit

T = TypeVar("T")


def reset_password(loaded: Loaded, email: str, say: Callable[[str], None]) -> None:
    """Give a local user a temporary password and print it. Raises SettingsError and CommandFailed."""
    settings = loaded.settings
    logs.configure("warning", settings.log.format)
    with explained(loaded, settings):
        reset = _reset(loaded, email)
    say(f"Temporary password of {reset.email}: {reset.password}")
    say(f"It works until {reset.expires_at} and must be changed at the first sign-in.")


def recover(loaded: Loaded, email: str, say: Callable[[str], None]) -> None:
    """Make a local person administrator and print its password. Raises SettingsError and CommandFailed."""
    settings = loaded.settings
    logs.configure("warning", settings.log.format)

    def work(stores: Stores, identity: Identity) -> HostReset:
        return recover_administrator(
            stores.units,
            identity.hasher,
            FIRST_TENANT,
            email,
            temporary_seconds=identity.rules.temporary_seconds,
            journal=identity.journal,
        )

    with explained(loaded, settings):
        reset = opened(loaded, work)
    say(f"{reset.email} is System administrator. Temporary password: {reset.password}")
    say(f"It works until {reset.expires_at} and must be changed at the first sign-in.")


def create_tenant(loaded: Loaded, name: str, admin_email: str, say: Callable[[str], None]) -> None:
    """Make a tenant and print its administrator's password. Raises SettingsError and CommandFailed."""
    settings = loaded.settings
    logs.configure("warning", settings.log.format)
    password = new_temporary_password()

    def make(stores: Stores, identity: Identity) -> int:
        digest = identity.hasher.hash(password)
        new = NewTenant(name, settings.tokens.algorithm, admin_email, digest)

        def job(unit: Unit) -> int:
            lock(unit.connection)
            return tenants.create(unit, identity.kek, new)

        return stores.units.write(job)

    try:
        tenants.check_name(name)
        check_email(admin_email)
    except Invalid as error:
        raise CommandFailed(error.message) from error
    with explained(loaded, settings):
        tenant_id = opened(loaded, make)
    say(f"Tenant {name} has the id {tenant_id}; its host name is {name} and your domain.")
    say(f"Its administrator is {admin_email} with the password {password}")
    say("The password must be changed at the first sign-in. The server knows the tenant within five seconds.")


def make_operator(loaded: Loaded, email: str, say: Callable[[str], None]) -> None:
    """Give a user of the first tenant the whole installation. Raises SettingsError and CommandFailed."""
    settings = loaded.settings
    logs.configure("warning", settings.log.format)

    def make(stores: Stores, identity: Identity) -> None:
        def job(unit: Unit) -> None:
            user_id = tenants.make_operator(unit, FIRST_TENANT, email)
            origin = Origin(FIRST_TENANT, "runplane tenant", "App", "", "", "")
            facts = {"role": "System administrator", "scope": "system", "by": "command line on the host"}
            identity.journal.write(unit, origin, "create", 200, Note("access-rule", user_id, email, facts))

        stores.units.write(job)

    with explained(loaded, settings):
        opened(loaded, make)
    say(f"{email} is System administrator of the system and may make tenants with POST /api/v1/tenants.")
    say("Delete the access rule to take it back. The server knows within a second.")


def _reset(loaded: Loaded, email: str) -> HostReset:
    def reset(stores: Stores, identity: Identity) -> HostReset:
        return reset_password_on_host(
            stores.units,
            identity.hasher,
            FIRST_TENANT,
            email,
            temporary_seconds=identity.rules.temporary_seconds,
            journal=identity.journal,
        )

    return opened(loaded, reset)


def opened(loaded: Loaded, work: Callable[[Stores, Identity], T]) -> T:
    """Run `work` on the database of the settings, which must be there and filled."""
    settings = loaded.settings
    file = sqlite_file(settings.database_url)
    # without a URL of its own the database lies in the data folder
    where = loaded.where("data_dir" if loaded.where("database_url") == "database_url" else "database_url")
    if file is not None and not file.is_file():
        raise CommandFailed(f"There is no database at {file} ({where}).")
    clock = SystemClock()
    stores = open_stores(settings, clock)
    try:
        if not stores.units.read(lambda unit: tenant_exists(unit, FIRST_TENANT)):
            raise CommandFailed(f"The database ({where}) is empty; start the server once.")
        return work(stores, open_identity(settings, stores, clock))
    except Invalid as error:
        # It is about what was asked for; outside of here it would be about the address of the database.
        raise CommandFailed(error.message) from error
    finally:
        stores.lanes.close()
        stores.database.close()
