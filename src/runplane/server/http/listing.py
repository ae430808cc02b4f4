"""From a query string to a `Page`: the one parser of filterBy, sortBy, sortOrder, search, offset and limit.

Contract 1 and 8.2 (items 5 and 6). The grammar defines no escape, and clients join terms with commas, so a
comma ends a term only where a known field and an operator follow it; any other comma belongs to the value.
What a list does not offer is refused, never ignored: a filter that silently does nothing shows too much.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Condition, Field, Kind, Listing, Operator, Page, Value, fold
from runplane.server.http.codec import check_text

MAX_FILTER_LENGTH = 16 * 1024
"""Characters of all `filterBy` parameters of a request together."""
MAX_TERMS = 50
"""Terms of all `filterBy` parameters of a request together."""
MAX_VALUE_LENGTH = 1000
"""Characters of the value of one term."""
MAX_SEARCH_LENGTH = 256
"""Characters of `search`."""
MAX_OFFSET = 2**31 - 1
"""The contract types `offset` as int32."""

Query = Mapping[str, Sequence[str]]

# One class, repeated, with nothing after it: this cannot backtrack.
_NAME = re.compile(r"[A-Za-z0-9_]*")
_OPERATORS: Mapping[str, Operator] = {operator.value: operator for operator in Operator}
_INT64 = 2**63
_DECIMAL = frozenset("0123456789+-.eE")
_WHOLE = frozenset((Operator.EQUAL, Operator.NOT_EQUAL))
_ORDERS = ("asc", "desc")


def parse_page(listing: Listing, query: Query, preferred: int | None = None) -> Page:
    """The page of `listing` that the percent-decoded `query` asks for.

    Where it names no limit the page has `preferred` rows, or as many as the list gives at most; None leaves
    it to the list, and a list that gives all it can unasked goes on doing so.
    An empty parameter counts as absent. Raises Invalid, naming what is allowed. Takes time in proportion to
    the length of the query and refuses a long one without reading it.
    """
    offset, limit = _slice(listing, query, preferred)
    return Page(
        conditions=_conditions(listing, query.get("filterBy", ())),
        search=_search(listing, query),
        sort=_sort(listing, query),
        offset=offset,
        limit=limit,
    )


def enum_member(text: str, choices: Collection[str], name: str = "The value") -> str:
    """The one of `choices` that `text` means, also where a client sent the name of an enum member.

    The official client prints members as `ProjectFilterSortFields.NAME` (contract 8.2, item 6): all up to the
    last dot is dropped, and case, `_` and `-` do not count. Raises Invalid, calling the parameter `name`.
    """
    if text in choices:
        return text
    wanted = fold(text.rpartition(".")[2])
    for choice in choices:
        if fold(choice) == wanted:
            return choice
    raise Invalid(f"{name} must be one of {_join(choices)}, not {_quote(text)}.")


def _conditions(listing: Listing, parameters: Sequence[str]) -> tuple[Condition, ...]:
    if sum(map(len, parameters)) > MAX_FILTER_LENGTH:
        raise Invalid(f"filterBy must not be longer than {MAX_FILTER_LENGTH} characters.")
    fields = {name: field for name, field in listing.fields.items() if field.filter}
    conditions: list[Condition] = []
    for parameter in parameters:
        check_text(parameter)
        for term in _split(fields, parameter):
            if len(conditions) == MAX_TERMS:
                raise Invalid(f"filterBy must not have more than {MAX_TERMS} terms.")
            conditions.append(_condition(listing, fields, term))
    return tuple(conditions)


def _split(fields: Mapping[str, Field], text: str) -> Iterator[str]:
    """The terms of a comma-joined `text`. Scans each stretch between two commas once."""
    start = 0
    comma = text.find(",")
    while comma >= 0:
        name = _NAME.match(text, comma + 1)
        if name is not None and name[0] in fields and text[name.end() : name.end() + 2] in _OPERATORS:
            yield text[start:comma]
            start = comma + 1
        comma = text.find(",", comma + 1)
    if start < len(text):
        yield text[start:]


def _condition(listing: Listing, fields: Mapping[str, Field], term: str) -> Condition:
    head = _NAME.match(term)
    name = head[0] if head is not None else ""
    field = fields.get(name)
    if field is None:
        if not fields:
            raise Invalid(f"The list of {listing.name} does not take filterBy.")
        what = f"does not know the field {_quote(name)}" if name else f"needs a field before {_quote(term)}"
        raise Invalid(f"filterBy {what}; use one of {_join(fields)}.")
    mark, text = term[len(name) : len(name) + 2], term[len(name) + 2 :]
    operator = _OPERATORS.get(mark)
    if operator is None or operator not in field.operators:
        allowed = " ".join(field.operators)
        raise Invalid(f"In filterBy, {name} must be followed by one of {allowed}, not by {_quote(mark)}.")
    if not text:
        raise Invalid(f"filterBy needs a value after {name}{mark}.")
    if len(text) > MAX_VALUE_LENGTH:
        raise Invalid(f"The filterBy value of {name} must not be longer than {MAX_VALUE_LENGTH} characters.")
    return Condition(field, operator, _value(field, operator, text))


def _value(field: Field, operator: Operator, text: str) -> Value:
    if field.choices is not None and operator in _WHOLE:
        return enum_member(text, field.choices, f"In filterBy, {field.name}")
    read = _READERS.get(field.kind)
    return text if read is None else read(text, f"In filterBy, {field.name}")


def _integer(text: str, name: str, least: int = -_INT64, most: int = _INT64 - 1) -> int:
    # `+5` arrives as ` 5` from a client that does not percent-encode.
    digits = text.strip()
    unsigned = digits[1:] if digits[:1] in ("+", "-") else digits
    if unsigned.isascii() and unsigned.isdigit() and len(unsigned) <= MAX_VALUE_LENGTH:
        number = int(digits)
        if least <= number <= most:
            return number
    raise Invalid(f"{name} must be a whole number from {least} to {most}, not {_quote(text)}.")


def _number(text: str, name: str) -> float:
    digits = text.strip()
    try:
        # float() also reads "nan", "inf" and "1_0"; the characters rule these out.
        number = float(digits) if _DECIMAL.issuperset(digits) else math.inf
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid(f"{name} must be a number such as 12 or 0.5, not {_quote(text)}.")
    return number


def _boolean(text: str, name: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise Invalid(f"{name} must be true or false, not {_quote(text)}.")
    return word == "true"


_READERS: Mapping[Kind, Callable[[str, str], Value]] = {
    Kind.TIME: parse_instant,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
}


def _search(listing: Listing, query: Query) -> str | None:
    text = _single(query, "search")
    if text is None:
        return None
    if not listing.searched:
        raise Invalid(f"The list of {listing.name} does not take search; use filterBy.")
    if len(text) > MAX_SEARCH_LENGTH:
        raise Invalid(f"search must not be longer than {MAX_SEARCH_LENGTH} characters.")
    check_text(text)
    return text


def _sort(listing: Listing, query: Query) -> tuple[Field, bool] | None:
    """The order asked for. `sortOrder` alone turns the list's own order round, if it has one."""
    by = _single(query, "sortBy")
    order = _single(query, "sortOrder")
    descending = None if order is None else enum_member(order, _ORDERS, "sortOrder") == "desc"
    if by is None:
        default = listing.default_sort
        return default if default is None or descending is None else (default[0], descending)
    names = [name for name, field in listing.fields.items() if field.sort]
    if not names:
        raise Invalid(f"The list of {listing.name} does not take sortBy.")
    return listing.fields[enum_member(by, names, "sortBy")], descending is True


def _slice(listing: Listing, query: Query, preferred: int | None) -> tuple[int, int | None]:
    if not listing.paged:
        return 0, None
    offset = _single(query, "offset")
    limit = _single(query, listing.limit_name)
    default = listing.default_limit
    if preferred is not None and default < listing.max_limit:
        default = min(preferred, listing.max_limit)
    return (
        0 if offset is None else _integer(offset, "offset", 0, MAX_OFFSET),
        default if limit is None else _integer(limit, listing.limit_name, 1, listing.max_limit),
    )


def _single(query: Query, name: str) -> str | None:
    values = query.get(name, ())
    if len(values) > 1:
        raise Invalid(f"Send {name} once.")
    return values[0] if values and values[0] else None


def _quote(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")


def _join(names: Collection[str]) -> str:
    return ", ".join(names)
