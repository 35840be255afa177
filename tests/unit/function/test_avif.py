"""What an AVIF says of itself is what the decoder will allocate for."""

from __future__ import annotations

import pytest

import avif
from tests.unit.function.fakes import encoded, picture


@pytest.mark.parametrize(
    ("subsampling", "sample_bytes"),
    [("4:2:0", 1.5), ("4:2:2", 2.0), ("4:4:4", 3.0), ("4:0:0", 1.0)],
)
def test_the_samples_of_a_pixel_are_told(subsampling: str, sample_bytes: float) -> None:
    data = encoded(picture(), "AVIF", subsampling=subsampling, speed=10)

    expected = avif.AvifHead((1600, 1200), sample_bytes, deep=False, alpha=False)
    assert avif.read_head(data) == expected


def test_alpha_is_told() -> None:
    image = picture("RGBA")
    image.putalpha(128)

    head = avif.read_head(encoded(image, "AVIF", speed=10))

    assert head
    assert head.alpha


def test_a_file_that_claims_another_size_is_taken_at_its_stream() -> None:
    data = encoded(picture(), "AVIF", speed=10)
    claimed = b"ispe" + bytes(4) + (1600).to_bytes(4) + (1200).to_bytes(4)
    lie = b"ispe" + bytes(4) + (16).to_bytes(4) + (12).to_bytes(4)
    assert claimed in data

    head = avif.read_head(data.replace(claimed, lie))

    assert head
    assert head.size == (1600, 1200)


def test_what_is_no_avif_tells_nothing() -> None:
    assert avif.read_head(b"no boxes at all") is None
