"""/api/v1/session/authorizations and …/devices: a person lets a program sign in, or does not.

Codes and requests travel in these addresses, so the audit log gets the addresses without them. A program gets
a session of its own and never this browser's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runplane.server.api.session.login_wire import (
    AuthorizationOut,
    DecidedOut,
    DecisionIn,
    WaitingDeviceOut,
    present_device,
    present_request,
)
from runplane.server.audit.journal import Note
from runplane.server.authz.guard import Allow, public
from runplane.server.core.errors import Forbidden, GrantRefused
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operations, Reply
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.browser import BrowserSession, BrowserSessions
from runplane.server.identity.logins import devices
from runplane.server.identity.logins.codes import give_code, is_recent_enough
from runplane.server.identity.logins.requests import AuthorizationRequest, answer_to, unseal
from runplane.server.identity.scopes import check_person, read_scope
from runplane.server.identity.service import Identity
from runplane.server.sql.unit import Unit

_RECORDED = NotAudited("the handler records each decision, without the codes of its address")


def add_logins(ops: Operations, identity: Identity, browsers: BrowserSessions, by_cookie: Allow) -> None:
    """The four operations. `by_cookie` is the declaration of what the handler opens for a session."""
    _add_authorizations(ops, identity, browsers, by_cookie)
    _add_devices(ops, identity, browsers, by_cookie)


def _add_authorizations(
    ops: Operations, identity: Identity, browsers: BrowserSessions, by_cookie: Allow
) -> None:
    @ops.get(
        "/authorizations/{requestId}",
        allow=public(
            "who asks is shown before the person signs in; the address itself is the sealed request"
        ),
        mode=Mode.LOOP,
        reply=AuthorizationOut,
        extension=True,
    )
    async def get_session_authorization(call: Call[Any]) -> AuthorizationOut:
        """Get which program wants to sign in, and where the answer goes."""
        return present_request(_request(identity, call))

    @ops.post(
        "/authorizations/{requestId}",
        allow=by_cookie,
        audit=_RECORDED,
        mode=Mode.LOOP,
        body=DecisionIn,
        reply=DecidedOut,
        refuses=(401, 403),
        extension=True,
    )
    async def decide_session_authorization(call: Call[DecisionIn]) -> Reply:
        """Let a program sign in as the person of this browser, or refuse it

        403 with the reason `sign-in-again` where the program wants a fresh sign-in.
        """
        session = await browsers.require(call)
        request = _request(identity, call)
        if session.realm.tenant_id != request.tenant_id:
            raise Forbidden(
                f"You are signed in at {session.realm.name}, and the program wants to sign in elsewhere."
            )
        members = await identity.lanes.write(lambda unit: _decide(identity, unit, call, session, request))
        location = answer_to(request.redirect_uri, session.realm, request.state, **members)
        return Reply(DecidedOut(redirect_to=location), headers=NO_STORE)


def _request(identity: Identity, call: Call[Any]) -> AuthorizationRequest:
    return unseal(identity.kek, call.path["requestId"], identity.clock.epoch())


def _decide(
    identity: Identity,
    unit: Unit,
    call: Call[DecisionIn],
    session: BrowserSession,
    request: AuthorizationRequest,
) -> dict[str, str]:
    approved = call.body.approve
    if approved and not is_recent_enough(unit, request, session.id):
        raise Forbidden(
            "The program wants you to sign in once more before you go on.",
            extra={"reason": "sign-in-again"},
        )
    _record(identity, unit, call, session, request.client_id, "/api/v1/session/authorizations")
    if not approved:
        return {"error": "access_denied", "error_description": "The person refused."}
    try:
        check_person(unit, session.user, read_scope(request.scope))
    except GrantRefused as error:
        return {"error": error.error, "error_description": error.message}
    return {"code": give_code(unit, request, session.user.id, session.id)}


def _add_devices(ops: Operations, identity: Identity, browsers: BrowserSessions, by_cookie: Allow) -> None:
    @ops.get(
        "/devices/{userCode}",
        allow=by_cookie,
        mode=Mode.LOOP,
        reply=WaitingDeviceOut,
        refuses=(401, 403, 429),
        extension=True,
    )
    async def get_session_device(call: Call[Any]) -> Reply:
        """Get which machine waits with a code."""
        session = await browsers.require(call)
        row = await identity.lanes.read(lambda unit: _find(identity, unit, call, session))
        return Reply(present_device(row), headers=NO_STORE)

    @ops.post(
        "/devices/{userCode}",
        allow=by_cookie,
        audit=_RECORDED,
        mode=Mode.LOOP,
        status=204,
        body=DecisionIn,
        refuses=(401, 403, 429),
        extension=True,
    )
    async def decide_session_device(call: Call[DecisionIn]) -> Reply:
        """Let a waiting machine sign in as the person of this browser, or refuse it."""
        session = await browsers.require(call)

        def job(unit: Unit) -> None:
            row = _find(identity, unit, call, session)
            devices.decide(unit, row, session.user, session.id, approve=call.body.approve)
            _record(identity, unit, call, session, row.client_id, "/api/v1/session/devices")

        await identity.lanes.write(job)
        return Reply(headers=NO_STORE)


def _find(identity: Identity, unit: Unit, call: Call[Any], session: BrowserSession) -> devices.DeviceRow:
    source = call.request.source_ip
    return devices.find_waiting(identity, unit, session.user, source, call.path["userCode"])


def _record(
    identity: Identity, unit: Unit, call: Call[DecisionIn], session: BrowserSession, client_id: str, url: str
) -> None:
    origin = call.origin(session.user.email, "User", session.user.tenant_id)
    decision = "approved" if call.body.approve else "refused"
    note = Note("sign-in-request", session.id, client_id, {"decision": decision})
    identity.journal.write(unit, msgspec.structs.replace(origin, url=url), "update", 200, note)
