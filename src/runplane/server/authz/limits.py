"""Nobody gains by managing others: what a caller may do to a subject that holds more than the caller.

Resetting a password, making a new secret or deleting an account are ways to act as, or against, somebody.
They are refused when the subject holds a permission, at some scope, that the caller does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runplane.server.authz.explain import describe
from runplane.server.authz.permissions import Permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import load_grants
from runplane.server.core.errors import Forbidden
from runplane.server.core.scope import ScopeSet
from runplane.server.sql.prepared import Reader

# How many missing permissions a sentence names; the answer holds all of them.
_NAMED = 5


def must_cover(
    reader: Reader, caller: Principal, kind: SubjectKind, key: str, groups: Sequence[str] = ()
) -> None:
    """Raise Forbidden when the subject outranks the caller.

    `key` is the subject as access rules store it (authz.store.load_grants).
    """
    theirs = load_grants(reader, caller.tenant_id, kind, key, groups)
    if caller.grants.covers(theirs):
        return
    for rule in theirs.rules:
        if any(not caller.grants.allows(permission, rule.path) for permission in rule.permissions):
            where = describe(rule.path, caller)[-1]
            raise Forbidden(
                "You may not do this to somebody who holds more than you do.",
                f"The {kind.value} is {rule.role_name} in {where}, which you do not hold in full.",
            )


def must_hold(caller: Principal, permissions: Iterable[Permission], path: str) -> None:
    """Raise Forbidden unless the caller holds each of `permissions` at the scope `path`.

    The rule for whoever gives or takes a role: all that it grants, not only the right to manage rules.
    """
    missing = sorted(it.text for it in caller.grants.missing(permissions, ScopeSet((path,))))
    if not missing:
        return
    named = ", ".join(missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    where = describe(path, caller)
    raise Forbidden(
        f"Nobody grants or takes away more than they hold: you lack {named}{more} in {where[-1]}.",
        f"The role grants permissions that you do not hold at {' / '.join(where)}.",
        extra={"missingPermissions": missing},
    )
