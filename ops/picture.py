"""Makes a photograph-like picture, for those who want to see the pipeline work without one."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

_SIZE: Final = (3000, 2000)
_SKY_TOP, _SKY_LOW = (38, 70, 130), (250, 190, 130)
_RIDGES: Final = (  # height of the ridge line, its roughness in pixels, its colour
    (0.55, 90, (120, 120, 150)),
    (0.66, 120, (78, 88, 112)),
    (0.80, 150, (38, 48, 60)),
)


def draw(path: Path, seed: int = 7) -> None:
    """Draw hills at sunset, 3000x2000, with a camera's grain, and save it as a JPEG."""
    chance = random.Random(seed)  # noqa: S311 - a picture, no secret
    image = _sky()
    for level, roughness, colour in _RIDGES:
        _ridge(image, chance, level, roughness, colour)
    grain = Image.merge("RGB", [Image.effect_noise(_SIZE, 18)] * 3)
    image = ImageChops.add(image, grain, scale=1.0, offset=-128)
    image.save(path, quality=90)


def _sky() -> Image.Image:
    gradient = Image.linear_gradient("L").resize(_SIZE)
    sky = Image.composite(
        Image.new("RGB", _SIZE, _SKY_LOW), Image.new("RGB", _SIZE, _SKY_TOP), gradient
    )
    sun = Image.new("L", _SIZE)
    x, y, r = int(_SIZE[0] * 0.68), int(_SIZE[1] * 0.45), 120
    ImageDraw.Draw(sun).ellipse((x - r, y - r, x + r, y + r), fill=255)
    glow = sun.filter(ImageFilter.GaussianBlur(60))
    sky.paste((255, 236, 190), mask=ImageChops.lighter(sun, glow))
    return sky


def _ridge(
    image: Image.Image,
    chance: random.Random,
    level: float,
    roughness: int,
    colour: tuple[int, int, int],
) -> None:
    """Draw a hill line by halving: each half's middle strays, ever less."""
    width, height = image.size
    heights = [height * level, height * (level + 0.04)]
    spread = float(roughness)
    while len(heights) < 257:
        middles = [(a + b) / 2 + chance.uniform(-spread, spread) for a, b in pairwise(heights)]
        heights = [h for pair in zip(heights, middles, strict=False) for h in pair] + heights[-1:]
        spread *= 0.52
    step = width / (len(heights) - 1)
    line = [(i * step, h) for i, h in enumerate(heights)]
    ImageDraw.Draw(image).polygon([(0, height), *line, (width, height)], fill=colour)
