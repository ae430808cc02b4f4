"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

from typing import Any

# A spreadsheet runs a cell that begins so (OWASP: CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """`value` as the text of a cell: None is empty, and what would run as a formula gets an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
