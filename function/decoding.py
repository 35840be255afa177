"""From a file to one upright sRGB picture, no larger than the largest output.

Only the seven formats, and only Pillow's own decoders for them: others call programs, or take
hundreds of megabytes for a few bytes. What will not fit the memory is refused before it is decoded.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO, cast

from PIL import (
    BmpImagePlugin,  # noqa: F401 - a format is known once its plugin is imported, ...
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # ... otherwise Pillow would import all 43
)

import gif
import jpeg
import png_strips
import webp
from averaging import averaged
from body import Body
from colours import FINISHED, finished, resizable
from deadline import OutOfTimeError
from memory import ensure_fits, fits, function_memory_mb, gif_to_open, to_decode, webp_to_decode
from refusals import Refused
from resizing import Box, first_size, fit, reduction
from sniffing import HEAD_BYTES, identify

# The memory decides instead, see memory.py.
Image.MAX_IMAGE_PIXELS = None
# What it has to say about EXIF and tags would stand in the log, and changes nothing.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")

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
    truncated: bool


def decode(body: Body, max_px: int) -> Picture:
    """Decode the first frame, fitted into a square of `max_px`.

    Raises Refused when the file is no image, damaged, too large for the function's memory, or of a
    format that is not taken; OutOfTimeError when the deadline comes nearer than its margin.
    """
    name = identify(body.read(HEAD_BYTES))
    body.seek(0)
    try:
        return _decode(body, name, max_px)
    except (Refused, OutOfTimeError):
        raise
    except MemoryError as error:
        raise Refused("too-large", f"The {name} file needs more memory than there is.") from error
    except Exception as error:  # a broken file raises OSError, SyntaxError, ValueError and more
        why = f"The {name} file is damaged and cannot be decoded ({error})."
        raise Refused("damaged", why) from error


def _decode(body: Body, name: str, max_px: int) -> Picture:
    if name == "AVIF":
        import_module("PIL.AvifImagePlugin")  # the one that is rare and takes long to load
    _ensure_it_can_be_opened(body, name)
    body.seek(0)
    with Image.open(cast("BinaryIO", body), formats=[name]) as opened:
        width, height = opened.size
        target = fit(width, height, max_px)
        image, box = _load(opened, body, target)
        profile, orientation = opened.info.get("icc_profile"), _orientation(opened)
        image = finished(first_size(image, target, box), profile)
    if image.mode not in FINISHED:
        raise OSError("its palette does not fit")  # Pillow is led astray by some broken GIFs
    image.info.clear()  # or comments and profiles would be written into the outputs
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(image, name, width, height, body.truncated)


def _load(
    opened: Image.Image, body: Body, target: tuple[int, int]
) -> tuple[Image.Image, Box | None]:
    """Return the pixels, averaged down where that saves work, and the box that is the picture."""
    if isinstance(opened, JpegImagePlugin.JpegImageFile):
        return _load_jpeg(opened, body, target)
    factor = reduction(opened.size, target)
    box = (0, 0, opened.width / factor, opened.height / factor)
    if isinstance(opened, WebPImagePlugin.WebPImageFile):
        image = webp.load(opened)
    else:
        needed = body.resident_bytes + to_decode(opened, body.stored_bytes, factor)
        file = cast("BinaryIO", body)
        if factor > 1 and not fits(needed, function_memory_mb()) and png_strips.can_decode(opened):
            return png_strips.decode_reduced(opened, file, factor), box
        ensure_fits(needed, *opened.size, function_memory_mb())
        opened.load()
        image = opened
    return averaged(image, factor), box


def _load_jpeg(
    opened: JpegImagePlugin.JpegImageFile, body: Body, target: tuple[int, int]
) -> tuple[Image.Image, Box]:
    size, file = opened.size, cast("BinaryIO", body)
    buffered = jpeg.buffer_bytes(file)
    if buffered:
        jpeg.refuse_endless_scans(file)
    box = jpeg.scale(opened, target)
    needed = body.resident_bytes + buffered + to_decode(opened, body.stored_bytes, 1)
    ensure_fits(needed, *size, function_memory_mb())
    body.ends_jpeg = True
    opened.load()
    return resizable(opened), box


def _ensure_it_can_be_opened(body: Body, name: str) -> None:
    """Refuse what would not fit of the two formats for which Pillow allocates as it opens them."""
    if name == "WEBP" and (head := webp.read_head(body.read(webp.HEAD_BYTES))):
        size, needed = head.size, webp_to_decode(head, body.size)
    elif name == "GIF" and (frame := gif.read_size(cast("BinaryIO", body))):
        size, needed = frame, gif_to_open(*frame)
    else:
        return
    ensure_fits(needed + body.resident_bytes, *size, function_memory_mb())


def _orientation(image: Image.Image) -> int:
    """Return 1 to 8; broken EXIF counts as upright.

    Asks the base class: of a PNG that is not loaded, Pillow would load all of it.
    """
    try:
        value = Image.Image.getexif(image).get(_ORIENTATION, 1)
    except Exception:  # whatever the EXIF block holds, the pixels are good
        return 1
    return value if value in _UPRIGHT else 1
