"""Every mode and profile that the seven formats bring, turned into plain sRGB."""

from __future__ import annotations

import io
from math import isfinite
from typing import cast

from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

from refusals import Refused

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))


_BITS, _PHOTOMETRIC = "bits", "photometric"
_TWELVE, _WHITE_IS_ZERO = 12, 0
# What a sample of a PNG is multiplied by, by Pillow's name of its raw mode.
_PNG_DEPTHS = {"L;2": 85, "L;4": 17, "I;16B": 1 / 256, "RGB;16B": 1 / 256}
FINISHED = ("L", "LA", "RGB", "RGBA", "YCbCr")
RESIZABLE = ("L", "RGB", "RGBX", "CMYK", "LAB", "YCbCr")


def resizable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose values may be averaged: those above, La or RGBa.

    Alpha is multiplied in, or the colour of invisible pixels would bleed into visible ones.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        image = _eight_bits(image)
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in ("P", "PA", "RGBA", "LA") or "transparency" in image.info:
        return _premultiplied(image)
    return image if image.mode in RESIZABLE else image.convert("RGB")


def scale_transparency(image: ImageFile.ImageFile) -> None:
    """Give the transparent colour of an opened PNG as its pixels will be, in eight bits.

    Pillow scales the pixels of other depths, and leaves the colour as the file has it.
    """
    scale = _PNG_DEPTHS.get(str(image.tile[0].args)) if image.tile else None
    colour = image.info.get("transparency")
    if scale is None or isinstance(colour, bytes) or colour is None:
        return
    scaled = [int(part * scale) for part in (colour if isinstance(colour, tuple) else (colour,))]
    image.info["transparency"] = tuple(scaled) if isinstance(colour, tuple) else scaled[0]


def note_meaning(image: TiffImagePlugin.TiffImageFile) -> None:
    """Keep what 16-bit samples mean where crops of an opened TIFF have it too."""
    tags = image.tag_v2
    image.info[_BITS] = max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    image.info[_PHOTOMETRIC] = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION)


def finished(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a resized image in one of FINISHED, in sRGB. A broken profile is ignored."""
    image = image.convert("RGB") if image.mode == "RGBX" else straight_alpha(image)
    if image.mode == "LAB":
        return _transform(image, _LAB, "RGB")
    source = _open_profile(profile)
    if source is not None:
        try:
            return _to_srgb(image, source)
        except ImageCms.PyCMSError:
            source = None  # made for other colours than the image has
    return image.convert("RGB") if image.mode == "CMYK" else image


def premultiplied_alpha(image: Image.Image) -> Image.Image:
    """Return an image with alpha as La or RGBa, others as they are."""
    mode = {"LA": "La", "RGBA": "RGBa"}.get(image.mode)
    return image.convert(mode) if mode else image


def straight_alpha(image: Image.Image) -> Image.Image:
    """Undo premultiplied_alpha."""
    mode = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    return image.convert(mode) if mode else image


def is_transparent(image: Image.Image) -> bool:
    """Tell whether any pixel of a finished image can be seen through."""
    if image.mode not in ("LA", "RGBA"):
        return False
    lowest, _ = cast("tuple[int, int]", image.getchannel("A").getextrema())
    return lowest < 255


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        high_byte = 0 if image.mode == "I;16B" else 1
        grey = _as_the_file_means(image, image.tobytes()[high_byte::2])
        grey.info.update(image.info)
        return grey
    # 32 bits have no agreed range: stretch what is there.
    low, high = cast("tuple[float, float]", image.getextrema())
    if not (isfinite(low) and isfinite(high)):
        raise Refused("damaged", "Some of the image's values are no numbers.")
    scale = 255 / ((high - low) or 1)
    return image.convert("F").point(lambda value: value * scale - low * scale).convert("L")


def _as_the_file_means(image: Image.Image, high_bytes: bytes) -> Image.Image:
    """Return 16-bit samples in eight; a TIFF may use twelve of them, or mean black by white."""
    grey = Image.frombytes("L", image.size, high_bytes)
    if image.info.get(_BITS) == _TWELVE:
        grey = image.convert("I").point(lambda value: value * (1 / 16)).convert("L")
    if image.info.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        grey = grey.point(lambda value: 255 - value)
    return grey


def _premultiplied(image: Image.Image) -> Image.Image:
    if image.mode == "P" and "transparency" not in image.info:
        return image.convert("RGB")
    return premultiplied_alpha(image if image.mode == "LA" else image.convert("RGBA"))


def _open_profile(data: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """Open a profile; None when there is none, it is broken, or it is sRGB already."""
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile)
    except (OSError, ImageCms.PyCMSError):
        return None
    return None if name.startswith("sRGB") else profile


def _to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    if image.mode == "YCbCr":
        image = image.convert("RGB")
    if image.mode not in ("LA", "RGBA"):
        grey = image.mode == "L"
        return _transform(image, source, "RGB").convert("L" if grey else "RGB")
    alpha = image.getchannel("A")
    colours = _to_srgb(image.convert(image.mode[:-1]), source)
    colours.putalpha(alpha)
    return colours


def _transform(image: Image.Image, source: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    transformed = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
    assert transformed is not None  # noqa: S101 - None only when transforming in place
    return transformed
