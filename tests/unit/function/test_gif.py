"""GIF: the size read before Pillow allocates the first frame."""

from __future__ import annotations

import io

import pytest

import gif
from decoding import decode
from refusals import Refused
from tests.unit.function.fakes import body, encoded, picture


def test_the_size_is_that_of_the_screen() -> None:
    data = encoded(picture(size=(301, 201)), "GIF", comment="walked over")

    assert gif.read_size(io.BytesIO(data)) == (301, 201)


def test_a_frame_larger_than_the_screen_counts() -> None:
    data = bytearray(encoded(picture(size=(301, 201)), "GIF"))
    at = data.index(b",")
    data[at + 1 : at + 9] = (400).to_bytes(2, "little") * 4

    assert gif.read_size(io.BytesIO(bytes(data))) == (800, 800)


@pytest.mark.parametrize("length", [0, 6, 13, 700])
def test_a_file_without_a_frame_has_no_size(length: int) -> None:
    data = encoded(picture(size=(301, 201)), "GIF")[:length]

    assert gif.read_size(io.BytesIO(data)) is None


def test_a_frame_that_does_not_fit_is_refused_before_it_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
    data = bytearray(encoded(picture(size=(8, 8)), "GIF"))
    at = data.index(b",")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"

    with pytest.raises(Refused) as refusal:
        decode(body(bytes(data)), 1024)

    assert refusal.value.code == "too-large"


def test_junk_between_the_blocks_is_read_over_as_pillow_does() -> None:
    data = encoded(picture(size=(301, 201)), "GIF", comment="walked over")
    at = data.index(b"!")

    assert gif.read_size(io.BytesIO(data[:at] + b"\xff\x00\xff" + data[at:])) == (301, 201)
