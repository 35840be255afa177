"""PNGs decoded strip by strip give the pixels of PNGs decoded whole."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

import png_strips
from averaging import averaged
from tests.unit.function.fakes import encoded, picture


def strips(data: bytes, factor: int) -> Image.Image:
    file = io.BytesIO(data)
    with Image.open(file) as opened:
        assert png_strips.can_decode(opened)
        return png_strips.decode_reduced(opened, file, factor)


def whole(data: bytes, factor: int) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return averaged(opened, factor)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("factor", [2, 3, 7])
def test_strips_equal_the_whole(mode: str, factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png_strips, "STRIP_BYTES", 20_000)
    data = encoded(picture(mode, (401, 307)), "PNG")

    assert strips(data, factor).tobytes() == whole(data, factor).tobytes()


def test_transparency_by_colour_and_by_palette_is_kept() -> None:
    for mode, clear in (("P", 0), ("RGB", (10, 20, 30))):
        data = encoded(picture(mode, (300, 200)), "PNG", transparency=clear)

        shrunk = strips(data, 2)

        assert shrunk.mode == "RGBa"
        assert shrunk.tobytes() == whole(data, 2).tobytes()


def test_what_strips_cannot_decode_is_left_to_pillow() -> None:
    for image in (picture("1"), picture("L").convert("I").convert("I;16")):
        with Image.open(io.BytesIO(encoded(image, "PNG"))) as opened:
            assert not png_strips.can_decode(opened)
    with Image.open(io.BytesIO(encoded(picture()))) as opened:
        assert not png_strips.can_decode(opened)


def test_a_png_that_ends_too_early_is_an_error() -> None:
    data = encoded(picture(size=(400, 400)), "PNG")

    with pytest.raises(OSError, match="truncated"):
        strips(data[: len(data) // 2], 2)


def test_exif_behind_the_pixels_is_found() -> None:
    data = encoded(picture(size=(64, 64)), "PNG")
    end = data.index(b"IEND") - 4
    file = io.BytesIO(data[:end] + chunk(b"eXIf", b"MM\x00*") + data[end:])

    with Image.open(file) as opened:
        png_strips.decode_reduced(opened, file, 2)

        assert opened.info["exif"] == b"MM\x00*"


def test_what_is_attached_is_counted_wherever_it_stands() -> None:
    data = encoded(picture(), "PNG")
    chunk = (1000).to_bytes(4) + b"prIv" + bytes(1000 + 4)
    end = data.index(b"IEND") - 4

    plain = png_strips.attached_bytes(io.BytesIO(data))
    found = png_strips.attached_bytes(io.BytesIO(data[:end] + chunk + data[end:]))

    assert (plain, found) == (13, 1013)
