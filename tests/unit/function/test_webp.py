"""WebP: the header read before Pillow allocates, the frame without a copy."""

from __future__ import annotations

import io
from typing import Any, cast

import pytest
from PIL import Image, WebPImagePlugin

import webp
from tests.unit.function.fakes import encoded, picture

EXIF = Image.Exif()
EXIF[0x010F] = "A camera"


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": EXIF}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_header_tells_the_size(mode: str, options: dict[str, Any]) -> None:
    head = webp.read_head(encoded(picture(mode, (301, 201)), "WEBP", **options)[:30])

    assert head is not None
    assert head.size == (301, 201)


@pytest.mark.parametrize(
    "head", [b"", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b"RIFF0000WEBPABCD" + b"0" * 14]
)
def test_a_header_that_makes_no_sense_tells_nothing(head: bytes) -> None:
    assert webp.read_head(head) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_frame_has_the_pixels_that_pillow_gives(mode: str) -> None:
    drawn = picture(mode, (301, 201))
    drawn.putpixel((5, 5), (0, 0, 0, 0)[: len(mode)])
    data = encoded(drawn, "WEBP")
    image = cast("WebPImagePlugin.WebPImageFile", Image.open(io.BytesIO(data)))

    frame = webp.load(image)

    assert frame is not image, "Pillow changed: the frame is copied now"
    assert frame.convert(mode).tobytes() == Image.open(io.BytesIO(data)).tobytes()
