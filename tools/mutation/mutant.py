"""A mutant: a change of a file, and how a process comes to run it in place of the original.

The file stays as it is; so mutants can be tried side by side, and none is left behind. Where the module is
loaded, its functions get the changed code, which is quick; what was computed while it was loaded stays as it
was. Where it is not, a finder before all others compiles it with its change.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tools.mutation.changes import Change, apply


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of a file."""

    file: Path
    change: Change

    @property
    def module(self) -> str:
        """The name by which the server imports the file."""
        parts = self.file.with_suffix("").parts
        name = parts[len(parts) - parts[::-1].index("src") :]
        return ".".join(name[:-1] if name[-1] == "__init__" else name)

    def code(self) -> CodeType:
        """The module with the change."""
        tree = apply(self.file.read_text(), self.change)
        return compile(tree, str(self.file), "exec", dont_inherit=True)

    def install(self, imported: Callable[[], None]) -> None:
        """Have this process import the mutant; `imported` is called when it does."""
        if self.module in sys.modules:
            raise RuntimeError(f"{self.module} was imported before its mutant")
        sys.meta_path.insert(0, _Finder(self, imported))

    def replace(self) -> bool:
        """Give the loaded functions the changed code; False where that cannot be done.

        It cannot where two functions cannot be told apart, or the change takes a variable from a closure.
        """
        original = compile(self.file.read_text(), str(self.file), "exec", dont_inherit=True)
        before = Counter(_functions(original))
        after = {_key(it): it for it in _functions(self.code())}
        new = {_key(it): after[_key(it)] for it in before if _key(it) in after and it != after[_key(it)]}
        loaded = [it for it in gc.get_objects() if isinstance(it, FunctionType) and _key(it.__code__) in new]
        keys = Counter(_key(it) for it in before.elements())
        if not loaded or any(keys[it] > 1 for it in new):
            return False
        if any(it.__code__.co_freevars != new[_key(it.__code__)].co_freevars for it in loaded):
            return False
        for function in loaded:
            function.__code__ = new[_key(function.__code__)]
        return True


def _functions(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _functions(inner)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles one module with its change, whatever compiled form lies beside it."""

    def __init__(self, mutant: Mutant, imported: Callable[[], None]) -> None:
        super().__init__(mutant.module, str(mutant.file))
        self._mutant = mutant
        self._imported = imported

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader has one module
        self._imported()
        return self._mutant.code()


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant, imported: Callable[[], None]) -> None:
        self._mutant = mutant
        self._imported = imported

    def find_spec(self, fullname: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = self._mutant.file
        return importlib.util.spec_from_file_location(
            fullname,
            file,
            loader=_Loader(self._mutant, self._imported),
            submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None,
        )
