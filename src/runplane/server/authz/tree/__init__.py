"""The scope tree: looked up and kept in step (authz.tree.store)."""

from runplane.server.authz.tree.store import (
    SYSTEM,
    Node,
    add,
    add_tenant,
    along,
    at,
    find,
    hold,
    move,
    remove,
    rename,
)

__all__ = [
    "SYSTEM",
    "Node",
    "add",
    "add_tenant",
    "along",
    "at",
    "find",
    "hold",
    "move",
    "remove",
    "rename",
]
