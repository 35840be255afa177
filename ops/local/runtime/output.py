"""Reads what a worker process writes: framed log records, and stdout and stderr by line.

The framing is awslambdaric's: type, length and microseconds, then the text; all big-endian.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from .outcome import LogLine

_CHUNK = 1 << 16
_HEADER = 16  # 4 bytes type, 4 length, 8 time
_LIMIT = 256 * 1024  # CloudWatch's largest event


class Output:
    """The pipes of one worker; pass `frames_fd` and `text_fd` to the process."""

    def __init__(self) -> None:
        self._frames, self.frames_fd = os.pipe()
        self._text, self.text_fd = os.pipe()
        os.set_inheritable(self.frames_fd, True)
        for fd in (self._frames, self._text):
            os.set_blocking(fd, False)
        self._lock = threading.Lock()
        self._framed, self._loose = b"", b""

    def started(self) -> None:
        """Close the ends that the process holds now."""
        os.close(self.frames_fd)
        os.close(self.text_fd)

    def take(self, *, final: bool = False) -> list[LogLine]:
        """Every whole record and line written so far; with `final`, the unfinished line too."""
        with self._lock:
            self._framed += _read(self._frames)
            self._loose += _read(self._text)
            records, self._framed = _split_frames(self._framed)
            lines, self._loose = _split_lines(self._loose, final)
        return sorted([*records, *lines], key=lambda line: line.time_ms)

    def close(self) -> None:
        """Close the reading ends."""
        os.close(self._frames)
        os.close(self._text)


def _read(fd: int) -> bytes:
    chunks = []
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(fd, _CHUNK):
            chunks.append(chunk)
    return b"".join(chunks)


def _split_frames(data: bytes) -> tuple[list[LogLine], bytes]:
    records = []
    while len(data) >= _HEADER:
        end = _HEADER + int.from_bytes(data[4:8], "big")
        if len(data) < end:
            break
        time_ms = int.from_bytes(data[8:16], "big") // 1000
        text = data[_HEADER:end].decode("utf-8", "replace").rstrip("\n")
        records.append(LogLine(time_ms, text[:_LIMIT]))
        data = data[end:]
    return records, data


def _split_lines(data: bytes, final: bool) -> tuple[list[LogLine], bytes]:
    now_ms = int(time.time() * 1000)
    *whole, rest = data.split(b"\n")
    if final and rest:
        whole, rest = [*whole, rest], b""
    texts = (line.decode("utf-8", "replace").replace("\r", "\n")[:_LIMIT] for line in whole)
    return [LogLine(now_ms, text) for text in texts if text], rest
