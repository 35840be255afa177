"""What is deployed: everything a worker process must know about a function, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Archive:
    """A zip as it was uploaded: code or a layer."""

    sha256: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Logging:
    """Where and how a function logs (L32); levels are None for text."""

    group: str
    format: str = "Text"
    application_level: str | None = None
    system_level: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether platform lines and records are JSON objects (L33)."""
        return self.format == "JSON"


@dataclass(frozen=True)
class Deployment:
    """A function's code, layers and configuration; `key` changes whenever any of them does."""

    key: str
    name: str
    arn: str
    account: str
    region: str
    runtime: str
    handler: str
    role_arn: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str]
    code: Archive
    layers: tuple[Archive, ...]
    logging: Logging
    reserved_concurrency: int | None = None
