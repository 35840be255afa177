"""Which objects an S3 event speaks of, and where their pictures belong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from refusals import Refused, Skipped

PREFIX = "uploads/"
MAX_KEY_BYTES = 1024  # S3's limit


@dataclass(frozen=True)
class Upload:
    """An object in the input bucket; `key` is decoded, `size_bytes` is what the event says."""

    bucket: str
    key: str
    size_bytes: int

    def output_keys(self, folders: Iterable[str]) -> dict[str, str]:
        """Folder -> key of its picture. Raises SetAside when there can be no picture."""
        if not self.key.startswith(PREFIX):
            raise Skipped("not-in-uploads", f"Only objects under {PREFIX} are processed.")
        if self.key.endswith("/") and self.size_bytes == 0:
            raise Skipped("folder", "This is the empty object that stands for a folder (S22).")
        rest = self.key.removeprefix(PREFIX)
        keys = {folder: f"{folder}/{rest}" for folder in folders}
        longest = max(keys.values(), key=lambda key: len(key.encode()))
        if len(longest.encode()) > MAX_KEY_BYTES:
            raise Refused(
                "key-too-long",
                f"The key takes {len(self.key.encode()):,} bytes. That of {longest.split('/')[0]}/ "
                f"would exceed S3's {MAX_KEY_BYTES:,}. Upload it under a shorter name.",
            )
        return keys


def records_in(event: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the records of an event, none for s3:TestEvent (S19)."""
    return event.get("Records") or ()


def upload_in(record: Mapping[str, Any]) -> Upload:
    """Return the upload that a record speaks of."""
    entity = record["s3"]
    # S3 form-encodes the key: a space is "+", a plus is "%2B" (S20).
    key = unquote_plus(entity["object"]["key"])
    return Upload(entity["bucket"]["name"], key, entity["object"].get("size", 0))
