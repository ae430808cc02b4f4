"""GET /metrics, outside the contract.

Open to everybody unless the setting `metrics.token` says otherwise: the figures name operations, counts and
ages, and never a tenant, a person or an object. The token is a setting and no credential of runplane's own,
because Prometheus keeps one fixed text in a file and must be able to scrape while nobody can sign in.
"""

from __future__ import annotations

import hmac
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from runplane.server.api.metrics.scrape import Scrape
from runplane.server.authz.guard import public
from runplane.server.core.errors import Unauthenticated
from runplane.server.core.secrets import Secret
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Reply

_OPEN = public("Figures without names; whoever wants them closed sets metrics.token, which this checks.")


def operations(scrape: Scrape) -> list[Operation]:
    """The operation."""
    ops = Operations("", tag="Health")

    @ops.get("/metrics", allow=_OPEN, mode=Mode.LOOP, reply=bytes, extension=True, limited=False)
    async def get_metrics(call: Call[Any]) -> Reply:
        """Give the server's figures to Prometheus.

        With the setting `metrics.token` it takes that text as a bearer token.
        """
        if scrape.token is not None:
            _check(call.request.header(b"authorization"), scrape.token)
        return Reply(await scrape.text(), media_type=CONTENT_TYPE_LATEST.encode("ascii"))

    return ops.items


def _check(header: str, token: Secret) -> None:
    kind, _, given = header.partition(" ")
    right = hmac.compare_digest(given.strip().encode("utf-8"), token.reveal().encode("utf-8"))
    if kind.lower() != "bearer" or not right:
        raise Unauthenticated(
            "Send the text of the setting metrics.token as a bearer token.", reason="metrics_token"
        )
