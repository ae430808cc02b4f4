"""Reading and writing the YAML of the organization file.

The tree of nodes is turned into values here, not by PyYAML: that keeps the line of every part for messages,
and refuses what a configuration file needs none of (aliases, tags, a key twice).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml

from runplane.cli.organization.document import Organization
from runplane.cli.organization.failures import OrganizationError

_PLAIN: Final = tuple(f"tag:yaml.org,2002:{it}" for it in ("str", "int", "float", "bool", "null"))
_COLLECTIONS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_TIME: Final = "tag:yaml.org,2002:timestamp"
MAX_DEPTH: Final = 20


def _place(loader: Any) -> Any:
    # The type stubs leave the type of the next event open.
    return loader.peek_event().start_mark


class _Loader(yaml.SafeLoader):
    """Safe, without aliases, and done with a file that is nested deep before it has read it all."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(
                None, None, "aliases are not understood here", _place(self)
            )
        # PyYAML looks at every open bracket for each new one
        if self.depth > MAX_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, "this is nested too deep", _place(self))
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class Source:
    """A file that was read: its values and where they stand."""

    def __init__(self, name: str, text: str) -> None:
        """Raises OrganizationError, with the line, for text that is no organization."""
        self.name = name
        self._lines: dict[str, int] = {}
        try:
            self._loader: Any = _Loader(text)
            root = self._loader.get_single_node()
            data: Any = {} if root is None else self._value(root, "$", 0)
        except (yaml.MarkedYAMLError, RecursionError) as error:
            raise OrganizationError([self._explain(error)]) from None
        except yaml.YAMLError:
            raise OrganizationError([f"{name}:1: this is no text that YAML allows."]) from None
        try:
            self.organization = msgspec.convert(data, Organization)
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at `")
            raise OrganizationError([f"{self.at(path.rstrip('`'))}: {text}."]) from None

    def at(self, path: str) -> str:
        """`file:line` of the value at a path such as `$.projects[3]`, or of what holds it."""
        while path and path not in self._lines:
            path = path[: max(path.rfind("."), path.rfind("["))] if ("." in path or "[" in path) else ""
        return f"{self.name}:{self._lines.get(path, 1)}"

    def _explain(self, error: yaml.MarkedYAMLError | RecursionError) -> str:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        return f"{self.name}:{line}: {getattr(error, 'problem', None) or 'this is nested too deep'}."

    def _value(self, node: yaml.Node, path: str, depth: int) -> Any:
        self._lines[path] = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise _refused(node, "this is nested too deep")
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            raise _refused(node, "tags are not understood here")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(it, f"{path}[{index}]", depth + 1) for index, it in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, inner in node.value:
            key = self._scalar(name) if isinstance(name, yaml.ScalarNode) else None
            if not isinstance(key, str):
                raise _refused(name, "a name is expected here; put quotes around a number")
            if key in found:
                raise _refused(name, f"{key} stands here twice")
            found[key] = self._value(inner, f"{path}.{key}", depth + 1)
            # The line of a member is that of its name: an indented value begins one below.
            self._lines[f"{path}.{key}"] = name.start_mark.line + 1
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag == _TIME:
            return str(node.value)
        if node.tag not in _PLAIN:
            raise _refused(node, "tags are not understood here")
        try:
            value: Any = self._loader.construct_object(node)
        except ValueError:
            raise _refused(node, "this is no number") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(node, "this is no number")
        return value


def _refused(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def dump(data: Mapping[str, Any]) -> str:
    """The YAML of plain data, members in the order given."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=110)
