"""The pictures themselves: sizes made one from the other, each encoded for the web."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from colours import is_transparent, premultiplied_alpha, straight_alpha
from decoding import Picture
from resizing import fit, next_size
from settings import Settings

# A third of the time of zlib's default, for 3% more bytes of a photograph, 10% of a drawing.
PNG_LEVEL = 4
# Milliseconds a pixel with a whole processor, of the slowest pictures measured.
_PIXEL_MS = {"JPEG": 20e-6, "PNG": 80e-6, "WEBP": 350e-6}
_ONE_PROCESSOR_MB = 1769
_KEPT = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WEBP"}


@dataclass(frozen=True)
class Rendition:
    """One output, encoded. `folder` is the setting's name of its size."""

    folder: str
    width: int
    height: int
    data: bytes
    content_type: str


def render(picture: Picture, settings: Settings) -> Iterator[Rendition]:
    """Yield the renditions, largest first, so that it can be sent while the others are made."""
    image = picture.image
    encoding = _encoding(picture, settings.format)
    for folder, max_px in sorted(settings.sizes.items(), key=lambda size: -size[1]):
        size = fit(picture.width, picture.height, max_px)
        image = straight_alpha(next_size(premultiplied_alpha(image), size))
        data = _encode(image, encoding, settings.quality)
        yield Rendition(folder, *image.size, data, Image.MIME[encoding])


def encoding_ms(picture: Picture, settings: Settings, memory_mb: int | None) -> float:
    """Estimate how long the renditions take with the share of a processor of this memory (L37)."""
    sizes = (fit(picture.width, picture.height, max_px) for max_px in settings.sizes.values())
    pixels = sum(width * height for width, height in sizes)
    share = min(1.0, memory_mb / _ONE_PROCESSOR_MB) if memory_mb else 1.0
    return pixels * _PIXEL_MS[_encoding(picture, settings.format)] / share


def _encoding(picture: Picture, wanted: str) -> str:
    if wanted != "keep":
        return wanted.upper()
    otherwise = "PNG" if is_transparent(picture.image) else "JPEG"
    return _KEPT.get(picture.format, otherwise)


def _encode(image: Image.Image, encoding: str, quality: int) -> bytes:
    file = io.BytesIO()
    if encoding == "JPEG":
        _opaque(image).save(file, "JPEG", quality=quality)
        return file.getvalue()
    if image.mode == "YCbCr":  # which only JPEG keeps
        image = image.convert("RGB")
    if encoding == "WEBP":
        image.save(file, "WEBP", quality=quality)
    else:
        image.save(file, "PNG", compress_level=PNG_LEVEL)
    return file.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    """Lay a picture with alpha on white; JPEG has none."""
    if image.mode not in ("LA", "RGBA"):
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
