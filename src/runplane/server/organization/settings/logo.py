"""The logo of a tenant: base64 on the wire, checked by content, kept as bytes."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from runplane.server.core.errors import Invalid, TooLarge
from runplane.server.organization.settings.images import media_type
from runplane.server.organization.settings.store import delete_logo, select_logo, upsert_logo
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

MAX_BYTES: Final = 128 * 1024
"""Of the picture itself; base64 makes a third more of it."""


def get_logo(reader: Reader, tenant_id: int) -> str | None:
    """The logo in base64, None where there is none."""
    image = select_logo(reader, tenant_id)
    return None if image is None else base64.b64encode(image).decode("ascii")


def get_picture(reader: Reader, tenant_id: int) -> tuple[str, str] | None:
    """The media type of the logo and the logo in base64, None where there is none."""
    image = select_logo(reader, tenant_id)
    return None if image is None else (media_type(image), base64.b64encode(image).decode("ascii"))


def replace_logo(unit: Unit, tenant_id: int, text: str, updated_by: str) -> int:
    """Store the picture that `text` holds and return its size in bytes; an empty text takes the logo away.

    Takes plain base64 and what browsers make of a file (`data:image/png;base64,…`). Raises Invalid for other
    text, TooLarge and UnsupportedMedia for a picture that is not allowed.
    """
    if not text:
        delete_logo(unit, tenant_id)
        return 0
    image = _decode(text)
    if len(image) > MAX_BYTES:
        raise TooLarge(f"A logo may have at most {MAX_BYTES // 1024} KB; this one has {len(image) // 1024}.")
    upsert_logo(unit, tenant_id, image, media_type(image), updated_by)
    return len(image)


def _decode(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        found = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise Invalid("Send the logo as the base64 text of a PNG, JPEG or WebP file.")
    return found
