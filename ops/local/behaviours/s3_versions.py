"""Listing versions without copying the bucket for every page, which moto does (S25)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from moto.s3.models import FakeDeleteMarker, s3_backends

from ..calls import Call
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_PAGE = 1000


@rows.answers("S25", "s3.ListObjectVersions")
def list_versions(state: State, call: Call) -> dict[str, Any] | None:
    """Answer a page, by key and newest first; calls with a delimiter are moto's."""
    bucket = s3_backends[call.account][call.partition].buckets.get(call.get("Bucket"))
    if bucket is None or call.get("Delimiter"):
        return None
    entries = _after(_entries(bucket, call.get("Prefix") or ""), call)
    size = min(int(call.get("MaxKeys") or _PAGE), _PAGE)
    page, more = entries[:size], len(entries) > size
    result: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": call.get("Prefix") or "",
        "MaxKeys": size,
        "IsTruncated": more,
        "Versions": [_shown(e) for e in page if not isinstance(e[0], FakeDeleteMarker)],
        "DeleteMarkers": [_shown(e) for e in page if isinstance(e[0], FakeDeleteMarker)],
    }
    if more:
        last = page[-1][0]
        result |= {"NextKeyMarker": last.name, "NextVersionIdMarker": _version_id(last)}
    if call.get("EncodingType") == "url":
        _encode_keys(result)
    return {key: value for key, value in result.items() if value != []}


def _encode_keys(result: dict[str, Any]) -> None:
    """Spell keys as URLs do: XML has no way to say a control character."""
    result["EncodingType"] = "url"
    for entry in (*result["Versions"], *result["DeleteMarkers"]):
        entry["Key"] = quote(entry["Key"])
    for name in ("Prefix", "NextKeyMarker"):
        if name in result:
            result[name] = quote(result[name])


def _entries(bucket: Any, prefix: str) -> list[tuple[Any, bool]]:
    """All versions and whether each is its key's latest."""
    lists = ((name, versions) for name, versions in bucket.keys.iterlists())
    chosen = sorted((pair for pair in lists if pair[0].startswith(prefix)), key=lambda p: p[0])
    return list(
        chain.from_iterable(
            [(version, at == 0) for at, version in enumerate(reversed(versions))]
            for _, versions in chosen
        )
    )


def _after(entries: list[tuple[Any, bool]], call: Call) -> list[tuple[Any, bool]]:
    """What follows the markers, also when the marked version is gone meanwhile."""
    key, version = call.get("KeyMarker"), call.get("VersionIdMarker")
    if not key:
        return entries
    at = next((i for i, (e, _) in enumerate(entries) if e.name >= key), len(entries))
    while at < len(entries) and entries[at][0].name == key:
        found = _version_id(entries[at][0]) == version
        at += 1
        if found:
            break
    return entries[at:]


def _shown(entry: tuple[Any, bool]) -> dict[str, Any]:
    version, latest = entry
    shown = {
        "Key": version.name,
        "VersionId": _version_id(version),
        "IsLatest": latest,
        "LastModified": version.last_modified,
    }
    if isinstance(version, FakeDeleteMarker):
        return shown
    return {
        **shown,
        "ETag": version.etag,
        "Size": version.size,
        "StorageClass": version.storage_class,
    }


def _version_id(version: Any) -> str:
    return version.version_id or "null"
