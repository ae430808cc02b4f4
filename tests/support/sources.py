"""The source tree as data for the architecture tests: files, syntax trees, imports."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True)
class Source:
    """One Python file of the package; `path` is relative to `src/runplane`, `module` is its dotted name."""

    path: str
    module: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def imports(self) -> frozenset[str]:
        """Absolute dotted names, of modules and of what is taken from them, wherever they are imported."""
        return frozenset(self._imports())

    def _imports(self) -> Iterator[str]:
        package = self.module.split(".")
        if not self.path.endswith("__init__.py"):
            package = package[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                origin = ".".join([*base, *([node.module] if node.module else [])])
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in node.names)


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the package."""
    package = SRC / "runplane"
    return tuple(
        Source(
            path=file.relative_to(package).as_posix(),
            module=".".join(file.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"),
            text=file.read_text(encoding="utf-8"),
        )
        for file in sorted(package.rglob("*.py"))
    )


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or would be, committed; without git, every file outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [
            path
            for path in ROOT.rglob("*")
            if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(path for path in found if path.is_file()))
