"""The forms an operation's `allow=` can take, and the one place that decides them.

An operation is refused at registration without one of these, so no handler is reachable by accident.
`.at(...)` names the scope a request acts on; `.anywhere()` asks only that the permission is held somewhere
and hands the handler the scopes, which its store must filter by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from runplane.server.authz.explain import refusal
from runplane.server.authz.permissions import Action, Permission, ResourceType, permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.errors import Forbidden, NotFound
from runplane.server.core.scope import EMPTY, SYSTEM_PATH, ScopeSet

# Takes the call, returns the path of the scope the request acts on; raises NotFound for an unknown one.
ScopeSource = Callable[[Any], str]


class Form(Enum):
    """How an operation is open."""

    PUBLIC = "public"
    SIGNED_IN = "signed in"
    CAN = "can"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Allow:
    """A declaration of who may call an operation."""

    form: Form
    reason: str = ""
    permission: Permission | None = None
    source: ScopeSource | None = None
    # Whether a token with a scope may call what asks for no permission.
    scoped: bool = False
    # False while a permission is named and not where it must be held: such an operation is refused.
    finished: bool = True

    def anywhere(self) -> Allow:
        """The permission must be held at some scope; the handler filters by `call.scopes`."""
        return replace(self, source=None, finished=True)

    def at(self, source: ScopeSource) -> Allow:
        """The permission must be held at the scope that `source` finds for the request."""
        return replace(self, source=source, finished=True)

    def __str__(self) -> str:
        return str(self.permission) if self.permission else f"{self.form.value}: {self.reason}"


def public(reason: str) -> Allow:
    """Anybody may call. `reason` says why that is safe."""
    return Allow(Form.PUBLIC, reason)


def signed_in(reason: str, *, scoped: bool = False) -> Allow:
    """Any valid token may call. `reason` says what narrows the answer instead.

    A token with a scope may not, unless `scoped` says so: what asks for no permission cannot be cut down to
    one, and a token for reading must not be able to make an access key.
    """
    return Allow(Form.SIGNED_IN, reason, scoped=scoped)


def agent(reason: str) -> Allow:
    """The agent of a cluster may call, and nobody else. `reason` says what it may touch."""
    return Allow(Form.AGENT, reason)


def can(action: Action, resource: ResourceType) -> Allow:
    """The caller must hold a permission; finish with `.at(...)` or `.anywhere()`."""
    return Allow(Form.CAN, permission=permission(action, resource), finished=False)


def own_tenant(call: Any) -> str:
    """A scope source: the caller's tenant."""
    return call.principal.tenant_path


def the_system(_: Any) -> str:
    """A scope source: the whole installation, above every tenant."""
    return SYSTEM_PATH


def enter(allow: Allow, principal: Principal, operation_id: str) -> ScopeSet:
    """The check before any work: may this caller call this operation at all?

    Returns the scopes at which the permission is held, cut to the caller's tenant. Raises Forbidden.
    """
    if principal.only is not None and operation_id not in principal.only:
        raise Forbidden(
            "This token was given for changing a temporary password and can do nothing else.",
            "Set a password of your own with POST /api/v1/me/password, then sign in again.",
        )
    _keep_agents_apart(allow, principal)
    if allow.permission is None:
        if principal.scope and not allow.scoped:
            raise Forbidden(
                "A token with a scope cannot do this, whatever its scope is.",
                f"This one is confined to: {principal.scope}. Ask for a token without a scope.",
            )
        return EMPTY
    scopes = principal.grants.scopes(allow.permission)
    if not scopes:
        raise refusal(allow.permission, principal)
    # A system-wide grant is everything; here it means everything of the caller's own tenant.
    return ScopeSet((principal.tenant_path,)) if scopes.contains(principal.tenant_path) else scopes


def _keep_agents_apart(allow: Allow, principal: Principal) -> None:
    # Each side is closed to the other: what rests in a cluster opens no API, and no user speaks for one.
    if (allow.form is Form.AGENT) == (principal.kind is SubjectKind.CLUSTER):
        return
    if allow.form is Form.AGENT:
        raise Forbidden(
            "Only the agent of a cluster may call this.",
            "Its client id is the cluster's uuid; its secret is in the cluster's install information.",
        )
    raise Forbidden("This token belongs to the agent of a cluster and opens nothing but the agent's calls.")


def decide(allow: Allow, call: Any) -> None:
    """The check at the scope a request acts on, inside its unit of work. Raises Forbidden or NotFound."""
    if allow.permission is None or allow.source is None:
        return
    path = allow.source(call)
    if path != SYSTEM_PATH and not path.startswith(call.principal.tenant_path):
        # A system-wide grant contains every path, but another tenant does not exist for the caller.
        raise NotFound("There is no such object.")
    if not call.principal.grants.allows(allow.permission, path):
        raise refusal(allow.permission, call.principal, path)
