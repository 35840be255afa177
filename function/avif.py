"""What an AVIF file says of itself before it is opened, since Pillow decodes all of it at once.

The boxes are not walked but looked for: what counts is how much the decoder will allocate, and it
allocates by what the AV1 stream says, whatever size the file claims (ISO/IEC 23008-12, AV1 5.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_BYTES = 64 * 1024
_SIZE = re.compile(rb"ispe\x00{4}(.{4})(.{4})", re.DOTALL)
_CONFIGURATION = re.compile(rb"av1C\x81.(.)", re.DOTALL)
# A sequence header at the start of a stream, behind a temporal delimiter, or in the configuration.
_SEQUENCE = re.compile(rb"(?:\x12\x00|av1C\x81...)\x0a([\x01-\x7f])", re.DOTALL)
_ALPHA = b"auxiliary:alpha"


@dataclass(frozen=True)
class AvifHead:
    """The largest size that the file speaks of, and what the samples of a pixel take, in bytes."""

    size: tuple[int, int]
    sample_bytes: float
    deep: bool
    alpha: bool


def read_head(head: bytes) -> AvifHead | None:
    """Read what the first bytes tell; None where they make no sense."""
    sizes = [(int.from_bytes(w), int.from_bytes(h)) for w, h in _SIZE.findall(head)]
    sizes += [_sequence_size(head[found.end() :]) for found in _SEQUENCE.finditer(head)]
    kinds = [kind[0] for kind in _CONFIGURATION.findall(head)]
    if not sizes or not kinds:
        return None
    return AvifHead(
        max(sizes, key=lambda size: size[0] * size[1]),
        max(_sample_bytes(kind) for kind in kinds),
        any(kind & 0x40 for kind in kinds),
        _ALPHA in head,
    )


def _sample_bytes(kind: int) -> float:
    """Return bytes a pixel of the planes; the bits say depth, no colours, and halved colours."""
    depth = 2 if kind & 0x40 else 1
    if kind & 0x10:
        return depth
    halved = (kind >> 3 & 1) + (kind >> 2 & 1)
    return depth * (1 + 2.0 ** (1 - halved))


class _Bits:
    """Reads numbers of so many bits; beyond the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        self._left -= count
        return (self._value >> max(0, self._left)) & ((1 << count) - 1) if self._left >= 0 else 0


def _sequence_size(data: bytes) -> tuple[int, int]:
    """Return the size in a sequence header; (0, 0) where times come first, as in films."""
    bits = _Bits(data[:32])
    bits.read(4)  # profile, still picture
    if bits.read(1):  # the short header of a still picture
        bits.read(5)
    elif bits.read(1):
        return 0, 0
    else:
        has_delay = bits.read(1)
        for _ in range(bits.read(5) + 1):
            bits.read(12)
            if bits.read(5) > 7:
                bits.read(1)
            if has_delay and bits.read(1):
                bits.read(4)
    wide, high = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(wide) + 1, bits.read(high) + 1
