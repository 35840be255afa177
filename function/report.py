"""What became of one upload, in the shape that the log, the mail and other subscribers share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from decoding import Picture
from renditions import Rendition
from uploads import Upload


@dataclass(frozen=True)
class SourceFacts:
    """The upload as it was read; `width` and `height` are those of the upright image."""

    format: str
    width: int
    height: int
    bytes: int
    truncated: bool


@dataclass(frozen=True)
class OutputFacts:
    """One picture that was written; `size` is its folder."""

    size: str
    key: str
    width: int
    height: int
    bytes: int
    content_type: str


@dataclass(frozen=True)
class Processed:
    """An upload whose pictures are all written."""

    bucket: str
    key: str
    etag: str
    source: SourceFacts
    outputs: tuple[OutputFacts, ...]
    output_bucket: str

    def fields(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def source_facts(picture: Picture, size_bytes: int) -> SourceFacts:
    """Describe a decoded upload."""
    return SourceFacts(
        picture.format.lower(), picture.width, picture.height, size_bytes, picture.truncated
    )


def output_facts(rendition: Rendition, key: str) -> OutputFacts:
    """Describe a picture written under `key`."""
    return OutputFacts(
        rendition.folder,
        key,
        rendition.width,
        rendition.height,
        len(rendition.data),
        rendition.content_type,
    )


def set_aside_fields(upload: Upload, code: str, reason: str) -> dict[str, Any]:
    """Describe an upload that was refused or skipped."""
    return {"bucket": upload.bucket, "key": upload.key, "code": code, "reason": reason}
