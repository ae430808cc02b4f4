"""Changing YAML files that people wrote: comments, order and style stay.

Reading is PyYAML's, which is quick and understands a file as kubectl does; only a change loads ruamel.yaml.
A change is made twice, to the plain values and to the text, and the text is written only if reading it gives
the same values: a file that the round trip cannot carry is refused, not damaged.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

from runplane.cli.failures import CliError
from runplane.cli.files import read_text, replace

Change = Callable[[Any], None]

# What some reader of YAML 1.1 or 1.2 takes for something other than text.
_AMBIGUOUS: Final = re.compile(
    r"(?i:y|n|yes|no|on|off|true|false|null|~|[-+.]?[\d_.:,+-]*(e[-+]?\d+)?|0[xob][\da-f_]+|[-+]?\.(inf|nan))"
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./@=+-][A-Za-z0-9_./@=+:-]*(?<!:)")
_NO_FOLDING: Final = 1 << 30
# Values that a file may stand for once its aliases are followed: a few lines can stand for billions.
_MAX_WEIGHT: Final = 1_000_000


def read(path: Path) -> dict[str, Any]:
    """The values of a file; none for a file that is missing or empty. Raises CliError."""
    return values(path, text_of(path))


def text_of(path: Path) -> str:
    """The text of a file, empty for one that is missing. Raises CliError."""
    return read_text(path) if path.exists() else ""


def values(path: Path, text: str) -> dict[str, Any]:
    """The values that `text`, of the file `path`, stands for. Raises CliError."""
    import yaml

    try:
        found: Any = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        weight = _weight(found, {}) if "*" in text else 0
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CliError(f"{path}:{line}: {error.problem or 'this is no YAML'}; repair it first.") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise CliError(f"{path} is no YAML; repair it first.") from None
    if found is None:
        return {}
    if weight > _MAX_WEIGHT:
        raise CliError(f"{path} repeats parts of itself too often; write them out, or leave them out.")
    if not isinstance(found, dict):
        raise CliError(f"{path} does not hold what is expected there; repair it first.")
    return found  # pyright: ignore[reportUnknownVariableType] - what a file holds is checked by who uses it


def _weight(value: Any, known: dict[int, int]) -> int:
    """How many values `value` is when each alias is written out; more than any limit if it holds itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:  # pyright: ignore[reportUnknownArgumentType]
        # until it is known: whoever comes back to it while it is looked at has found a circle
        known[id(value)] = _MAX_WEIGHT + 1  # pyright: ignore[reportUnknownArgumentType]
        inner: Any = value.values() if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        known[id(value)] = 1 + sum(_weight(it, known) for it in inner)  # pyright: ignore[reportUnknownArgumentType]
    return known[id(value)]  # pyright: ignore[reportUnknownArgumentType]


def edit(path: Path, change: Change) -> None:
    """Apply `change` to a file, which may be missing, and store it in one step. Raises CliError.

    Hold a lock: what another process writes between the reading and the replacing is lost.
    """
    old = text_of(path)
    new = changed(path, old, change)
    if new != old:
        replace(path, new)


def changed(path: Path, text: str, change: Change) -> str:
    """The text after `change`, for which `path` is named in messages. Raises CliError."""
    expected = values(path, text)
    change(expected)
    new = _round_trip(path, text, change)
    if values(path, new) != expected:
        raise CliError(f"{path} cannot be changed without changing more than asked; nothing was written.")
    return new


