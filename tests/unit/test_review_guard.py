"""What an operation may not leave open, and that no grant reaches another tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from runplane.server.authz.grants import Grant, Grants
from runplane.server.authz.guard import Allow, can, decide, own_tenant, public
from runplane.server.authz.limits import must_hold
from runplane.server.authz.permissions import ALL_PERMISSIONS, READ, USERS, permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.bootstrap import FirstAdmin
from runplane.server.core.errors import Forbidden, NotFound
from runplane.server.http.operation import Audited, Mode, NotAudited, Operation

READ_USERS = can(READ, USERS)


@dataclass
class Caller:
    principal: Principal


def caller(path: str) -> Caller:
    held = frozenset({permission(READ, USERS)})
    grants = Grants([Grant(1, 1, "Role", held, path)])
    return Caller(Principal(1001, "runai", SubjectKind.USER, "u", "u@example.com", grants=grants))


def operation(allow: Allow, **options: Any) -> Operation:
    return Operation("x", "POST", "/x", allow, lambda _: None, "X", **options)


def test_an_unfinished_permission_is_refused() -> None:
    """It would let a permission at any scope reach a handler that does not filter by scope."""
    with pytest.raises(ValueError, match="finish"):
        operation(READ_USERS)
    operation(READ_USERS.anywhere())
    operation(READ_USERS.at(own_tenant))


def test_a_change_without_a_word_on_auditing_is_refused() -> None:
    with pytest.raises(ValueError, match="audit"):
        operation(public("test"), writes=True)


@pytest.mark.parametrize("mode", [Mode.LOOP, Mode.HOT])
def test_an_audited_change_outside_the_pipelines_unit_is_refused(mode: Mode) -> None:
    """The pipeline writes the row in its own unit; there is none, so the row would be missing in silence."""
    with pytest.raises(ValueError, match="audited"):
        operation(public("test"), writes=True, mode=mode, audit=Audited("thing"))
    operation(public("test"), writes=True, mode=mode, audit=NotAudited("it writes its own row"))


@pytest.mark.parametrize("held", ["/", "/1001/"])
@pytest.mark.parametrize("path", ["/2002/", "/2002/c/d1/", "/10011/"])
def test_another_tenants_object_does_not_exist(held: str, path: str) -> None:
    """A grant for the whole system means the whole of the caller's tenant."""
    with pytest.raises(NotFound):
        decide(READ_USERS.at(lambda _: path), caller(held))
    decide(READ_USERS.at(lambda _: "/1001/c/"), caller(held))


def test_the_system_scope_needs_a_grant_there() -> None:
    decide(READ_USERS.at(lambda _: "/"), caller("/"))
    with pytest.raises(Forbidden):
        decide(READ_USERS.at(lambda _: "/"), caller("/1001/"))


def test_the_first_administrators_password_does_not_show_itself() -> None:
    assert "hush" not in repr(FirstAdmin("a@example.com", "hush", None))


@pytest.mark.parametrize(("lacking", "rest"), [(1, ""), (5, ""), (6, " and 1 more"), (9, " and 4 more")])
def test_what_is_lacking_is_named_up_to_five_and_then_counted(lacking: int, rest: str) -> None:
    principal = caller("/1001/").principal
    wanted = sorted((it for it in ALL_PERMISSIONS if it.resource is not USERS), key=lambda it: it.text)
    names = [it.text for it in wanted[:lacking]]
    with pytest.raises(Forbidden) as refused:
        must_hold(principal, [permission(READ, USERS), *wanted[:lacking]], "/1001/")
    assert f"you lack {', '.join(names[:5])}{rest} in " in refused.value.message
    assert refused.value.extra == {"missingPermissions": names}
    must_hold(principal, [permission(READ, USERS)], "/1001/")


def test_a_declaration_tells_who_may_call() -> None:
    """The table of operations in the documents is made of these."""
    assert str(READ_USERS.anywhere()) == str(permission(READ, USERS))
    assert str(public("a health check")) == "public: a health check"
