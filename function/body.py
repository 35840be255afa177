"""An upload's bytes as the decoders read them: in memory when small, else on the disk in /tmp."""

from __future__ import annotations

import io
from typing import IO, Protocol

from deadline import Deadline
from refusals import Refused

IN_MEMORY_BYTES = 32 * 1024 * 1024
MAX_BYTES = 512 * 1024 * 1024  # what Lambda gives every function in /tmp
_OPENING_BYTES = 48 * 1024 * 1024  # of a file on the disk, what may be read to open it
_CHUNK_BYTES = 1024 * 1024
_END_OF_IMAGE = b"\xff\xd9"


class Stream(Protocol):
    """What S3 hands out: bytes on demand."""

    def read(self, amt: int | None = None) -> bytes:
        """Return at most `amt` bytes, or all."""


class Readable(Protocol):
    """A file as far as it is read here."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, or all."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new position."""


class Body(io.RawIOBase):
    """A file that looks at the clock whenever a decoder asks for more.

    `resident_bytes` of it are in memory, `stored_bytes` on the disk. With `ends_jpeg`, a file that
    ends too early ends with the marker that libjpeg waits for, and `truncated` tells that it did.
    """

    def __init__(self, file: IO[bytes], size: int, deadline: Deadline) -> None:
        self._file = file
        self._deadline = deadline
        self.size = size
        self.resident_bytes = size if isinstance(file, io.BytesIO) else 0
        self.stored_bytes = size - self.resident_bytes
        self._unopened_bytes = _OPENING_BYTES if self.stored_bytes else None
        self.ends_jpeg = False
        self.truncated = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes. Raises OutOfTimeError."""
        self._deadline.check()
        size = -1 if size is None else size
        if self._unopened_bytes is not None:
            self._count(self.size - self._file.tell() if size < 0 else size)
        data = self._file.read(size)
        if data or not size or self.truncated or not self.ends_jpeg:
            return data
        self.truncated = True
        return _END_OF_IMAGE

    def opened(self) -> None:
        """Say that the header is read: from now on what is read need not stay in memory."""
        self._unopened_bytes = None

    def _count(self, size: int) -> None:
        assert self._unopened_bytes is not None  # noqa: S101 - the caller has looked
        self.ensure_can_be_kept(size)
        self._unopened_bytes -= size

    def ensure_can_be_kept(self, size: int) -> None:
        """Refuse a file with more beside its picture than fits: Pillow keeps what it reads."""
        if self._unopened_bytes is not None and size > self._unopened_bytes:
            raise Refused(
                "too-large",
                f"The file has {self.size / 1e6:,.0f} MB, and more than "
                f"{_OPENING_BYTES / 1e6:,.0f} MB of it beside the picture. "
                "Save it anew without its attachments.",
            )

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move as any file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell the position as any file does."""
        return self._file.tell()

    def close(self) -> None:
        """Give memory or disk back."""
        self._file.close()
        super().close()


def fetch(stream: Stream, size: int, deadline: Deadline) -> Body:
    """Read an upload of `size` bytes. Raises Refused when the disk cannot hold it, unread."""
    if size <= IN_MEMORY_BYTES:
        return Body(_copied(stream, io.BytesIO(), deadline), size, deadline)
    return Body(_store(stream, size, deadline), size, deadline)


def _copied(stream: Stream, file: IO[bytes], deadline: Deadline) -> IO[bytes]:
    while chunk := stream.read(_CHUNK_BYTES):
        deadline.check()
        file.write(chunk)
    file.seek(0)
    return file


def _store(stream: Stream, size: int, deadline: Deadline) -> IO[bytes]:
    import shutil  # few uploads are large, and these two take long to import
    import tempfile

    room = min(shutil.disk_usage(tempfile.gettempdir()).free, MAX_BYTES)
    if size > room:
        raise Refused(
            "too-large",
            f"The file has {size / 1e6:,.0f} MB; the function has room for {room / 1e6:,.0f} MB. "
            "Upload a smaller file.",
        )
    return _copied(stream, tempfile.TemporaryFile(), deadline)  # which the Body closes
