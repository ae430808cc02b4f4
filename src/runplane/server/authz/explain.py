"""Refusals that explain themselves: which permission is missing, where, and which roles would grant it."""

from __future__ import annotations

from collections.abc import Callable

from runplane.server.authz.catalogue import roles_granting
from runplane.server.authz.permissions import Permission
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Forbidden
from runplane.server.core.ids import new_id
from runplane.server.core.scope import ancestors

_VERB = {"create": "create", "read": "view", "update": "change", "delete": "delete", "sync": "synchronize"}


def describe(path: str, principal: Principal) -> list[str]:
    """The scopes from the caller's tenant down to `path`, in words, widest first."""
    words: list[str] = []
    for node in ancestors(path)[1:]:
        last = node.strip("/").split("/")[-1]
        depth = node.strip("/").count("/")
        if depth == 0:
            words.append(f"tenant {principal.realm}")
        elif depth == 1:
            words.append(f"cluster {last}")
        elif depth == 2:
            words.append(f"department {last.removeprefix('d')}")
        else:
            words.append(f"project {last.removeprefix('p')}")
    return words or ["system"]


def refusal(
    permission: Permission,
    principal: Principal,
    path: str | None = None,
    *,
    new_decision_id: Callable[[], str] = new_id,
) -> Forbidden:
    """The 403 for a missing `permission` at `path` (None: it is held nowhere).

    The role names come from the predefined catalogue, which every signed-in person may read.
    """
    examined = describe(path or principal.tenant_path, principal)
    what = f"{_VERB[permission.action.value]} {permission.resource.display_name.lower()}"
    where = f"in {examined[-1]}" if path else "anywhere"
    roles = roles_granting(permission)
    granted_by = f"Roles that grant it: {', '.join(roles)}." if roles else "No predefined role grants it."
    why = f"none of your access rules grants {permission}"
    if cut_off(permission, principal, path):
        why = f"you hold {permission}, and this token is confined to the scope {principal.scope}"
        granted_by = "A token without a scope, or with a wider one, has it."
    return Forbidden(
        f"You may not {what} {where}: {why}.",
        f"Missing {permission} at {' / '.join(examined)}. {granted_by}",
        extra={
            "decision": {
                "id": new_decision_id(),
                "permission": permission.text,
                "scopePath": examined,
                "roles": list(roles),
            }
        },
    )


def cut_off(permission: Permission, principal: Principal, path: str | None) -> bool:
    """Whether a missing `permission` is missing only because of the scope of the caller's token."""
    if not principal.scope:
        return False
    held = principal.uncut.scopes(permission)
    return held.contains(path) if path else bool(held)
