"""Where settings come from: defaults, then the TOML file, the environment, the command line; later wins.

What is unknown or wrong stops the start instead of being ignored: a misspelt `password_grant` that silently
kept its default would be a hole. An error names the file and key, or the variable, and never repeats a value.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast, get_args, get_origin

import msgspec

from runplane.server.core.handed import is_private
from runplane.server.core.secrets import decode_secret
from runplane.server.settings.checks import CHECKS, unchanged
from runplane.server.settings.model import (
    PREFIX,
    Setting,
    Settings,
    SettingsError,
    known_settings,
    tables,
    variable_of,
)

CONFIG_VARIABLE: Final = "RUNPLANE_CONFIG"
DEFAULT: Final = "default"
"""The source of a value that nobody gave."""

# Read by others under the same prefix: the tests (tests/conftest.py), the command line (docs/guides/cli.md)
# and the agent, all of which may run in the shell that starts the server.
_NOT_SETTINGS: Final = frozenset(
    {
        CONFIG_VARIABLE,
        "RUNPLANE_REQUIRE", "RUNPLANE_HYPOTHESIS",
        "RUNPLANE_HOME", "RUNPLANE_SERVER", "RUNPLANE_URL", "RUNPLANE_CONTEXT", "RUNPLANE_TOKEN",
        "RUNPLANE_CLIENT_ID", "RUNPLANE_CLIENT_SECRET", "RUNPLANE_CA_FILE", "RUNPLANE_AGENT_SECRET",
        # a supervisor tells its workers (commands/handover.py)
        "RUNPLANE_WORKER", "RUNPLANE_WORKER_RUN", "RUNPLANE_WORKER_DESCRIPTORS", "RUNPLANE_RUN_DIR",
    }
)  # fmt: skip
_FLAGS: Final = MappingProxyType(
    {"host": "--host", "port": "--port", "workers": "--workers", "data_dir": "--data-dir"}
)
_MAX_FILE: Final = 64 * 1024
_TOML_PLACE = re.compile(r"\(at (.*)\)$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and for each dotted key the text of where its value came from."""

    settings: Settings
    sources: Mapping[str, str]

    def where(self, key: str) -> str:
        """The place to correct a setting: `file:key`, the variable or flag, or the bare key of a default."""
        source = self.sources[key]
        if source == DEFAULT:
            return key
        return source.partition(" ")[0] if source.startswith((PREFIX, "--")) else f"{source}:{key}"


@dataclass(frozen=True, slots=True)
class _Given:
    """One value as it was written. `where` is the place to correct; a `textual` value is read leniently."""

    raw: Any
    where: str
    source: str
    textual: bool = False


def load_settings(
    argv_overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    config_path: Path | None = None,
) -> Loaded:
    """Read and check every setting.

    `argv_overrides` holds flags by dotted key (None: not given), `environ` stands for `os.environ`, and
    `config_path` for RUNPLANE_CONFIG. Raises SettingsError for the first thing that is wrong.
    """
    environ = os.environ if environ is None else environ
    layers: list[dict[str, _Given]] = []
    if config_path is not None:
        layers.append(_from_file(config_path, "--config"))
    elif environ.get(CONFIG_VARIABLE):
        layers.append(_from_file(Path(environ[CONFIG_VARIABLE]), CONFIG_VARIABLE))
    layers.append(_from_environment(environ))
    layers.append(_from_flags(argv_overrides or {}))
    given: dict[str, _Given] = {}
    for layer in layers:
        for key, it in layer.items():
            twin = _twin(key)
            if twin in layer:
                raise SettingsError(it.where, f"give this or {layer[twin].where}, not both.")
            given.pop(twin, None)
            given[key] = it
    return _build(given)


def _build(given: Mapping[str, _Given]) -> Loaded:
    values: dict[str, dict[str, Any]] = {table: {} for table in tables()}
    sources: dict[str, str] = {}
    own = {it.key for it in known_settings()}
    for setting in known_settings():
        it = given.get(setting.key)
        if setting.by_file and f"{setting.key}_file" not in own:
            named = given.get(f"{setting.key}_file")
            it = it if named is None else _read_secret(named)
        sources[setting.key] = DEFAULT if it is None else it.source
        if it is not None:
            values[setting.table][setting.name] = _convert(setting, it)
    nested: dict[str, Any] = {name: struct(**values[name]) for name, struct in tables().items() if name}
    return Loaded(Settings(**values[""], **nested), MappingProxyType(sources))


def _convert(setting: Setting, given: _Given) -> Any:
    raw = given.raw.strip() if given.textual and not setting.is_secret else given.raw
    if given.textual and get_origin(get_args(setting.annotation)[0]) is tuple:
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    try:
        value = msgspec.convert(raw, setting.annotation, strict=not given.textual, dec_hook=_decode)
    except msgspec.ValidationError:
        # The library's text may repeat the value, and does not say what is allowed.
        raise SettingsError(given.where, f"{setting.expectation}.") from None
    try:
        return CHECKS.get(setting.key, unchanged)(value)
    except ValueError as error:
        raise SettingsError(given.where, str(error)) from None


