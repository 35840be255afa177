"""Decoding a PNG a few rows at a time, for pictures that would not fit the memory whole.

Each strip is inflated, handed to Pillow's own decoder as a small PNG image of its own, and averaged
down. PNG filters look at the row above: the last row of one strip goes before the next, unfiltered.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from PIL import Image, PngImagePlugin

from averaging import averaged
from body import Readable

STRIP_BYTES = 4 * 1024 * 1024
MAX_EXIF_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_SIGNATURE_BYTES = 8
_BYTES_PER_PIXEL = {"L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_PIXELS = (b"IDAT", b"fdAT")
_UNFILTERED = b"\x00"


def can_decode(image: Image.Image) -> bool:
    """Tell whether it is a PNG of eight bits a sample that is not interlaced."""
    return (
        isinstance(image, PngImagePlugin.PngImageFile)
        and not image.info.get("interlace")
        and image.mode in _BYTES_PER_PIXEL
        and len(image.tile) == 1
        and image.tile[0].args == image.mode
    )


def attached_bytes(file: Readable) -> int:
    """Return the size of all chunks that are no pixels; Pillow reads even those at the end."""
    file.seek(_SIGNATURE_BYTES)
    found = 0
    while len(header := file.read(8)) == 8:
        length = int.from_bytes(header[:4])
        found += 0 if header[4:] in _PIXELS else length
        file.seek(length + 4, 1)
    return found


def decode_reduced(image: Image.Image, file: Readable, factor: int) -> Image.Image:
    """Return the opened PNG averaged down by `factor`, in a mode that can be resized.

    Raises OSError when the file ends too early.
    """
    height = image.height
    row_bytes = 1 + image.width * _BYTES_PER_PIXEL[image.mode]
    step = max(1, STRIP_BYTES // (row_bytes * factor)) * factor
    compressed = _compressed(file, image.info)
    rows = _Inflater(compressed)
    above, shrunk = b"", None
    for top in range(0, height, step):
        count = min(step, height - top)
        strip = _unfilter(image.mode, image.width, above, rows.take(count * row_bytes))
        above = strip.crop((0, count - 1, image.width, count)).tobytes()
        part = _shrink(strip, image, factor)
        if shrunk is None:
            shrunk = Image.new(part.mode, (part.width, -(-height // factor)))
        shrunk.paste(part, (0, top // factor))
    for _ in compressed:
        continue  # EXIF may follow the pixels
    assert shrunk is not None  # noqa: S101 - a PNG has at least one row
    return shrunk


def _unfilter(mode: str, width: int, above: bytes, rows: bytes) -> Image.Image:
    count = len(rows) // (1 + width * _BYTES_PER_PIXEL[mode])
    first = _UNFILTERED + above if above else b""
    size = (width, count + bool(first))
    stored = zlib.compress(first + rows, 0)
    strip = Image.frombytes(mode, size, stored, "zip", mode, 0)
    return strip.crop((0, 1, *size)) if first else strip


def _shrink(strip: Image.Image, whole: Image.Image, factor: int) -> Image.Image:
    if whole.palette:
        strip.putpalette(whole.palette)
    if "transparency" in whole.info:
        strip.info["transparency"] = whole.info["transparency"]
    return averaged(strip, factor)


class _Inflater:
    """Inflates no more than what is asked for, however much a few bytes may hold."""

    def __init__(self, compressed: Iterator[bytes]) -> None:
        self._compressed = compressed
        self._zlib = zlib.decompressobj()

    def take(self, size: int) -> bytes:
        """Return exactly `size` bytes."""
        parts = []
        while size:
            waiting = self._zlib.unconsumed_tail or next(self._compressed, b"")
            part = self._zlib.decompress(waiting, size)
            if not part and not waiting:
                raise OSError("image file is truncated")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _compressed(file: Readable, info: dict[str | tuple[int, int], Any]) -> Iterator[bytes]:
    """Yield the contents of the IDAT chunks in pieces, and keep an eXIf chunk in `info`."""
    file.seek(_SIGNATURE_BYTES)
    while len(header := file.read(8)) == 8:
        length = int.from_bytes(header[:4], "big")
        if header[4:] == b"IDAT":
            while length and (piece := file.read(min(length, _CHUNK_BYTES))):
                length -= len(piece)
                yield piece
        elif header[4:] == b"eXIf" and length <= MAX_EXIF_BYTES:
            info["exif"] = file.read(length)
            length = 0
        file.seek(length + 4, 1)
