"""Identifiers. UUIDv7 (time-ordered, so that indexes stay compact) or decimal, never an underscore.

The official client turns every `_` of a path into `-`, so an identifier that held one could not be addressed.
"""

from __future__ import annotations

import os
import re
import time

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def new_id() -> str:
    """A new UUIDv7 (RFC 9562 section 5.7) in canonical text form."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in canonical lower-case form."""
    return _UUID.match(text) is not None
