"""From a file to one upright sRGB picture, no larger than the largest output.

Only the seven formats, and only Pillow's own decoders for them: others call programs, or take
hundreds of megabytes for a few bytes. How each of them is loaded is in loading.py.
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
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401 - ... otherwise Pillow would import all 43
)

from body import Body
from colours import FINISHED, finished, note_meaning, scale_transparency
from deadline import OutOfTimeError
from loading import ensure_it_can_be_opened, load
from refusals import Refused
from resizing import first_size, fit
from sniffing import HEAD_BYTES, identify

# The memory decides instead, see memory.py.
Image.MAX_IMAGE_PIXELS = None
# A profile or a text may be larger than Pillow likes; a bomb is still refused.
PngImagePlugin.MAX_TEXT_CHUNK = 8 * 1024 * 1024
PngImagePlugin.MAX_TEXT_MEMORY = 16 * 1024 * 1024
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
    """`image` is in one of FINISHED; `width` and `height` are the upright size of the file."""

    image: Image.Image
    format: str
    width: int
    height: int
    truncated: bool


def decode(body: Body, max_px: int, *, jpeg_stays: bool = True) -> Picture:
    """Decode the first frame, fitted into a square of `max_px`.

    `jpeg_stays` says that a JPEG becomes JPEGs, which keep its colours at half the size anyway.

    Raises Refused when the file is no image, damaged, too large for the function's memory, or of a
    format that is not taken; OutOfTimeError when the deadline comes nearer than its margin.
    """
    name = identify(body.read(HEAD_BYTES))
    body.seek(0)
    try:
        return _decode(body, name, max_px, jpeg_stays)
    except (Refused, OutOfTimeError):
        raise
    except MemoryError as error:
        raise Refused("too-large", f"The {name} file needs more memory than there is.") from error
    except UnidentifiedImageError as error:
        why = f"The {name} file is damaged, or of a rare kind that the pipeline cannot read."
        raise Refused("damaged", why) from error
    except Exception as error:  # a broken file raises OSError, SyntaxError, ValueError and more
        why = f"The {name} file is damaged and cannot be decoded ({error})."
        raise Refused("damaged", why) from error


def _decode(body: Body, name: str, max_px: int, jpeg_stays: bool) -> Picture:
    if name == "AVIF":
        import_module("PIL.AvifImagePlugin")  # the one that is rare and takes long to load
    ensure_it_can_be_opened(body, name, max_px)
    body.seek(0)
    with Image.open(cast("BinaryIO", body), formats=[name]) as opened:
        body.opened()
        if isinstance(opened, PngImagePlugin.PngImageFile):
            scale_transparency(opened)
        if isinstance(opened, TiffImagePlugin.TiffImageFile):
            note_meaning(opened)
        width, height = opened.size
        target = fit(width, height, max_px)
        loaded = load(opened, body, target, jpeg_stays)
        profile, orientation = opened.info.get("icc_profile"), _orientation(opened)
        image = first_size(loaded.image, target, loaded.box, loaded.resample)
        image = finished(image, profile)
    if image.mode not in FINISHED:
        raise OSError("its palette does not fit")  # Pillow is led astray by some broken GIFs
    image.info.clear()  # or comments and profiles would be written into the outputs
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(image, name, width, height, body.truncated)


def _orientation(image: Image.Image) -> int:
    """Return 1 to 8; broken EXIF counts as upright.

    Asks the base class: of a PNG that is not loaded, Pillow would load all of it.
    """
    try:
        value = Image.Image.getexif(image).get(_ORIENTATION, 1)
    except Exception:  # whatever the EXIF block holds, the pixels are good
        return 1
    return value if value in _UPRIGHT else 1
