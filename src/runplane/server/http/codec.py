"""JSON in and out, and what real clients do to it.

Decoding is strict where a lenient parser would let two readers disagree (duplicate keys, NaN, depth, NUL,
lone surrogates) and forgiving where the official client needs it: its asynchronous form sends a JSON string
that contains JSON, and its empty bodies arrive as zero bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from runplane.server.core.errors import Invalid
from runplane.server.http.choices import choices

MAX_DEPTH = 64
MAX_QUERY_BYTES = 32 * 1024
# int() of longer digit strings is quadratic; Python itself refuses beyond 4,300 digits with a ValueError.
_MAX_DIGITS = 40

# The closing quote may be missing, so that there is nothing to go back for.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^][{}]+")

_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """`value` as JSON; bytes pass through, None is an empty body."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    return _encoder.encode(value)


def strict_json(body: bytes) -> Any:
    """Parse a request body. Raises Invalid, saying what is wrong, for anything RFC 8259 readers may
    dispute."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid("The body is not UTF-8 text.") from error
    text = text.removeprefix("\ufeff")
    _check_depth(text)
    try:
        parsed = _DECODER.decode(text)
    except ValueError as error:
        raise Invalid(f"The body is not valid JSON: {_where(error)}.") from error
    if "\\u" in text or "\0" in text:
        _check_strings(parsed)
    return parsed


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    # All but the brackets goes first: a loop over each character of a megabyte takes several times as long.
    depth = 0
    for bracket in _NO_BRACKET.sub("", _STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Invalid(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        else:
            depth -= 1


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _check_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            _check_strings(key)
            _check_strings(item)


def check_text(value: str) -> None:
    """Refuse text that a database or another reader cannot hold: NUL and lone surrogates."""
    if "\0" in value:
        raise Invalid("Text may not contain the NUL character.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Invalid("Text may not contain half of a surrogate pair.") from error


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno} column {error.colno}"
    return str(error)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)


def _bounded_float(digits: str) -> float:
    if len(digits) > 400:
        raise ValueError("a number has too many digits")
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_refuse_constant,
    parse_int=_bounded_int,
    parse_float=_bounded_float,
)


def decode_body(body: bytes, kind: Any) -> Any:
    """A request body as `kind`. Raises Invalid naming the field that does not fit."""
    if not body:
        parsed: Any = [] if _is_list(kind) else {}
    else:
        parsed = strict_json(body)
        if isinstance(parsed, str):
            # The asynchronous official client encodes the encoded body once more.
            parsed = strict_json(parsed.encode("utf-8", "surrogatepass"))
    return convert(parsed, kind, strict=True)


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", kind) in (list, tuple)


def convert(value: Any, kind: Any, *, strict: bool) -> Any:
    """`value` as `kind`, with msgspec's refusal reworded for the person who reads it."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        text = str(error)
        reason, _, place = text.partition(" - at `$")
        field = place.rstrip("`").lstrip(".")
        if reason.startswith("Invalid enum value"):
            reason = _one_of(choices(kind, place.rstrip("`")))
        # The value's own place is shown, never the value: it may be a secret.
        raise Invalid(f"{field}: {_plain(reason)}." if field else f"{_plain(reason)}.") from error


def _one_of(values: Sequence[str]) -> str:
    return f"expected one of {', '.join(values)}" if values else "not one of the values that this may have"


def _plain(reason: str) -> str:
    return (
        reason.replace("Object missing required field", "the required field is missing:")
        .replace("Expected", "expected")
        .replace("`", "'")
    )


def read_query(query_string: bytes) -> dict[str, list[str]]:
    """Query parameters, every value of each. Raises Invalid for a query no honest client sends."""
    if len(query_string) > MAX_QUERY_BYTES:
        raise Invalid("The query string is too long.")
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError as error:
        raise Invalid("The query string is not valid.") from error
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        check_text(value)
        found.setdefault(name, []).append(value)
    return found


@lru_cache(maxsize=512)
def _parameters(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def convert_query(query: Mapping[str, list[str]], kind: type[msgspec.Struct]) -> Any:
    """The parameters that `kind` declares. One that is repeated is refused; an empty one counts as absent."""
    values: dict[str, str] = {}
    for name in _parameters(kind):
        given = query.get(name, [])
        if len(given) > 1:
            raise Invalid(f"{name} may be given once only.")
        if given and given[0] != "":
            values[name] = given[0]
    return convert(values, kind, strict=False)
