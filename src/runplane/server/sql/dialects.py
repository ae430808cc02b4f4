"""Expressions that SQLite and PostgreSQL spell differently and that must mean the same on both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
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


class _Condition(FunctionElement[bool]):
    """Stands in WHERE as it is: SQLAlchemy would add `= 1` on SQLite, which then finds no index for it."""

    type = Boolean()

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        return self


class OneOf(_Condition):
    """Whether the first argument is in the second, a JSON array of texts that is read once per statement."""

    inherit_cache = True


@compiles(OneOf)
def _one_of(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    text, array = (compiler.process(part, **options) for part in element.clauses)
    return f"({text} IN (SELECT value FROM json_each({array})))"  # noqa: S608 - compiled expressions


@compiles(OneOf, "postgresql")
def _one_of_postgres(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    text, array = (compiler.process(part, **options) for part in element.clauses)
    return f"({text} IN (SELECT jsonb_array_elements_text(CAST({array} AS JSONB))))"


class Sought(OneOf):
    """As OneOf, for a short array and a first argument that has an index: each text is looked up in it."""

    inherit_cache = True


@compiles(Sought, "postgresql")
def _sought_postgres(element: Sought, compiler: SQLCompiler, **options: Any) -> str:
    text, array = (compiler.process(part, **options) for part in element.clauses)
    return f"({text} = ANY(ARRAY(SELECT jsonb_array_elements_text(CAST({array} AS JSONB)))))"


class _FromRoots(FunctionElement[Any]):
    """Part of a statement that begins with `roots`, a JSON array of paths, and finds what lies below them.

    The roots come first and each is one range of an index on tenant and path, whatever the planner thinks of
    it: SQLite keeps the order of a CROSS JOIN, and PostgreSQL plans what has an OFFSET by itself. No root may
    lie below another.
    """

    # Names of tables and columns are part of the text.
    inherit_cache = False

    def __init__(
        self,
        key: Column[Any],
        path: Column[str],
        tenant: Column[int],
        *parameters: BindParameter[Any],
    ) -> None:
        super().__init__(*parameters)
        self.of_table = (key, path, tenant)

    def parts(self, compiler: SQLCompiler, template: str, **options: Any) -> list[str]:
        """The SELECT of the keys found, which has the first two parameters, and the other parameters."""
        tenant_id, roots, *others = (compiler.process(part, **options) for part in self.clauses)
        key, path, tenant = (compiler.preparer.quote(column.name) for column in self.of_table)
        table = compiler.preparer.format_table(self.of_table[0].table)
        found = template.format(
            id=key, path=path, tenant=tenant, table=table, tenant_id=tenant_id, roots=roots
        )
        return [found, *others]


_FOUND = (
    "SELECT below.{id} FROM json_each({roots}) AS root CROSS JOIN {table} AS below"
    " WHERE below.{tenant} = {tenant_id} AND below.{path} >= root.value"
    " AND below.{path} < substr(root.value, 1, length(root.value) - 1) || '0'"
)
_FOUND_POSTGRES = (
    "SELECT found.{id} FROM jsonb_array_elements_text(CAST({roots} AS JSONB)) AS root(value)"
    " CROSS JOIN LATERAL (SELECT below.{id} FROM {table} AS below"
    ' WHERE below.{tenant} = {tenant_id} AND below.{path} >= root.value COLLATE "C"'
    " AND below.{path} < (left(root.value, -1) || '0') COLLATE \"C\" OFFSET 0) AS found"
)


class Below(_FromRoots, _Condition):
    """Whether the key of a row is one of those found below `roots`."""

    inherit_cache = False


@compiles(Below)
def _below(element: Below, compiler: SQLCompiler, **options: Any) -> str:
    (found,) = element.parts(compiler, _FOUND, **options)
    return f"{compiler.process(element.of_table[0], **options)} IN ({found})"


@compiles(Below, "postgresql")
def _below_postgres(element: Below, compiler: SQLCompiler, **options: Any) -> str:
    (found,) = element.parts(compiler, _FOUND_POSTGRES, **options)
    # An array is expected to be short, so that keys are looked up in their index.
    return f"{compiler.process(element.of_table[0], **options)} = ANY(ARRAY({found}))"


class CountBelow(_FromRoots):
    """How many rows are found below `roots`; counting stops at a third parameter."""

    type = BigInteger()
    inherit_cache = False


@compiles(CountBelow)
def _count_below(element: CountBelow, compiler: SQLCompiler, **options: Any) -> str:
    found, most = element.parts(compiler, _FOUND, **options)
    return f"(SELECT count(*) FROM ({found} LIMIT {most}) AS counted)"  # noqa: S608 - compiled expressions


@compiles(CountBelow, "postgresql")
def _count_below_postgres(element: CountBelow, compiler: SQLCompiler, **options: Any) -> str:
    found, most = element.parts(compiler, _FOUND_POSTGRES, **options)
    return f"(SELECT count(*) FROM ({found} LIMIT {most}) AS counted)"  # noqa: S608 - compiled expressions
