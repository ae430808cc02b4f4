"""/api/v1/trusts: which tokens of other issuers act as which service account. Extensions of ours.

There is no resource type for trusts among the contract's 43, and none is needed: a trust is one more way to
act as a service account, so it takes the permissions on service accounts (`identity.trusts.service`).
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.trusts.wire import (
    TrustIn,
    TrustOut,
    TrustsOut,
    TrustTestIn,
    TrustTestOut,
    present,
    present_checks,
)
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import READ, SERVICE_ACCOUNT, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, CountOut, Mode, Operation, Operations
from runplane.server.identity.service import Identity
from runplane.server.identity.trusts import service
from runplane.server.identity.trusts.model import TRUSTS

_TRUST = Audited("trust")
_READING = can(READ, SERVICE_ACCOUNT).anywhere()
_CHANGING = can(UPDATE, SERVICE_ACCOUNT).anywhere()


def operations(identity: Identity) -> list[Operation]:
    """Every operation of this room."""
    ops = Operations("/api/v1/trusts", tag="Trusts")
    _add_reads(ops)
    _add_writes(ops, identity)
    _add_test(ops, identity)
    return ops.items


def _add_reads(ops: Operations) -> None:
    @ops.get("", allow=_READING, listing=TRUSTS, reply=TrustsOut, extension=True)
    def get_trusts(call: Call[Any]) -> TrustsOut:
        """List trusts"""
        rows, following = service.list_trusts(call.unit, call.principal, call.page)
        return TrustsOut(trusts=[present(it) for it in rows], next=following)

    @ops.get("/count", allow=_READING, listing=TRUSTS, reply=CountOut, extension=True)
    def count_trusts(call: Call[Any]) -> CountOut:
        """Count trusts"""
        return CountOut(count=service.count_trusts(call.unit, call.principal, call.page))

    @ops.get("/{trustId}", allow=_READING, mode=Mode.HOT, reply=TrustOut, extension=True)
    def get_trust(call: Call[Any]) -> TrustOut:
        """Get a trust"""
        return present(service.get_trust(call.reader, call.principal, call.path["trustId"]))


def _add_writes(ops: Operations, identity: Identity) -> None:
    @ops.post("", status=201, allow=_CHANGING, body=TrustIn, reply=TrustOut, audit=_TRUST, extension=True)
    def create_trust(call: Call[TrustIn]) -> TrustOut:
        """Create a trust

        Takes what a new secret of the service account takes: the permission to change service accounts, and
        to hold all that the account holds.
        """
        row = service.create_trust(call.unit, call.principal, call.body.draft(identity.public_url))
        call.note.target(row.id, row.name, serviceAccountId=row.service_account_id, issuer=row.issuer)
        return present(row)

    @ops.put("/{trustId}", allow=_CHANGING, body=TrustIn, reply=TrustOut, audit=_TRUST, extension=True)
    def update_trust(call: Call[TrustIn]) -> TrustOut:
        """Replace a trust

        Ends the tokens that were given under it.
        """
        draft = call.body.draft(identity.public_url)
        row = service.replace_trust(call.unit, call.principal, call.path["trustId"], draft)
        facts = {"serviceAccountId": row.service_account_id, "issuer": row.issuer, "enabled": row.enabled}
        call.note.target(row.id, row.name, **facts)
        return present(row)

    @ops.delete("/{trustId}", status=204, allow=_CHANGING, audit=_TRUST, extension=True)
    def delete_trust(call: Call[Any]) -> None:
        """Delete a trust

        Ends the tokens that were given under it.
        """
        row = service.delete_trust(call.unit, call.principal, call.path["trustId"])
        call.note.target(row.id, row.name)


def _add_test(ops: Operations, identity: Identity) -> None:
    @ops.post(
        "/{trustId}/test",
        allow=_CHANGING,
        mode=Mode.LOOP,
        body=TrustTestIn,
        reply=TrustTestOut,
        writes=False,
        extension=True,
    )
    async def test_trust(call: Call[TrustTestIn]) -> TrustTestOut:
        """Hold a token against a trust

        Says of each claim whether it is as the trust wants it. The token is not exchanged, and not kept.
        """
        trust_id, now = call.path["trustId"], identity.clock.epoch()
        token = call.body.token
        return present_checks(
            await service.try_out(call.read, identity.issuers, call.principal, trust_id, token, now)
        )
