"""The realm that an address names."""

from __future__ import annotations

from typing import Any

from runplane.server.core.errors import NotFound
from runplane.server.http.call import Call
from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity


async def realm_of(identity: Identity, call: Call[Any]) -> Realm:
    """The realm of `/auth/realms/{realm}/…`. Raises NotFound."""
    name = call.path["realm"]
    realm = identity.realms.by_name(name)
    if realm is None and identity.realms.reload_due():
        # another replica may have made it
        await identity.book.read(identity.realms.load)
        realm = identity.realms.by_name(name)
    if realm is None:
        raise NotFound("There is no such realm on this server.")
    return realm
