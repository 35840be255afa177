"""What is particular to decoding WebP: it allocates when opened, and can be read without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, WebPImagePlugin

HEAD_BYTES = 30


@dataclass(frozen=True)
class WebPHead:
    """What the first bytes tell; `lossless` is only known of files without extras."""

    size: tuple[int, int]
    lossless: bool


def read_head(head: bytes) -> WebPHead | None:
    """Read the size from the first 30 bytes; None where they make no sense."""
    kind = head[12:16]
    if len(head) < HEAD_BYTES:
        return None
    if kind == b"VP8X":
        return WebPHead((_number(head[24:27]) + 1, _number(head[27:30]) + 1), lossless=True)
    if kind == b"VP8L":
        bits = _number(head[21:25])
        return WebPHead(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), lossless=True)
    if kind == b"VP8 ":
        size = (_number(head[26:28]) & 0x3FFF, _number(head[28:30]) & 0x3FFF)
        return WebPHead(size, lossless=False)
    return None


def load(image: WebPImagePlugin.WebPImageFile) -> Image.Image:
    """Decode the first frame around the decoder's own bytes, a quarter less memory than Pillow.

    This leans on an attribute that Pillow does not document, and falls back to its way without it.
    """
    decoder: Any = getattr(image, "_decoder", None)
    if not hasattr(decoder, "get_next") or image.rawmode not in ("RGBX", "RGBA"):
        image.load()
        return image
    frame = decoder.get_next()
    if frame is None:
        raise OSError("image file is truncated")
    image._decoder = None  # two canvases of the whole size
    return Image.frombuffer(image.rawmode, image.size, frame[0], "raw", image.rawmode, 0, 1)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
