"""Outputs read by another decoder than the one that made them, against another resize."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.unit.function.fakes import PHOTOS, Bench, encoded, picture

pyvips: Any = pytest.importorskip("pyvips")

PHOTO_NAMES = ["iphone6plus_8mp.jpg", "landscape6_2mp.jpg", "s7edge_12mp.jpg", "avif_12mp_or6.avif"]


def mean_difference(output: bytes, source: bytes) -> float:
    """Return the mean of the differences, 0 to 255, from libvips's own thumbnail."""
    found = pyvips.Image.new_from_buffer(output, "")
    expected = pyvips.Image.thumbnail_buffer(
        source, found.width, height=found.height, size="force", export_profile="srgb"
    )
    return float((found.cast("float") - expected.cast("float")).abs().avg())


@pytest.mark.parametrize("name", PHOTO_NAMES)
def test_photographs_look_as_libvips_makes_them(name: str) -> None:
    path = PHOTOS / name
    if not path.exists():
        pytest.skip("the photographs are not here")
    source = path.read_bytes()

    outputs = Bench(FORMAT="png").process(source)

    assert max(mean_difference(stored.body, source) for stored in outputs.values()) < 1.5


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_drawings_look_as_libvips_makes_them(format_: str, mode: str) -> None:
    source = encoded(picture(mode), format_)

    outputs = Bench().process(source)

    assert max(mean_difference(stored.body, source) for stored in outputs.values()) < 2.5


def test_colours_of_a_display_p3_picture_keep_their_look() -> None:
    source = encoded(picture(), "PNG", icc_profile=_display_p3())

    outputs = Bench().process(source)

    assert max(mean_difference(stored.body, source) for stored in outputs.values()) < 0.5


def _display_p3() -> bytes:
    """Return libvips's own Display P3 profile."""
    image = pyvips.Image.black(8, 8, bands=3).copy(interpretation="srgb")
    tagged = image.icc_transform("p3", input_profile="srgb").write_to_buffer(".tif")
    return bytes(Image.open(io.BytesIO(tagged)).info["icc_profile"])
