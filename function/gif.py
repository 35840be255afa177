"""What is particular to GIF: Pillow allocates the first frame while it opens the file."""

from __future__ import annotations

from body import Readable

_SCREEN_BYTES = 13
_EXTENSION, _FRAME = b"\x21", b"\x2c"
_HAS_PALETTE, _PALETTE_SIZE = 0x80, 0x07


def read_size(file: Readable) -> tuple[int, int] | None:
    """Return the size that the first frame needs; None where there is none. Rewinds the file."""
    file.seek(0)
    screen = file.read(_SCREEN_BYTES)
    if len(screen) == _SCREEN_BYTES and screen[10] & _HAS_PALETTE:
        file.seek(6 << (screen[10] & _PALETTE_SIZE), 1)
    while (kind := file.read(1)) and kind != _FRAME:
        if kind == _EXTENSION:  # Pillow reads over all else, so do we
            file.read(1)
            _skip_blocks(file)
    frame = file.read(8)
    file.seek(0)
    if len(frame) < 8:
        return None
    left, top, width, height = (int.from_bytes(frame[at : at + 2], "little") for at in (0, 2, 4, 6))
    across, down = (int.from_bytes(screen[at : at + 2], "little") for at in (6, 8))
    return max(across, left + width), max(down, top + height)


def _skip_blocks(file: Readable) -> None:
    while (length := file.read(1)) and length != b"\x00":
        file.seek(length[0], 1)
