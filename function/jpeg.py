"""What is particular to decoding JPEG: fractions of the size, and the memory and time of its scans.

Pillow's `draft` offers 1/2, 1/4 and 1/8. libjpeg also has 3/8, which saves a tenth of the whole
time where it fits; it is reached through attributes that Pillow does not document. Where they look
other than we know them, `draft` is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from PIL import JpegImagePlugin

from body import Readable
from refusals import Refused
from resizing import Box

# What is decoded stays this much larger than needed; the filter does the rest. libjpeg's own
# scaling alone would look worse.
HEADROOM = 1.19

# Cameras write ten scans. A small file can hold thousands, each of which visits every pixel.
MAX_SCANS = 100
_SCAN = 0xDA
_SEQUENTIAL_FRAMES = frozenset({0xC0, 0xC1, 0xC9})
_OTHER_FRAMES = frozenset({0xC2, 0xCA})
_BARE_MARKERS = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # without a length
_END = b"\xff\xd9"
_COEFFICIENT_BYTES = 2
_WORST_COEFFICIENT_BYTES = 8  # of four components, none of them halved
_MAX_SCANNED_PIXELS = 2_000_000_000
_CHUNK_BYTES = 64 * 1024


def scale(
    image: JpegImagePlugin.JpegImageFile, target: tuple[int, int], *, apart: bool = True
) -> Box:
    """Choose the smallest fraction that is large enough for `target`, before anything is decoded.

    With `apart`, brightness and colours stay apart (YCbCr) where they are so in the file. Returns
    the box of the decoded image that holds the picture.
    """
    spare = min(image.width / target[0], image.height / target[1]) / HEADROOM
    mode = "YCbCr" if apart and _has_brightness(image) else None
    if 8 / 3 <= spare < 4 and _can_scale_to_3_8(image):
        image.draft(mode, None)
        return _scale_to_3_8(image)
    fraction = next(fraction for fraction in (8, 4, 2, 1) if spare >= fraction or fraction == 1)
    scaled = image.draft(mode, (image.width // fraction, image.height // fraction))
    return scaled[1] if scaled else (0, 0, *image.size)


def buffer_bytes(file: Readable, pixels: int) -> int:
    """Return what libjpeg keeps of the whole image, whatever the scale it decodes at.

    Nothing where the first scan holds every component; all coefficients where several do, or where
    the header cannot be understood.
    """
    frame_marker, frame = 0, b""
    for marker, segment in _segments(file):
        if marker in _SEQUENTIAL_FRAMES or marker in _OTHER_FRAMES:
            frame_marker, frame = marker, segment
        elif marker == _SCAN and frame:
            in_one_scan = frame_marker in _SEQUENTIAL_FRAMES and segment[:1] == frame[5:6]
            return 0 if in_one_scan else _coefficient_bytes(frame)
    return pixels * _WORST_COEFFICIENT_BYTES


def refuse_endless_scans(file: Readable, pixels: int) -> None:
    """Raise Refused when the file has more scans than any picture needs, or than there is time for.

    What comes after the end of the picture, such as a film, is not looked at.
    """
    for _ in _segments(file):
        continue  # up to the first scan
    scans, last, ended = 1, b"", False
    while not ended and (piece := file.read(_CHUNK_BYTES)):
        data = last + piece
        end = data.find(_END)
        ended = end >= 0
        scans += data.count(bytes((0xFF, _SCAN)), 0, end if ended else len(data))
        last = piece[-1:]
    if scans > MAX_SCANS or scans * pixels > _MAX_SCANNED_PIXELS:
        raise Refused("damaged", f"The JPEG has {scans:,} scans; a picture has about ten.")


def _segments(file: Readable) -> Iterator[tuple[int, bytes]]:
    """Yield the markers of the header and what they hold, up to the first scan.

    What stands between them is passed over, as decoders do.
    """
    file.seek(2)
    marker = 0
    while marker != _SCAN and (byte := file.read(1)):
        if byte != b"\xff":
            continue
        while (kind := file.read(1)) == b"\xff":
            continue  # padding
        if not kind or kind[0] in _BARE_MARKERS:
            continue
        marker, length = kind[0], int.from_bytes(file.read(2))
        yield marker, file.read(max(0, length - 2))


def _coefficient_bytes(frame: bytes) -> int:
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    sampling = [(byte >> 4, byte & 15) for byte in frame[7::3]]
    across, down = max(across for across, _ in sampling), max(down for _, down in sampling)
    share = sum(across * down for across, down in sampling) / (across * down)
    return ceil(width * height * share * _COEFFICIENT_BYTES)


def _has_brightness(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Tell whether the file holds YCbCr for certain; libjpeg refuses to make it of RGB.

    Adobe's marker decides where there is one, else JFIF's presence or the names of the components.
    Without such a word it is decoded as RGB, which always works.
    """
    if image.mode != "RGB":
        return False
    if "adobe" in image.info:
        return image.info.get("adobe_transform") == 1
    names = [component[0] for component in getattr(image, "layer", [])]
    return "jfif" in image.info or names == [1, 2, 3]


def _can_scale_to_3_8(image: JpegImagePlugin.JpegImageFile) -> bool:
    whole = (0, 0, *image.size)
    return (
        getattr(image, "_size", None) == image.size
        and image.decoderconfig == ()
        and len(image.tile) == 1
        and getattr(image.tile[0], "extents", None) == whole
    )


def _scale_to_3_8(image: JpegImagePlugin.JpegImageFile) -> Box:
    width, height = image.size
    size = (ceil(width * 3 / 8), ceil(height * 3 / 8))
    image._size = size
    image.tile = [image.tile[0]._replace(extents=(0, 0, *size))]
    image.decoderconfig = (3, 0)  # libjpeg takes the next eighth above 1/3
    return 0, 0, width * 3 / 8, height * 3 / 8
