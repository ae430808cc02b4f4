"""From method and path to operation: a tree of path segments.

Starlette tries routes one after the other, 120-260 µs among the contract's 391 (reference/anchors 3); a walk
over a handful of segments costs two. A fixed segment wins over a parameter, which settles every
`count`-versus-`{id}` ambiguity of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable

from runplane.server.core.errors import MethodNotAllowed, NotFound
from runplane.server.http.operation import Operation, Surface

_NO_PARAMS: dict[str, str] = {}


class _Node:
    __slots__ = ("fixed", "methods", "parameter")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        # method → operation and the names of its path parameters, in order
        self.methods: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Router:
    """Built once at start-up; raises ValueError for two operations at one method and path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        self._static: dict[tuple[str, str], Operation] = {}
        for operation in operations:
            for path in (operation.path, *operation.aliases):
                self._add(operation, path)

    def _add(self, operation: Operation, path: str) -> None:
        node = self._root
        names: list[str] = []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        if operation.method in node.methods:
            raise ValueError(f"{operation.method} {path} is declared twice")
        node.methods[operation.method] = (operation, tuple(names))
        if not names:
            self._static[operation.method, path] = operation

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its path parameters. HEAD is answered by GET.

        Raises NotFound for an unknown path, MethodNotAllowed for a known one without this method.
        """
        if method == "HEAD":
            method = "GET"
        static = self._static.get((method, path))
        if static is not None:
            return static, _NO_PARAMS
        if "\0" in path or not path.startswith("/"):
            raise NotFound("There is nothing at this address.")
        values: list[str] = []
        node = _walk(self._root, path[1:].split("/"), 0, values)
        if node is None:
            raise NotFound(
                "There is nothing at this address.", "The API documentation is at /api/docs on this server."
            )
        found = node.methods.get(method)
        if found is None:
            of_tokens = any(it.surface is not Surface.MODERN for it, _ in node.methods.values())
            raise MethodNotAllowed(tuple(sorted(node.methods)), of_tokens=of_tokens)
        operation, names = found
        return operation, dict(zip(names, values, strict=True))


def _walk(node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
    if at == len(segments):
        return node if node.methods else None
    segment = segments[at]
    fixed = node.fixed.get(segment)
    if fixed is not None:
        found = _walk(fixed, segments, at + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _walk(node.parameter, segments, at + 1, values)
    if found is None:
        values.pop()
    return found
