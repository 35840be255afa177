"""Fractions of a JPEG's size, and what its scans cost."""

from __future__ import annotations

import io
from typing import cast

import pytest
from PIL import Image, ImageChops, ImageStat, JpegImagePlugin

import jpeg
from decoding import decode
from refusals import Refused
from tests.unit.function.fakes import body, encoded, picture

PIXELS = 1600 * 1200


def opened(data: bytes) -> JpegImagePlugin.JpegImageFile:
    return cast("JpegImagePlugin.JpegImageFile", Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("target", "decoded"),
    [
        ((1000, 750), (1600, 1200)),
        ((600, 450), (800, 600)),
        ((500, 375), (600, 450)),
        ((320, 240), (400, 300)),
        ((168, 126), (200, 150)),
        ((10, 8), (200, 150)),
    ],
)
def test_the_smallest_fraction_that_is_large_enough_is_decoded(
    target: tuple[int, int], decoded: tuple[int, int]
) -> None:
    image = opened(encoded(picture()))

    box = jpeg.scale(image, target)
    image.load()

    assert image.size == decoded
    assert box == (0, 0, *decoded)


def test_three_eighths_shows_the_same_picture_as_a_half() -> None:
    data = encoded(picture(size=(1603, 1201)), quality=95)
    image, reference = opened(data), opened(data)

    box = jpeg.scale(image, (500, 375))
    image.load()

    reference.draft(None, (801, 600))
    found = image.convert("RGB").resize((400, 300), box=box)
    expected = reference.resize((400, 300), box=(0, 0, 1603 / 2, 1201 / 2))
    assert image.size == (602, 451)
    assert max(ImageStat.Stat(ImageChops.difference(found, expected)).mean) < 1


@pytest.mark.parametrize("size", [(800, 600), (1600, 1200), (4300, 3225)])
def test_colours_stay_as_they_are_at_every_scale(size: tuple[int, int]) -> None:
    data = encoded(picture(size=size), quality=95)

    found = decode(body(data), 400).image

    expected = picture(size=size).resize(found.size, Image.Resampling.LANCZOS)
    difference = ImageChops.difference(found.convert("RGB"), expected)
    assert found.mode == "YCbCr"
    assert max(ImageStat.Stat(difference).mean) < 1


def test_a_jpeg_that_holds_rgb_is_decoded_as_that() -> None:
    data = encoded(picture(), quality=95, keep_rgb=True)

    found = decode(body(data), 400).image

    expected = picture().resize(found.size, Image.Resampling.LANCZOS)
    assert found.mode == "RGB"
    assert max(ImageStat.Stat(ImageChops.difference(found, expected)).mean) < 1


def test_a_jpeg_that_becomes_another_format_keeps_all_its_colours() -> None:
    assert decode(body(encoded(picture())), 400, jpeg_stays=False).image.mode == "RGB"


def test_draft_is_used_where_pillow_looks_other_than_we_know_it() -> None:
    image = opened(encoded(picture()))
    image.decoderconfig = (1, 0)

    box = jpeg.scale(image, (500, 375))

    assert box == (0, 0, 1600, 1200)


def test_a_file_in_one_scan_buffers_nothing() -> None:
    assert jpeg.buffer_bytes(io.BytesIO(encoded(picture())), PIXELS) == 0


@pytest.mark.parametrize(("subsampling", "per_pixel"), [("4:2:0", 3), ("4:2:2", 4), ("4:4:4", 6)])
def test_a_progressive_file_buffers_all_coefficients(subsampling: str, per_pixel: int) -> None:
    data = encoded(picture(), progressive=True, subsampling=subsampling)

    assert jpeg.buffer_bytes(io.BytesIO(data), PIXELS) == PIXELS * per_pixel


def test_a_baseline_file_in_several_scans_buffers_all_coefficients() -> None:
    data = bytearray(encoded(picture(), subsampling="4:4:4"))
    data[data.index(b"\xff\xda") + 4] = 1

    assert jpeg.buffer_bytes(io.BytesIO(bytes(data)), PIXELS) == PIXELS * 6


@pytest.mark.parametrize("stray", [b"\x00", b"\xff\xd0", b"\xff\x01", b"\xff\x00", b"junk"])
def test_what_decoders_pass_over_between_segments_hides_nothing(stray: bytes) -> None:
    data = encoded(picture(), progressive=True, subsampling="4:4:4")
    frame = data.index(b"\xff\xc2")

    found = jpeg.buffer_bytes(io.BytesIO(data[:frame] + stray + data[frame:]), PIXELS)

    assert found == PIXELS * 6


def test_a_header_that_cannot_be_understood_is_taken_for_the_worst() -> None:
    assert jpeg.buffer_bytes(io.BytesIO(b"\xff\xd8\xff"), PIXELS) == PIXELS * 8


def test_few_scans_of_a_vast_picture_are_refused() -> None:
    data = encoded(picture(), progressive=True)

    with pytest.raises(Refused, match="scans"):
        jpeg.refuse_endless_scans(io.BytesIO(data), 1_000_000_000)


def test_a_film_behind_the_picture_has_no_scans() -> None:
    data = encoded(picture(), progressive=True) + b"\xff\xda" * 200

    jpeg.refuse_endless_scans(io.BytesIO(data), PIXELS)


def test_thousands_of_scans_are_refused() -> None:
    data = encoded(picture(), progressive=True)
    start = data.rindex(b"\xff\xda")

    with pytest.raises(Refused, match="scans"):
        jpeg.refuse_endless_scans(io.BytesIO(data[:start] + data[start:-2] * 200), PIXELS)


def test_the_scans_of_a_camera_are_not_refused() -> None:
    jpeg.refuse_endless_scans(io.BytesIO(encoded(picture(), progressive=True)), PIXELS)
