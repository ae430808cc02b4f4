"""Expressions that SQLite and PostgreSQL spell differently and that must mean the same on both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class CodePoints(FunctionElement[str]):
    """Text that compares and sorts by code point, whatever the locale of the database or the column."""

    type = String()
    inherit_cache = True


class Lowered(FunctionElement[str]):
    """Text with its ASCII letters in lower case, other letters untouched."""

    type = String()
    inherit_cache = True


@compiles(CodePoints)
def _code_points(element: CodePoints, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite compares bytes of UTF-8, which is the order of code points.
    return compiler.process(element.clauses, **options)


@compiles(CodePoints, "postgresql")
def _code_points_postgres(element: CodePoints, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'


@compiles(Lowered)
def _lowered(element: Lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(Lowered, "postgresql")
def _lowered_postgres(element: Lowered, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **options)}) COLLATE "C")'


class OneOf(FunctionElement[bool]):
    """Whether the first argument is in the second, a JSON array of texts that is read once per statement."""

    type = Boolean()
    inherit_cache = True


@compiles(OneOf)
def _one_of(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    text, array = (compiler.process(part, **options) for part in element.clauses)
    return f"({text} IN (SELECT value FROM json_each({array})))"  # noqa: S608 - compiled expressions


@compiles(OneOf, "postgresql")
def _one_of_postgres(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    text, array = (compiler.process(part, **options) for part in element.clauses)
    return f"({text} IN (SELECT jsonb_array_elements_text(CAST({array} AS JSONB))))"
