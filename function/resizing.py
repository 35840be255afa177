"""Sizes and filters: equal in quality to full LANCZOS resizes, at a fraction of the time.

A JPEG comes as brightness and two colours (YCbCr), and leaves as that. The eye sees detail in the
brightness, so that is where the time is spent.
"""

from __future__ import annotations

from PIL import Image

Box = tuple[float, float, float, float]

FIRST_FILTER = Image.Resampling.BICUBIC  # from the decoded image
NEXT_FILTER = Image.Resampling.LANCZOS  # from the picture one size larger
SOFT_FILTER = Image.Resampling.LANCZOS  # from what libjpeg scaled so far down that it is soft
COLOUR_FILTER = Image.Resampling.HAMMING
REDUCE_HEADROOM = 1.5  # averaging stops this much above the target, so that the filter decides


def fit(width: int, height: int, max_px: int) -> tuple[int, int]:
    """Return the size with the same proportions that fits a square of `max_px`, never larger."""
    scale = min(1.0, max_px / width, max_px / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def reduction(size: tuple[int, int], target: tuple[int, int]) -> int:
    """Return how many pixels to average into one, on each axis, before the filter."""
    ratio = min(size[0] / target[0], size[1] / target[1])
    return max(1, int(ratio / REDUCE_HEADROOM))


def first_size(
    image: Image.Image,
    target: tuple[int, int],
    box: Box | None = None,
    resample: Image.Resampling = FIRST_FILTER,
) -> Image.Image:
    """Resize the `box` of a decoded image, all of it for None."""
    if image.size == target:
        return image
    _, _, right, bottom = box or (0, 0, *image.size)
    if image.mode == "YCbCr":
        return _resized_apart(image, target, (right, bottom), resample)
    return _resized(image, target, (right, bottom), resample)


def next_size(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Resize a picture to the next size of the cascade."""
    if image.size == target:
        return image
    if image.mode != "YCbCr":
        return image.resize(target, NEXT_FILTER)
    factor = max(1, round(min(image.width / target[0], image.height / target[1])) // 2)
    corner = (image.width / factor, image.height / factor)
    return _resized_apart(image.reduce(factor), target, corner, NEXT_FILTER)


def _resized_apart(
    image: Image.Image,
    target: tuple[int, int],
    corner: tuple[float, float],
    resample: Image.Resampling,
) -> Image.Image:
    """Resize brightness well and colours at half the size, as JPEG (4:2:0) keeps them anyway.

    Each colour is doubled at the end without a filter, which the encoder undoes exactly.
    """
    brightness, *colours = image.split()
    planes = [_resized(brightness, target, corner, resample)]
    half = (target[0] + 1) // 2, (target[1] + 1) // 2
    for colour in colours:
        halved = colour.reduce(2)
        small = _resized(halved, half, (corner[0] / 2, corner[1] / 2), COLOUR_FILTER)
        middle = (0, 0, target[0] / 2, target[1] / 2)
        planes.append(small.resize(target, Image.Resampling.NEAREST, middle))
    return Image.merge(image.mode, planes)


def _resized(
    image: Image.Image,
    target: tuple[int, int],
    corner: tuple[float, float],
    resample: Image.Resampling,
) -> Image.Image:
    """Resize what lies between the origin and `corner`.

    Two one-axis passes, rows first, take less time than Pillow's own order on a large image.
    """
    right, bottom = corner
    image = image.resize((image.width, target[1]), resample, (0, 0, image.width, bottom))
    return image.resize(target, resample, (0, 0, right, target[1]))
