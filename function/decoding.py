"""From a file to one upright sRGB picture, no larger than the largest output.

Only the seven formats, and only Pillow's own decoders for them: others call programs, or take
hundreds of megabytes for a few bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,  # noqa: F401 - a format is known once its plugin is imported, ...
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401 - ... otherwise Pillow would import all 43
)

from colours import finished, resizable
from refusals import Refused
from resizing import fit, shrink
from sniffing import HEAD_BYTES, identify

# A scaled JPEG is decoded at least this much larger than needed, and the rest done by the filter.
HEADROOM = 1.25

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """`image` is L, LA, RGB or RGBA; `width` and `height` are the upright size of the file."""

    image: Image.Image
    format: str
    width: int
    height: int
    truncated: bool = False


class _EndedJpeg(io.BytesIO):
    """A JPEG that, where its data ends too early, ends with the marker that libjpeg waits for."""

    truncated = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if data or not size or self.truncated:
            return data
        self.truncated = True
        return b"\xff\xd9"


def decode(body: bytes, max_px: int) -> Picture:
    """Decode the first frame, fitted into a square of `max_px`.

    Raises Refused when the file is no image, damaged, or of a format that is not taken.
    """
    name = identify(body[:HEAD_BYTES])
    file = _EndedJpeg(body) if name == "JPEG" else io.BytesIO(body)
    try:
        return _decode(file, name, max_px)
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a broken file raises OSError, SyntaxError, ValueError and more
        raise Refused(
            "damaged", f"The {name} file is damaged and cannot be decoded ({error})."
        ) from error


def _decode(file: io.BytesIO, name: str, max_px: int) -> Picture:
    with Image.open(file, formats=[name]) as opened:
        width, height = opened.size
        target = fit(width, height, max_px)
        scaled = opened.draft(None, (int(target[0] * HEADROOM), int(target[1] * HEADROOM)))
        opened.load()
        box = scaled[1] if scaled else (0, 0, *opened.size)
        profile, orientation = opened.info.get("icc_profile"), _orientation(opened)
        image = finished(shrink(resizable(opened), target, box), profile)
    image.info.clear()  # or comments and profiles would be written into the outputs
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(image, name, width, height, truncated=getattr(file, "truncated", False))


def _orientation(image: Image.Image) -> int:
    """Return 1 to 8; broken EXIF counts as upright."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # whatever the EXIF block holds, the pixels are good
        return 1
    return value if value in _UPRIGHT else 1
