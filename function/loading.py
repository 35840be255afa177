"""The pixels of an opened file, by the cheapest way that its format has, if they fit the memory.

JPEGs are decoded at a fraction of their size; all else is averaged down until the filters can do
the rest. What will not fit is refused before anything large is allocated.
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, JpegImagePlugin, TiffImagePlugin, WebPImagePlugin

import avif
import gif
import jpeg
import png_strips
import webp
from averaging import averaged
from body import IN_MEMORY_BYTES, Body
from colours import resizable
from memory import (
    avif_to_decode,
    ensure_fits,
    fits,
    function_memory_mb,
    gif_to_open,
    to_decode,
    to_finish,
    webp_to_decode,
)
from refusals import Refused
from resizing import FIRST_FILTER, SOFT_FILTER, Box, fit, reduction

_APART, _EIGHT = 2, 8
SOFT_FROM = 4  # libjpeg scales by leaving out frequencies


def ensure_it_can_be_opened(body: Body, name: str, max_px: int) -> None:
    """Raise Refused for a WebP, AVIF or GIF that would not fit: Pillow allocates on opening."""
    size, needed = (0, 0), 0.0
    if name == "PNG" and body.stored_bytes:
        body.ensure_can_be_kept(min(png_strips.attached_bytes(body), body.size))
    if name == "WEBP" and (head := webp.read_head(body.read(webp.HEAD_BYTES))):
        size, needed = head.size, webp_to_decode(head, body.size)
    elif name == "AVIF" and (told := _avif_head(body)):
        size, factor = told.size, reduction(told.size, fit(*told.size, max_px))
        needed = avif_to_decode(told, body.stored_bytes, factor)
    elif name == "GIF" and (frame := gif.read_size(body)):
        size, needed = frame, gif_to_open(*frame)
    if needed:
        finishing = to_finish(fit(*size, max_px))
        ensure_fits(needed + body.resident_bytes + finishing, *size, function_memory_mb())


def _avif_head(body: Body) -> avif.AvifHead | None:
    """Read what is usually at the beginning, and may be anywhere in the file."""
    head = body.read(avif.HEAD_BYTES)
    return avif.read_head(head) or avif.read_head(head + body.read(IN_MEMORY_BYTES))


def refuse_misread(opened: Image.Image) -> None:
    """Refuse a TIFF that Pillow takes for another: 16-bit colours, each in a plane of its own."""
    if not isinstance(opened, TiffImagePlugin.TiffImageFile):
        return
    tags = opened.tag_v2
    apart = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == _APART
    deep = max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > _EIGHT
    if apart and deep and len(opened.tile) > 1 and opened.tile[0].codec_name == "raw":
        raise Refused(
            "damaged", "This kind of TIFF (16 bits, planes apart) cannot be read. Save it as PNG."
        )


class Loaded(NamedTuple):
    """Pixels in a mode that can be resized, the box of them that is the picture, and how best."""

    image: Image.Image
    box: Box
    resample: Image.Resampling = FIRST_FILTER


def load(
    opened: Image.Image, body: Body, target: tuple[int, int], jpeg_stays: bool = True
) -> Loaded:
    """Return the pixels, at least as many as `target`; of a JPEG that stays one, as YCbCr.

    Raises Refused when decoding would not fit the memory.
    """
    if isinstance(opened, JpegImagePlugin.JpegImageFile):
        return _load_jpeg(opened, body, target, jpeg_stays)
    refuse_misread(opened)
    factor = reduction(opened.size, target)
    box = (0, 0, opened.width / factor, opened.height / factor)
    if opened.format == "AVIF":
        opened.load()
        return Loaded(averaged(opened, factor), box)
    if isinstance(opened, WebPImagePlugin.WebPImageFile):
        return Loaded(averaged(webp.load(opened), factor), box)
    return Loaded(_load_reduced(opened, body, factor, to_finish(target)), box)


def _load_jpeg(
    opened: JpegImagePlugin.JpegImageFile, body: Body, target: tuple[int, int], jpeg_stays: bool
) -> Loaded:
    size = opened.size
    pixels = size[0] * size[1]
    buffered = jpeg.buffer_bytes(body, pixels)
    if buffered:
        jpeg.refuse_endless_scans(body, pixels)
    box = jpeg.scale(opened, target, apart=jpeg_stays)
    decoding = to_decode(opened, body.stored_bytes, 1, buffered)
    needed = body.resident_bytes + decoding + to_finish(target)
    ensure_fits(needed, *size, function_memory_mb())
    body.ends_jpeg = True
    opened.load()
    is_soft = size[0] / box[2] >= SOFT_FROM
    return Loaded(resizable(opened), box, SOFT_FILTER if is_soft else FIRST_FILTER)


def _load_reduced(opened: Image.Image, body: Body, factor: int, finishing: int) -> Image.Image:
    needed = body.resident_bytes + to_decode(opened, body.stored_bytes, factor) + finishing
    whole_fits = fits(needed, function_memory_mb())
    if not whole_fits and factor > 1 and png_strips.can_decode(opened):
        return png_strips.decode_reduced(opened, body, factor)
    ensure_fits(needed, *opened.size, function_memory_mb())
    opened.load()
    return averaged(opened, factor)
