"""The file `config.yaml`: which servers there are, which logins (contexts) at them, and which is current.

It holds nothing secret, so that it can be shown to whoever helps; secrets are in `credentials.py`. People may
edit it, and their comments stay.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from runplane.cli.failures import CliError, NotThere, WrongUsage
from runplane.cli.files import locked, private_folder
from runplane.cli.yaml_edit import edit, put, read, remove, text

HOME_VARIABLE: Final = "RUNPLANE_HOME"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class ServerEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A server: its address, the realm logins belong to, and the certificates it is trusted by."""

    url: str
    realm: str = "runai"
    ca_file: str | None = None


class ContextEntry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A login: where, in which way, as whom, and whether the older tools' files follow it."""

    server: str
    login: str = ""
    subject: str = ""
    runai_files: bool = False


class Config(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The whole file."""

    current: str | None = None
    servers: dict[str, ServerEntry] = {}
    contexts: dict[str, ContextEntry] = {}


@dataclass(frozen=True, slots=True)
class Context:
    """One login with its server."""

    name: str
    entry: ContextEntry
    server: ServerEntry


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the command line: `~/.runplane`, or what RUNPLANE_HOME names."""

    folder: Path

    @classmethod
    def of_environment(cls) -> Home:
        """The folder of whoever runs the command; it need not exist."""
        given = os.environ.get(HOME_VARIABLE)
        return cls(Path(given).expanduser().absolute() if given else Path.home() / ".runplane")

    @property
    def config_file(self) -> Path:
        """The file with servers and contexts."""
        return self.folder / "config.yaml"

    @property
    def credentials(self) -> Path:
        """The folder with one file of secrets for each context."""
        return self.folder / "credentials"

    @contextmanager
    def lock(self, name: str = "config") -> Generator[None]:
        """Be the only process that changes what `name` stands for. Raises CliError."""
        with locked(private_folder(self.folder) / f"{name}.lock"):
            yield

    def config(self) -> Config:
        """What the file says; nothing where it is missing. Raises CliError."""
        try:
            return msgspec.convert(read(self.config_file), Config)
        except msgspec.ValidationError as error:
            raise CliError(f"{self.config_file}: {error}. Repair the file, or delete it.") from None

    def context(self, name: str) -> Context:
        """A login by its name. Raises NotThere."""
        config = self.config()
        entry = config.contexts.get(name)
        if entry is None:
            raise NotThere(f"There is no context {name}; `runplane context list` shows those there are.")
        server = config.servers.get(entry.server)
        if server is None:
            raise CliError(f"{self.config_file}: the context {name} names a server that is not there.")
        return Context(name, entry, server)

    def store(self, name: str, entry: ContextEntry, server: ServerEntry) -> None:
        """Add or replace a login, and make it the current one. Raises CliError."""

        def change(document: Any) -> None:
            put_entry(document, "servers", entry.server, msgspec.to_builtins(server))
            put_entry(document, "contexts", name, msgspec.to_builtins(entry))
            put(document, "current", text(name))

        self._change(change)

    def use(self, name: str) -> None:
        """Make a login the current one. Raises NotThere."""
        self.context(name)
        self._change(lambda document: put(document, "current", text(name)))

    def delete(self, name: str) -> None:
        """Forget a login, and its server if no other login is there. Raises NotThere."""
        config = self.config()
        gone = self.context(name)
        others = [it for key, it in config.contexts.items() if key != name]
        alone = all(it.server != gone.entry.server for it in others)

        def change(document: Any) -> None:
            remove(document["contexts"], name)
            if alone:
                remove(document["servers"], gone.entry.server)
            if document.get("current") == name:
                remove(document, "current")

        self._change(change)

    def _change(self, change: Callable[[Any], None]) -> None:
        with self.lock():
            edit(self.config_file, change)


def put_entry(document: Any, section: str, name: str, members: dict[str, Any]) -> None:
    """Set an entry of a section, which is made where it is missing."""
    stored = {key: text(it) if isinstance(it, str) else it for key, it in members.items()}
    if not document.get(section):
        put(document, section, {})
    put(document[section], text(name), stored)


def checked_name(name: str) -> str:
    """`name`, if a context may be called so. Raises WrongUsage."""
    if not _NAME.fullmatch(name):
        raise WrongUsage("A context's name has letters, digits and . _ @ + - only, at most 100.")
    return name


def server_name(url: str) -> str:
    """What a server is called in the file: its host, with its port where that is not the usual one."""
    parts = urlsplit(url)
    host = parts.hostname or "server"
    name = f"ipv6-{host.replace(':', '-')}" if ":" in host else host
    return name if parts.port is None else f"{name}-{parts.port}"


def checked_url(given: str) -> str:
    """The address of a server as it is stored: scheme, host, port and path. Raises WrongUsage."""
    wrong = WrongUsage(f"{given!r} is no address of a server; it looks like https://runplane.example.com.")
    if "://" not in given:
        host = urlsplit(f"//{given}").hostname
        given = f"{'http' if host in _LOOPBACK else 'https'}://{given}"
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise wrong from None
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password or parts.query:
        raise wrong
    if parts.fragment or re.search(r"[\s\\]", given) or not given.isprintable():
        raise wrong
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}{'' if port in (None, usual) else f':{port}'}{parts.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    """Whether the address stays on this machine, where http is not overheard."""
    return urlsplit(url).hostname in _LOOPBACK