def _from_flags(overrides: Mapping[str, object]) -> dict[str, _Given]:
    return {
        key: _Given(str(raw), _FLAGS.get(key, key), _FLAGS.get(key, key), textual=True)
        for key, raw in overrides.items()
        if raw is not None
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    by_variable = {variable_of(key): key for key in _known_keys()}
    found: dict[str, _Given] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        if environ[name].startswith("tcp://") or name.startswith(f"{PREFIX}SERVICE_"):
            raise SettingsError(
                name,
                "Kubernetes sets this for a Service named runplane; give the pod enableServiceLinks: false.",
            )
        if name not in by_variable:
            raise SettingsError(name, f"there is no such setting{_nearest(name, by_variable)}")
        # Compose files and charts pass what is unset as an empty text.
        if environ[name]:
            found[by_variable[name]] = _Given(environ[name], name, name, textual=True)
    return found


def _from_file(path: Path, named_by: str) -> dict[str, _Given]:
    data, private = _read(path, named_by)
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = _TOML_PLACE.search(str(error))
        raise SettingsError(str(path), f"is not valid TOML{f' at {place[1]}' if place else ''}.") from None
    found: dict[str, _Given] = {}
    for table, key, raw in _entries(document, path):
        dotted = f"{table}.{key}" if table else key
        where = f"{path}:{dotted}"
        if dotted not in _known_keys():
            raise SettingsError(where, f"there is no such setting{_nearest(dotted, _known_keys())}")
        if dotted in _secret_keys() and not private:
            raise SettingsError(
                where, f"others can read this file, which holds a secret; run: chmod 600 {path}"
            )
        found[dotted] = _Given(raw, where, str(path))
    return found


def _entries(document: Mapping[str, Any], path: Path) -> Iterable[tuple[str, str, Any]]:
    """(table, key, value) of everything in the file."""
    for name, value in document.items():
        if name not in tables():
            if isinstance(value, dict):
                raise SettingsError(f"{path}:[{name}]", f"there is no such table{_nearest(name, tables())}")
            yield "", name, value
        elif isinstance(value, dict):
            for key, inner in cast("dict[str, Any]", value).items():
                yield name, key, inner
        else:
            raise SettingsError(f"{path}:{name}", f"is a table; write [{name}] on a line of its own.")


def _read(path: Path, where: str) -> tuple[bytes, bool]:
    """The bytes of a file, and whether it may hold a secret."""
    try:
        # Non-blocking, so that a pipe put in the place of a file cannot hold the start.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # Of the open file and not of its name, which could come to mean another file in between.
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise SettingsError(where, f"{path} is not a regular file.")
            data = os.read(handle, _MAX_FILE + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else ""
        raise SettingsError(
            where, f"the file {path} cannot be read: {reason.lower() or 'bad name'}."
        ) from None
    if len(data) > _MAX_FILE:
        raise SettingsError(where, f"the file {path} is larger than {_MAX_FILE} bytes.")
    return data, is_private(status, os.geteuid())


def _read_secret(given: _Given) -> _Given:
    """The value in the file that `given` names, without its last line end."""
    if not isinstance(given.raw, str) or not given.raw:
        raise SettingsError(given.where, "must be the path of a file.")
    path = Path(given.raw).expanduser()
    data, private = _read(path, given.where)
    if not private:
        raise SettingsError(given.where, f"others can read {path}; run: chmod 600 {path}")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SettingsError(given.where, f"the file {path} is not UTF-8 text.") from None
    if not text:
        raise SettingsError(given.where, f"the file {path} is empty.")
    return _Given(text, given.where, f"{given.source} ({path})")


@cache
def _secret_keys() -> frozenset[str]:
    """Keys whose value may also stand in a file of its own."""
    return frozenset(it.key for it in known_settings() if it.by_file)


@cache
def _known_keys() -> frozenset[str]:
    """Every dotted key that may be written."""
    return frozenset(it.key for it in known_settings()) | {f"{key}_file" for key in _secret_keys()}


def _twin(key: str) -> str:
    """The other way to give the same secret: `x` for `x_file` and back; empty for an ordinary setting."""
    if key in _secret_keys():
        return f"{key}_file"
    secret = key.removesuffix("_file")
    return secret if secret in _secret_keys() and secret != key else ""


def _nearest(name: str, known: Iterable[str]) -> str:
    # Without the prefix, which all share and which would make any two alike.
    names = {it.removeprefix(PREFIX): it for it in known if it}
    close = difflib.get_close_matches(name.removeprefix(PREFIX), names, n=1)
    return f"; did you mean {names[close[0]]}?" if close else "; `runplane config explain` lists them all."


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        if isinstance(value, str) and value and "\0" not in value:
            return Path(value).expanduser().absolute()
        raise ValueError("not a path")
    return decode_secret(kind, value)
