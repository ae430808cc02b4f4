"""What the list of people offers (contract 1: it alone takes four operators and shows 500 by default)."""

from __future__ import annotations

from typing import Final

from runplane.server.core.listing import Envelope, Field, Kind, Listing, Operator

_TEXT = (Operator.EQUAL, Operator.AT_MOST, Operator.AT_LEAST, Operator.CONTAINS)
_TIME = (Operator.EQUAL, Operator.AT_MOST, Operator.AT_LEAST)

USERS: Final = Listing(
    "users",
    Field("username", search=True, operators=_TEXT),
    Field("createdBy", operators=_TEXT),
    Field("lastLogin", Kind.TIME, operators=_TIME),
    Field("creationTime", Kind.TIME, operators=_TIME),
    Field("lastUpdated", Kind.TIME, operators=_TIME),
    Field("isLocal", Kind.BOOLEAN, sort=False, operators=(Operator.EQUAL,)),
    Field("type", filter=False),
    envelope=Envelope(None),
    default_limit=500,
)
