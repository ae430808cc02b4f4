"""The changes that make a mutant of a module: one wrong operator, value, condition or missing step each.

What no test could tell from the original is left out: annotations, docstrings, texts (messages are not
behaviour here), log calls, numbers (most only bound memory or time), `return None` for `return False`,
and `strict=` of a zip, which only guards against ourselves. What would be the same mutant twice is made once:
a negated comparison is a condition negated.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_LOGS: Final = frozenset({"debug", "info", "warning", "error", "exception"})


@dataclass(frozen=True, slots=True)
class Change:
    """One way to break a module: the number of the node in walking order, the line, and what is done."""

    node: int
    line: int
    kind: str


def changes(source: str) -> list[Change]:
    """Every change of a module, in the order of its nodes."""
    tree = ast.parse(source)
    left_out = {id(it) for skipped in _not_behaviour(tree) for it in ast.walk(skipped)}
    inside = _inside_functions(tree)
    return [
        Change(number, getattr(node, "lineno", 0), kind)
        for number, node in enumerate(ast.walk(tree))
        if id(node) not in left_out and id(node) in inside
        for kind in _kinds(node)
    ]


def apply(source: str, change: Change) -> ast.Module:
    """The module with one change, ready to be compiled."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    old = nodes[change.node]
    new = _changed(copy.deepcopy(old), change.kind)
    for parent in nodes:
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                setattr(parent, name, [new if it is old else it for it in cast("list[object]", value)])
    return ast.fix_missing_locations(tree)


def told(source: str, change: Change) -> str:
    """The changed code on one line, for people."""
    old = list(ast.walk(ast.parse(source)))[change.node]
    before = ast.unparse(old).splitlines()[0]
    after = ast.unparse(ast.fix_missing_locations(_changed(copy.deepcopy(old), change.kind))).splitlines()[0]
    return f"{before}  →  {after}"


def _kinds(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
        yield "comparison"
    elif isinstance(node, ast.BoolOp):
        yield "and-or"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not"
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield "operator"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "true-false"
    elif isinstance(node, ast.If | ast.IfExp) and not _is_negated_otherwise(node.test):
        yield "condition"
    elif isinstance(node, ast.Raise):
        yield "no raise"
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield "no call"
    elif isinstance(node, ast.Return) and not _is_nothing(node.value):
        yield "return None"


def _changed(node: ast.AST, kind: str) -> ast.AST:
    if isinstance(node, ast.Compare):
        node.ops = [_COMPARISONS[type(node.ops[0])]()]
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        node.op = _ARITHMETIC[type(node.op)]()
    elif isinstance(node, ast.Constant):
        node.value = not node.value
    elif isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    elif kind in ("no raise", "no call"):
        return ast.copy_location(ast.Pass(), node)
    return node


def _not_behaviour(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (it for it in (node.returns, *node.decorator_list) if it is not None)
            if node.name == "__repr__":
                yield node
        elif (
            (isinstance(node, ast.Expr) and _is_log(node.value))
            or isinstance(node, ast.JoinedStr)
            or (isinstance(node, ast.keyword) and node.arg == "strict")
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ):
            yield node


def _inside_functions(tree: ast.Module) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            found.update(id(it) for part in body for it in ast.walk(part))
    return found


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS


def _is_negated_otherwise(test: ast.expr) -> bool:
    """Whether another change of the test says the same as its negation; that of `<` to `<=` does not."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_nothing(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and (node.value is None or node.value is False))
