"""Uploads in memory and on the disk, and those too large for either."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

import body as body_module
from body import Body, fetch
from refusals import Refused
from tests.unit.function.fakes import PLENTY


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Untouchable:
    """A stream that nobody may read."""

    def read(self, amt: int | None = None) -> bytes:
        raise AssertionError("it was read")


def test_a_small_upload_is_kept_in_memory() -> None:
    with fetch(io.BytesIO(b"small"), 5, PLENTY) as kept:
        assert (kept.resident_bytes, kept.read()) == (5, b"small")


def test_a_large_upload_is_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "IN_MEMORY_BYTES", 4)

    with fetch(io.BytesIO(b"large"), 5, PLENTY) as kept:
        assert (kept.resident_bytes, kept.read()) == (0, b"large")


def test_an_upload_larger_than_the_disk_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(512, 0, 100_000_000))

    with pytest.raises(Refused, match=r"200 MB.*100 MB"):
        fetch(Untouchable(), 200_000_000, PLENTY)


def test_a_gigabyte_is_refused_unread_whatever_the_disk_has() -> None:
    with pytest.raises(Refused, match=r"1,000 MB.*537 MB"):
        fetch(Untouchable(), 1_000_000_000, PLENTY)


def test_what_is_attached_before_the_picture_is_not_all_read(tmp_path: Path) -> None:
    file = (tmp_path / "photo").open("w+b")
    file.truncate(60_000_000)
    attached = Body(file, 60_000_000, PLENTY)

    with pytest.raises(Refused, match="attachments"):
        attached.read(55_000_000)

    attached.opened()
    assert len(attached.read(55_000_000)) == 55_000_000
    attached.close()
