"""What an uploaded picture really is: the content decides, never a name or a declared type.

Only the frame is read, with the bounds of a picture and where it ends. What decodes pixels is the part of an
image library that has holes, and nothing here needs a pixel. SVG is refused: it is a document with scripts.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from runplane.server.core.errors import Invalid, TooLarge, UnsupportedMedia

MAX_SIDE: Final = 4096
"""Pixels: what a browser unpacks grows with the area, not with the file."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# Start-of-frame markers of JPEG; the three left out announce tables.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def media_type(image: bytes) -> str:
    """`image/png`, `image/jpeg` or `image/webp`. Raises UnsupportedMedia, Invalid and TooLarge."""
    try:
        kind, width, height = _look(image)
    except (IndexError, struct.error) as error:
        raise _broken() from error
    if not width or not height:
        raise _broken()
    if max(width, height) > MAX_SIDE:
        raise TooLarge(f"A logo may be at most {MAX_SIDE} pixels wide and high; this one is larger.")
    return kind


def _look(image: bytes) -> tuple[str, int, int]:
    if image.startswith(_PNG):
        return "image/png", *_png(image)
    if image.startswith(_JPEG):
        return "image/jpeg", *_jpeg(image)
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp", *_webp(image)
    raise UnsupportedMedia(
        "A logo must be a PNG, JPEG or WebP picture; the content of this file is something else.",
        "SVG is not taken, because such a file can carry scripts.",
    )


def _broken() -> Invalid:
    return Invalid("The picture is damaged or does not end where it should; save it again and retry.")


def _png(image: bytes) -> tuple[int, int]:
    """Width and height. Every chunk must be whole, the last one IEND, with nothing behind it."""
    at, name, bounds = len(_PNG), b"", (0, 0)
    while at < len(image) and name != b"IEND":
        (length,) = struct.unpack_from(">I", image, at)
        name = image[at + 4 : at + 8]
        (checksum,) = struct.unpack_from(">I", image, at + 8 + length)
        if zlib.crc32(image[at + 4 : at + 8 + length]) != checksum or (at == len(_PNG)) != (name == b"IHDR"):
            raise _broken()
        if name == b"IHDR":
            bounds = struct.unpack_from(">II", image, at + 8)
        at += 12 + length
    if name != b"IEND" or at != len(image):
        raise _broken()
    return bounds


def _jpeg(image: bytes) -> tuple[int, int]:
    """Width and height from the first frame. The file must close with the marker of the end."""
    if not image.endswith(b"\xff\xd9"):
        raise _broken()
    at = 2
    while True:
        if image[at] != 0xFF:
            raise _broken()
        marker = image[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", image, at + 2)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", image, at + 5)
            return width, height
        if marker in (0xD9, 0xDA) or length < 2:
            raise _broken()
        at += 2 + length


def _webp(image: bytes) -> tuple[int, int]:
    """Width and height, which each of the three forms of WebP keeps elsewhere."""
    (length,) = struct.unpack_from("<I", image, 4)
    if 8 + length != len(image):
        raise _broken()
    form = image[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(image[24:27], "little"), 1 + int.from_bytes(image[27:30], "little")
    if form == b"VP8L" and image[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", image, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 " and image[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", image, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise _broken()
