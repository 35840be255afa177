"""Averaging a large image down, which is the cheapest way to come near the size that is wanted.

Modes that must be converted first are converted band by band: the image is never held twice, and
the bands stay in the processor's cache.
"""

from __future__ import annotations

from PIL import Image

from colours import RESIZABLE, resizable

BAND_PIXELS = 256 * 1024
_REDUCED_FIRST = (*RESIZABLE, "I", "F")  # the range of 32 bits is stretched over the whole image


def averaged(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in a resizable mode, with `factor` x `factor` pixels made one."""
    if factor == 1:
        return resizable(image)
    if image.mode in _REDUCED_FIRST and "transparency" not in image.info:
        return resizable(image.reduce(factor))
    result = None
    step = max(1, BAND_PIXELS // (image.width * factor)) * factor
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        band = resizable(image.crop((0, top, image.width, bottom))).reduce(factor)
        if result is None:
            result = Image.new(band.mode, (band.width, -(-image.height // factor)))
        result.paste(band, (0, top // factor))
    assert result is not None  # noqa: S101 - an image has at least one row
    return result
