"""What a file is by its first bytes, whatever its name or Content-Type says."""

from __future__ import annotations

from refusals import Refused

HEAD_BYTES = 256

_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

# Formats that people do upload and that deserve to be refused by name.
_KNOWN_BUT_REFUSED = (
    (b"%PDF-", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file, perhaps an SVG drawing"),
    (b"PK\x03\x04", "a ZIP archive"),
)


def identify(head: bytes) -> str:
    """Return JPEG, PNG, WEBP, AVIF, TIFF, BMP or GIF. Raises Refused for all else."""
    if not head:
        raise Refused("empty", "The file is empty. Upload it again.")
    for prefix, name in _SIGNATURES:
        if head.startswith(prefix):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _identify_heif(head)
    raise Refused("not-an-image", _what_else(head))


_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)


def _identify_heif(head: bytes) -> str:
    end = min(int.from_bytes(head[:4]), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        raise Refused(
            "heic",
            "This is a HEIC photo, which the pipeline cannot read. "
            "Export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible).",
        )
    raise Refused("not-an-image", "This is a video, not an image. Upload a still image.")


def _what_else(head: bytes) -> str:
    names = [name for prefix, name in _KNOWN_BUT_REFUSED if head.startswith(prefix)]
    what = f"This is {names[0]}" if names else "The content is no image that the pipeline knows"
    return f"{what}. It takes JPEG, PNG, WebP, AVIF, TIFF, BMP and GIF; the name does not matter."
