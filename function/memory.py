"""What a picture will take to decode, known from its header, against what the function has.

Pillow's own limit counts pixels, and so refuses a cheap large JPEG and accepts a deadly smaller
WebP. The figures are measured: bytes a pixel above the idle process.
"""

from __future__ import annotations

import ctypes
import os
from math import ceil

from PIL import Image, ImageFile, TiffImagePlugin

from avif import AvifHead
from refusals import Refused
from webp import WebPHead

MIB = 1024 * 1024
# Python, Pillow, the connections to S3 and SNS and Lambda's own client take 36 MiB when idle.
RESERVED = 52 * MIB
# mallopt(3): from which size on pieces are the kernel's, how much the heap keeps at its end, and by
# how much it grows.
_KEPT = {-3: 32 * MIB, -1: 128 * MIB, -2: 16 * MIB}
LARGE_SHARE = 0.25  # of the memory; from there on an earlier picture's remains could matter
LARGEST_MB = 10_240  # the most a Lambda function can have
STEP_MB = 64

# A decoded pixel by mode; other modes take 4 bytes.
_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}
# What colours.resizable adds to a small image; a large one is converted in bands.
_CONVERTED = {"1": 1, "P": 4, "PA": 8, "LA": 4, "RGBA": 4, "YCbCr": 4, "RGBX": 4, "I": 9, "F": 9}
_CONVERTED |= dict.fromkeys(("I;16", "I;16L", "I;16B"), 4)
_TILE_WIDTH, _TILE_HEIGHT = 322, 323  # of a TIFF
_WEBP_PIXEL = 12  # two canvases of libwebp's and the frame; what is shrunk from it is small
_WEBP_LOSSLESS_PIXEL = 14
_FINISHED_PIXEL = 18  # a picture, the same in other colours or turned, and encoded as WebP
_USUAL_PIXELS = 1024 * 1024
# An AVIF's frame and image; its planes, and what the allocator keeps of them; deep samples; alpha.
_AVIF_PIXEL, _AVIF_SAMPLE, _AVIF_DEEP, _AVIF_ALPHA = 7.2, 1.27, 0.5, 2.5


def keep_what_is_freed() -> None:
    """Have the allocator keep the memory of one picture for the next.

    To give it back, and to have the kernel clear it anew, takes up to a quarter of the time that a
    small photograph takes. What is large enough to matter to others is still given back.
    """
    for parameter, size_bytes in _KEPT.items():
        _glibc("mallopt", parameter, size_bytes)


def function_memory_mb() -> int | None:
    """Return the memory of this function in MB; None outside of Lambda."""
    size = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return int(size) if size else None


def fits(needed: float, memory_mb: int | None) -> bool:
    """Tell whether the function has `needed` bytes left; outside of Lambda anything fits."""
    return memory_mb is None or needed <= memory_mb * MIB - RESERVED


def ensure_fits(needed: float, width: int, height: int, memory_mb: int | None) -> None:
    """Raise Refused when decoding needs more bytes than the function has left."""
    if memory_mb is None:
        return
    if fits(needed, memory_mb):
        if needed > memory_mb * MIB * LARGE_SHARE:
            _glibc("malloc_trim", 0)  # or what earlier pictures left would come on top
        return
    enough_mb = ceil((needed + RESERVED) / MIB / STEP_MB) * STEP_MB
    remedy = (
        f"A memory setting of {enough_mb:,} MB would do (pipeline-ctl up --memory {enough_mb})."
        if enough_mb <= LARGEST_MB
        else "No memory setting would do. Upload a smaller image."
    )
    raise Refused(
        "too-large",
        f"The image has {width:,} x {height:,} pixels and needs about {ceil(needed / MIB):,} MB; "
        f"the function has {memory_mb:,} MB, of which {RESERVED // MIB} are taken. {remedy}",
    )


def to_decode(image: Image.Image, file_bytes: int, factor: int, buffered: int = 0) -> float:
    """Return the bytes that it takes to load an opened image and to average it down by `factor`.

    For a JPEG call it after the scale is chosen. `file_bytes` is what of the file is not in memory
    yet; it counts where a decoder wants the whole file at once. `buffered` is what a decoder holds
    until the image is loaded.
    """
    pixels = image.width * image.height
    small = 4 / factor**2 if factor > 1 else _conversion(image)
    loaded = pixels * _PIXEL.get(image.mode, 4) + max(buffered, pixels * small)
    if isinstance(image, ImageFile.ImageFile) and image.tile[0].codec_name == "bmp_rle":
        return loaded + 2 * pixels  # the same bytes twice more, before they are an image
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile[0].codec_name == "libtiff":
        return loaded + file_bytes + _strip_bytes(image)
    return loaded


def to_finish(target: tuple[int, int]) -> int:
    """Return the bytes that outputs larger than the usual ones take; those are in RESERVED."""
    return max(0, _FINISHED_PIXEL * (target[0] * target[1] - _USUAL_PIXELS))


def webp_to_decode(head: WebPHead, file_bytes: int) -> float:
    """Return the bytes that a WebP takes; ask before Pillow opens it, for that allocates."""
    pixel = _WEBP_LOSSLESS_PIXEL if head.lossless else _WEBP_PIXEL
    return head.size[0] * head.size[1] * pixel + file_bytes


def avif_to_decode(head: AvifHead, file_bytes: int, factor: int) -> float:
    """Return the bytes that an AVIF takes; ask before Pillow opens it, for that decodes.

    `file_bytes` is what of the file is not in memory yet: it is read whole, and copied.
    """
    deep = _AVIF_DEEP if head.deep else 0
    alpha = _AVIF_ALPHA + 2 * deep if head.alpha else 0
    pixel = _AVIF_PIXEL + _AVIF_SAMPLE * head.sample_bytes + deep + alpha
    return head.size[0] * head.size[1] * (pixel + 4 / factor**2) + 2 * file_bytes


def gif_to_open(width: int, height: int) -> float:
    """Return the bytes that a GIF takes to be opened: its frame, and what is under it."""
    return width * height * 2


def _glibc(function: str, *arguments: int) -> None:
    """Call the C library, where it is glibc; others have no such functions."""
    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*arguments)


def _conversion(image: Image.Image) -> int:
    transparent = "transparency" in image.info and image.mode != "LA"
    return 8 if transparent else _CONVERTED.get(image.mode, 0)


def _strip_bytes(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return the size of libtiff's buffer for one strip or tile, in the file's own samples."""
    tags = image.tag_v2
    rows = min(image.height, int(tags.get(TiffImagePlugin.ROWSPERSTRIP, image.height)))
    pixels = image.width * rows
    if _TILE_WIDTH in tags or _TILE_HEIGHT in tags:
        pixels = int(tags.get(_TILE_WIDTH, image.width)) * int(tags.get(_TILE_HEIGHT, image.height))
    samples = int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1))
    bits = int(max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))))
    return pixels * samples * ceil(bits / 8)
