"""The pictures that the image benchmark runs over: real photographs, and others made from them.

What is made says so in its name: `tiled` repeats a photograph, `as` encodes it in another format.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"


@dataclass(frozen=True)
class Case:
    """A file, the format of its outputs, and the family in whose geometric mean it counts."""

    path: Path
    output: str
    family: str

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.name


def corpus(folder: Path) -> list[Case]:
    """Return all cases; what is made is kept in `folder`. Empty without the photographs."""
    if not PHOTOS.is_dir():
        return []
    return [*_jpegs(folder), *_others(folder)]


def _jpegs(folder: Path) -> list[Case]:
    galaxy = PHOTOS / "s7edge_12mp.jpg"
    iphone = PHOTOS / "iphone6plus_8mp.jpg"
    paths = [
        PHOTOS / "landscape6_2mp.jpg",
        iphone,
        galaxy,
        _made(folder, galaxy, "12mp_as_progressive.jpg", progressive=True, quality=90),
        _made(folder, iphone, "24mp_tiled_1x3.jpg", (3, 1), quality=90),
        _made(folder, galaxy, "48mp_tiled_2x2.jpg", (2, 2), quality=90),
        _made(folder, galaxy, "108mp_tiled_3x3.jpg", (3, 3), quality=90),
    ]
    return [Case(path, "jpeg", "JPEG") for path in paths]


def _others(folder: Path) -> list[Case]:
    galaxy = PHOTOS / "s7edge_12mp.jpg"
    iphone = PHOTOS / "iphone6plus_8mp.jpg"
    return [
        Case(PHOTOS / "paper_3mp_rgba.png", "png", "other"),
        Case(_made(folder, galaxy, "12mp_as.png"), "png", "other"),
        Case(_made(folder, iphone, "8mp_as.webp", quality=90), "webp", "other"),
        Case(_made(folder, galaxy, "12mp_as.webp", quality=90), "webp", "other"),
        Case(PHOTOS / "avif_12mp_or6.avif", "jpeg", "other"),
        Case(_made(folder, galaxy, "12mp_as_lzw.tiff", compression="tiff_lzw"), "jpeg", "other"),
        Case(_made(folder, iphone, "8mp_as.gif"), "jpeg", "other"),
    ]


def _made(
    folder: Path, source: Path, name: str, tiles: tuple[int, int] = (1, 1), **options: Any
) -> Path:
    path = folder / name
    if not path.exists():
        tile = Image.open(source).convert("RGB")
        image = Image.new("RGB", (tile.width * tiles[0], tile.height * tiles[1]))
        for left in range(0, image.width, tile.width):
            for top in range(0, image.height, tile.height):
                image.paste(tile, (left, top))
        image.save(path, **options)
    return path