def text(value: str) -> Any:
    """`value` as it is to be stored: in quotes where a reader could take it for something else."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    plain = _PLAIN.fullmatch(value) and not _AMBIGUOUS.fullmatch(value)
    return value if plain else DoubleQuotedScalarString(value)


def remove(mapping: Any, *keys: str) -> None:
    """Take members out; the comment lines around them stay."""
    for key in keys:
        if key not in mapping:
            continue
        tokens = [*_take_head(mapping, key), _take_tail(mapping, key)]
        order = list(mapping)
        place = order.index(key)
        del mapping[key]
        left = [it for it in tokens if it is not None]
        if place:
            for it in left:
                _give_tail(mapping, order[place - 1], it)
        elif len(order) > 1:
            _give_head(mapping, order[1], left)


def put(mapping: Any, key: str, value: Any) -> None:
    """Set a member, a new one at the end. The comment lines that were below the place stay below it."""
    if key in mapping and not isinstance(value, dict | list) and not isinstance(mapping[key], dict | list):
        mapping[key] = value
        return
    replaced = key if key in mapping else next(reversed(list(mapping)), None)
    below = _take_tail(mapping, replaced) if replaced is not None else None
    mapping[key] = _commented(mapping, value)
    if below is not None:
        _give_tail(mapping, key, below)


def append(sequence: Any, value: Any) -> None:
    """Add a member to a list. The comment lines below the list stay below it."""
    below = _take_tail(sequence, len(sequence) - 1) if sequence else None
    sequence.append(_commented(sequence, value))
    if below is not None:
        _give_tail(sequence, len(sequence) - 1, below)


def _round_trip(path: Path, text: str, change: Change) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    engine: Any = YAML()
    engine.preserve_quotes = True
    engine.width = _NO_FOLDING
    # as kubectl writes it; ruamel.yaml would write nothing
    engine.representer.add_representer(type(None), _represent_null)
    try:
        indent, offset = _indentation(text)
        if offset:
            engine.indent(mapping=indent - offset, sequence=indent, offset=offset)
        document: Any = engine.load(text)
        if document is None:
            document = _kinds()[0]()
        change(document)
        written = io.StringIO()
        engine.dump(document, written)
    except (YAMLError, ValueError, RecursionError):
        raise CliError(f"{path} holds YAML that cannot be changed here; nothing was written.") from None
    return written.getvalue()


def _indentation(text: str) -> tuple[Any, Any]:
    """How far lists are indented and where their dashes stand; nothing where it cannot be told."""
    helpers: Any = import_module("ruamel.yaml.util")
    try:
        _, indent, offset = helpers.load_yaml_guess_indent(text)
    except IndexError:
        # it stumbles over a line with nothing but a dash
        return None, None
    return (indent, offset) if indent is not None else (None, None)


def _represent_null(to: Any, _: None) -> Any:
    return to.represent_scalar("tag:yaml.org,2002:null", "null")


def _commented(holder: Any, value: Any) -> Any:
    # Plain values of their own for the plain copy, and for the text such as can carry comments.
    mapping, sequence = _kinds()
    plain = not isinstance(holder, (mapping, sequence))
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        items = {key: _commented(holder, it) for key, it in given.items()}
        return items if plain else mapping(items)
    if isinstance(value, list):
        members = [_commented(holder, it) for it in cast("list[Any]", value)]
        return members if plain else sequence(members)
    return value


def _kinds() -> Any:
    comments: Any = import_module("ruamel.yaml.comments")
    return comments.CommentedMap, comments.CommentedSeq


def _take_tail(holder: Any, key: Any) -> Any:
    """Take away the comment lines below the member `key` of `holder`; None where there are none.

    ruamel.yaml keeps them with the last scalar before them, and so would drop them together with it.
    """
    place = _last_leaf(holder, key)
    if place is None or place.comments[place.slot] is None:
        return None
    token = place.comments[place.slot]
    # Behind a text of several lines stand whole lines only, else first the rest of the scalar's own.
    beside, newline, below = ("", "", token.value) if place.lines else token.value.partition("\n")
    if not below.strip():
        return None
    if beside:
        token.value = beside + newline
    else:
        place.comments[place.slot] = None
    return _token(below, token)


def _give_tail(holder: Any, key: Any, token: Any) -> None:
    place = _last_leaf(holder, key)
    if place is None:
        return
    kept = place.comments[place.slot]
    if kept is not None:
        token = _token(f"{kept.value.rstrip(chr(10))}\n{token.value}", kept)
    elif not place.lines:
        token = _token(f"\n{token.value}", token)
    place.comments[place.slot] = token


def _token(value: str, like: Any) -> Any:
    from ruamel.yaml.tokens import CommentToken

    return CommentToken(value, like.start_mark, None)


def _take_head(holder: Any, key: Any) -> list[Any]:
    """Take away the comment lines above a member that `_give_head` has put there."""
    if not isinstance(holder, _kinds()) or not (comments := holder.ca.items.get(key)) or not comments[1]:
        return []
    found, comments[1] = comments[1], None
    return found


def _give_head(mapping: Any, key: str, tokens: list[Any]) -> None:
    if not isinstance(mapping, _kinds()) or not tokens:
        return
    comments = mapping.ca.items.setdefault(key, [None, None, None, None])
    comments[1] = [*tokens, *(comments[1] or [])]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scalar's comments, which of them stands behind it, and whether it is a text of several lines."""

    comments: list[Any]
    slot: int
    lines: bool


def _last_leaf(holder: Any, key: Any) -> _Leaf | None:
    """The last scalar in the member `key` of `holder`."""
    from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

    mapping, sequence = _kinds()
    if not isinstance(holder, (mapping, sequence)):
        return None
    while isinstance(holder[key], (mapping, sequence)) and len(holder[key]):
        holder = holder[key]
        key = list(holder)[-1] if isinstance(holder, mapping) else len(holder) - 1
    comments = holder.ca.items.setdefault(key, [])
    comments += [None] * (4 - len(comments))
    lines = isinstance(holder[key], (FoldedScalarString, LiteralScalarString))
    return _Leaf(comments, 2 if isinstance(holder, mapping) else 0, lines)
