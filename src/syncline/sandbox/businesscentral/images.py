"""What kind of picture some bytes are, and how large it is."""

from __future__ import annotations

import struct

from msgspec import Struct

_NO_SIZE_IN = frozenset({0xC4, 0xC8, 0xCC})
"""JPEG segments that are numbered like the frames that tell the size, and are none."""


class Image(Struct, frozen=True):
    width: int
    height: int
    content_type: str


def read(content: bytes) -> Image | None:
    """PNG, GIF, BMP or JPEG; ``None`` for anything else."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", content[16:24])
            return Image(width, height, "image/png")
        if content.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack("<HH", content[6:10])
            return Image(width, height, "image/gif")
        if content.startswith(b"BM"):
            width, height = struct.unpack("<ii", content[18:26])
            return Image(width, abs(height), "image/bmp")
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(content: bytes) -> Image | None:
    """The size stands in the first frame: segments before it tell how long they are."""
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        length = struct.unpack(">H", content[at + 2 : at + 4])[0]
        if marker & 0xF0 == 0xC0 and marker not in _NO_SIZE_IN:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return Image(width, height, "image/jpeg")
        at += 2 + length
    return None
