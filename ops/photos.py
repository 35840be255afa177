"""Photographs as files on this machine: are they images, how large, of which type."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from provision.errors import UsageError


@dataclass(frozen=True)
class Photo:
    """A file that is an image; sizes are of the upright picture."""

    path: Path
    width: int
    height: int


def open_photo(path: Path) -> Photo:
    """Check that a file is an image before anything is uploaded; UsageError if not."""
    try:
        with Image.open(path) as image:
            width, height = _upright_size(image)
    except (UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _no_image(path, error) from error
    except OSError as error:
        if error.errno is None:  # Pillow's word for a header that is cut off
            raise _no_image(path, error) from error
        raise UsageError(
            f"{path} cannot be read.", why=error.strerror or str(error), fix="Check the path."
        ) from error
    return Photo(path, width, height)


def _no_image(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path} is no image that can be read.",
        why=str(error),
        fix="Choose a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file.",
    )


def content_type(path: Path) -> str:
    """Return an image file's MIME type."""
    with Image.open(path) as image:
        return Image.MIME.get(image.format or "", "application/octet-stream")


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the size of a picture that fits a square and is never enlarged."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    upright = image.getexif().get(0x0112, 1) < 5  # orientations 5 to 8 lie on their side
    return image.size if upright else (image.size[1], image.size[0])
