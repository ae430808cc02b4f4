"""The tree of scopes and the algebra over it: system › tenant › cluster › department › project.

A node is a *path*: `/`, `/1001/`, `/1001/<cluster>/`, `/1001/<cluster>/d5/`, `/1001/<cluster>/d5/p42/`.
A path starts with the path of each of its ancestors, so "is below" is a prefix test here and an index range
in SQL, and a set of scopes is the short list of its topmost paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SYSTEM_PATH = "/"


class ScopeType(StrEnum):
    """The kinds of scope, widest first."""

    SYSTEM = "system"
    TENANT = "tenant"
    CLUSTER = "cluster"
    DEPARTMENT = "department"
    PROJECT = "project"


_DEPTHS = {kind: depth for depth, kind in enumerate(ScopeType)}
_MARK = {ScopeType.DEPARTMENT: "d", ScopeType.PROJECT: "p"}


def tenant_path(tenant_id: int) -> str:
    """The path of a tenant."""
    return f"/{tenant_id}/"


def child_path(parent: str, kind: ScopeType, ref: str) -> str:
    """The path of the `kind` with identifier `ref` under `parent`."""
    return f"{parent}{_MARK.get(kind, '')}{ref}/"


def ancestors(path: str) -> list[str]:
    """`path` and everything above it, widest first."""
    parts = path.strip("/").split("/") if path != SYSTEM_PATH else []
    return [SYSTEM_PATH, *("/" + "/".join(parts[: i + 1]) + "/" for i in range(len(parts)))]


@dataclass(frozen=True, slots=True)
class ScopeSet:
    """A set of scopes closed downwards, held as its topmost paths, sorted, none below another."""

    roots: tuple[str, ...] = ()

    @staticmethod
    def of(paths: Iterable[str]) -> ScopeSet:
        """The smallest set that contains each of `paths` and everything below it."""
        kept: list[str] = []
        for path in sorted(set(paths)):
            if not (kept and path.startswith(kept[-1])):
                kept.append(path)
        return ScopeSet(tuple(kept))

    def contains(self, path: str) -> bool:
        """Whether the node at `path` is in the set."""
        return path.startswith(self.roots) if self.roots else False

    def includes(self, other: ScopeSet) -> bool:
        """Whether every scope of `other` is in this set."""
        return all(self.contains(root) for root in other.roots)

    def lifted(self, kind: ScopeType) -> ScopeSet:
        """This set with each scope below a `kind` replaced by the `kind` it lies in.

        What belongs to a cluster as a whole is seen by whoever may see such things in a part of it.
        """
        depth = _DEPTHS[kind]
        parts = (
            [*root.strip("/").split("/")[:depth], ""] if root != SYSTEM_PATH else [""] for root in self.roots
        )
        return ScopeSet.of("/" + "/".join(it) for it in parts)

    def union(self, other: ScopeSet) -> ScopeSet:
        """Everything in either set."""
        return ScopeSet.of((*self.roots, *other.roots))

    def intersection(self, other: ScopeSet) -> ScopeSet:
        """Everything in both sets."""
        mine = (root for root in self.roots if other.contains(root))
        theirs = (root for root in other.roots if self.contains(root))
        return ScopeSet.of((*mine, *theirs))

    def __bool__(self) -> bool:
        return bool(self.roots)


EMPTY = ScopeSet()
EVERYWHERE = ScopeSet((SYSTEM_PATH,))
