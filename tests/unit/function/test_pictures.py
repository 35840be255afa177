"""Decoding and rendering: sizes, orientation, colours, formats, damage."""

from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image, ImageCms, ImageStat

from decoding import decode
from refusals import Refused
from resizing import fit
from tests.unit.function.fakes import PHOTOS, Bench, body, encoded, opened, picture


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((4032, 3024), (1024, 768)),
        ((3024, 4032), (768, 1024)),
        ((100, 50), (100, 50)),
        ((30000, 1), (1024, 1)),
        ((1, 1), (1, 1)),
        ((1025, 1024), (1024, 1023)),
    ],
)
def test_fit_keeps_proportions_and_never_enlarges(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fit(*size, 1024) == fitted


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_each_format_comes_out_in_its_own_or_as_jpeg(format_: str) -> None:
    outputs = Bench().process(encoded(picture(), format_))

    expected = {"PNG": "image/png", "WEBP": "image/webp"}.get(format_, "image/jpeg")
    assert {stored.content_type for stored in outputs.values()} == {expected}
    assert all(Image.MIME[opened(s).format or ""] == expected for s in outputs.values())


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "AVIF", "TIFF", "GIF"])
def test_transparency_is_kept(format_: str) -> None:
    image = picture("RGBA", (600, 400))
    image.putalpha(Image.new("L", image.size, 255))
    image.paste((0, 0, 0, 0), (300, 0, 600, 400))

    outputs = Bench().process(encoded(image, format_))

    shown = opened(outputs["thumbnails/photo.jpg"]).convert("RGBA")
    assert shown.getpixel((20, 60)) != (0, 0, 0, 0)
    assert shown.getchannel("A").getpixel((20, 60)) == 255
    assert shown.getchannel("A").getpixel((110, 60)) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_comes_out_upright(orientation: int, format_: str) -> None:
    upright = picture(size=(300, 200))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    outputs = Bench().process(encoded(stored, format_, exif=exif))

    shown = opened(outputs["medium/photo.jpg"])
    assert shown.size == (300, 200)
    assert max(ImageStat.Stat(shown.convert("RGB").crop((5, 5, 90, 40))).mean) < 60
    assert not shown.getexif()


