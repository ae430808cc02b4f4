"""Opening the database from a command: every reason why it cannot be used, told in one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from runplane.server.commands.failures import CommandFailed
from runplane.server.core.errors import DomainError, Invalid
from runplane.server.identity.vault import VaultError
from runplane.server.settings import Loaded, Settings, SettingsError
from runplane.server.sql.engine import Database
from runplane.server.sql.migrate import SchemaTooNew


@contextlib.contextmanager
def explained(loaded: Loaded, settings: Settings) -> Generator[None]:
    """Turn what goes wrong while opening into SettingsError or CommandFailed, naming what to change."""
    try:
        yield
    except VaultError as error:
        given = settings.keys.key_encryption_key is not None
        key = "keys.key_encryption_key" if given else "keys.key_encryption_key_file"
        raise SettingsError(loaded.where(key), str(error)) from error
    except Invalid as error:
        raise SettingsError(loaded.where("database_url"), error.message) from error
    except DomainError as error:
        raise CommandFailed(error.message) from error
    except SchemaTooNew as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from error
    # The expression is evaluated only when something else was raised.
    except Database(settings.database_url).errors as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        where = loaded.where("database_url")
        raise CommandFailed(f"The database ({where}) cannot be used: {reason}") from error