@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        ("1", "PNG"),
        ("L", "JPEG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("I", "TIFF"),
        ("F", "TIFF"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("LAB", "TIFF"),
        ("YCbCr", "TIFF"),
    ],
)
def test_every_mode_keeps_its_dark_corner_dark(mode: str, format_: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(picture(), srgb, lab, outputMode="LAB")
        assert image is not None
    elif mode == "I;16":
        image = picture("L").convert("I").point(lambda value: value * 257).convert("I;16")
    else:
        image = picture(mode)

    outputs = Bench().process(encoded(image, format_))

    shown = opened(outputs["thumbnails/photo.jpg"]).convert("L")
    dark, light = shown.crop((4, 4, 36, 18)), shown.crop((90, 60, 120, 90))
    assert ImageStat.Stat(dark).mean[0] + 60 < ImageStat.Stat(light).mean[0]


def test_colours_are_converted_from_the_profile_of_the_upload() -> None:
    profile = (PHOTOS / "cmyk.jpg").read_bytes() if PHOTOS.exists() else pytest.skip("no photos")

    outputs = Bench().process(profile)

    shown = opened(outputs["large/photo.jpg"])
    assert (shown.mode, shown.info.get("icc_profile")) == ("RGB", None)


def test_a_broken_profile_does_not_lose_the_picture() -> None:
    outputs = Bench().process(encoded(picture(), icc_profile=b"\x00" * 200))

    assert len(outputs) == 3


def test_metadata_is_dropped() -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    secret = encoded(picture(), exif=exif, comment="a secret")

    outputs = Bench().process(secret)

    assert not any(b"secret" in s.body or b"camera" in s.body for s in outputs.values())


def test_a_forced_format_flattens_transparency_on_white() -> None:
    clear = Image.new("RGBA", (200, 100), (0, 0, 0, 0))

    outputs = Bench(FORMAT="jpeg").process(encoded(clear, "PNG"))

    assert opened(outputs["large/photo.jpg"]).getpixel((50, 50)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"plain text", "not-an-image"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "heic"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", "not-an-image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not-an-image"),
        (b"\xff\xd8\xff\xe0", "damaged"),
        (encoded(picture(), "PNG")[:2000], "damaged"),
        (encoded(picture(), "WEBP")[:2000], "damaged"),
        (encoded(picture(), "GIF")[:2000], "damaged"),
        (encoded(picture(size=(64, 64)), "AVIF")[:200], "damaged"),
    ],
)
def test_what_cannot_be_decoded_is_refused_with_its_code(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        decode(body(data), 1024)

    assert refusal.value.code == code


def test_a_truncated_jpeg_is_rescued_and_marked_in_the_mail() -> None:
    bench = Bench()
    whole = encoded(picture())

    outputs = bench.process(whole[: len(whole) // 2])

    assert len(outputs) == 3
    assert "ends too early" in bench.sns.texts()[0]


def test_the_name_and_its_ending_do_not_matter() -> None:
    outputs = Bench().process(encoded(picture(), "PNG"), "uploads/photo.txt")

    assert outputs["large/photo.txt"].content_type == "image/png"


def _png(depth: int, colours: int, row: bytes, transparent: bytes) -> bytes:
    """Encode eight equal rows of eight pixels, as Pillow does not."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + check

    header = struct.pack(">IIBBBBB", 8, 8, depth, colours, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * 8)
    chunks = {b"IHDR": header, b"tRNS": transparent, b"IDAT": pixels, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks.items())


@pytest.mark.parametrize(
    ("depth", "colours", "row", "transparent"),
    [
        (1, 0, b"\xf0", b"\x00\x01"),
        (2, 0, b"\x55\xff", b"\x00\x01"),
        (4, 0, b"\x55\x55\xff\xff", b"\x00\x05"),
        (8, 0, b"\x55" * 4 + b"\xff" * 4, b"\x00\x55"),
        (16, 0, b"\x55\x12" * 4 + b"\xff\xff" * 4, b"\x55\x12"),
        (16, 2, b"\x55\x12\x20\x00\x10\x00" * 4 + b"\xff" * 24, b"\x55\x12\x20\x00\x10\x00"),
    ],
)
def test_the_transparent_colour_of_a_png_is_kept_at_every_depth(
    depth: int, colours: int, row: bytes, transparent: bytes
) -> None:
    found = decode(body(_png(depth, colours, row, transparent)), 8).image.getchannel("A")

    assert (found.getpixel((0, 0)), found.getpixel((7, 0))) == (0, 255)


def _tiff(size: tuple[int, int], bits: tuple[int, ...], pixels: bytes, **tags: int) -> bytes:
    """Encode an uncompressed TIFF of one strip, as Pillow does not."""
    samples, head = len(bits), 8 + 2 + 10 * 12 + 4
    entries = {
        256: size[0], 257: size[1], 258: bits[0], 259: 1, 262: tags.get("photometric", 1),
        273: head, 277: samples, 278: size[1], 279: len(pixels),
        284: tags.get("planar", 1),
    }  # fmt: skip
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(4) + pixels


@pytest.mark.parametrize("size", [(8, 8), (4000, 8)])
def test_twelve_bits_are_no_sixteen(size: tuple[int, int]) -> None:
    pair = (3000 << 12 | 3000).to_bytes(3)
    data = _tiff(size, (12,), pair * (size[0] * size[1] // 2))

    assert decode(body(data), 1024).image.getpixel((2, 0)) == 3000 * 255 // 4095 + 1


def test_sixteen_bits_may_mean_black_by_white() -> None:
    data = _tiff((8, 8), (16,), (60_000).to_bytes(2, "little") * 64, photometric=0)

    assert decode(body(data), 1024).image.getpixel((0, 0)) == 255 - 60_000 // 256
