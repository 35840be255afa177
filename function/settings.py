"""What the function's environment says: where to write, whom to tell, which pictures to make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_SIZES = "thumbnails=128 medium=512 large=1024"
FORMATS = ("keep", "jpeg", "png", "webp")
NOTIFY = ("all", "failures", "none")

# Raised when the same settings begin to give other pixels, so that older outputs count as stale.
RENDERING = 2


class SettingsError(ValueError):
    """An environment variable is missing or makes no sense."""


@dataclass(frozen=True)
class Settings:
    """`sizes` maps an output folder to the side, in pixels, of the square its pictures fit in."""

    output_bucket: str
    topic_arn: str
    sizes: Mapping[str, int]
    notify: str = "all"
    quality: int = 80
    format: str = "keep"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read OUTPUT_BUCKET, SNS_TOPIC_ARN and the optional SIZES, NOTIFY, QUALITY, FORMAT.

        Raises SettingsError, which names the variable.
        """
        return cls(
            output_bucket=_required(environment, "OUTPUT_BUCKET"),
            topic_arn=_required(environment, "SNS_TOPIC_ARN"),
            sizes=_sizes(environment.get("SIZES", DEFAULT_SIZES)),
            notify=_choice("NOTIFY", environment.get("NOTIFY", "all"), NOTIFY),
            quality=_quality(environment.get("QUALITY", "80")),
            format=_choice("FORMAT", environment.get("FORMAT", "keep"), FORMATS),
        )

    @property
    def jpeg_stays(self) -> bool:
        """Whether a JPEG becomes JPEGs."""
        return self.format in ("keep", "jpeg")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the same upload would give other pictures."""
        sizes = " ".join(f"{folder}={px}" for folder, px in sorted(self.sizes.items()))
        text = f"{RENDERING};{sizes};{self.quality};{self.format}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"The environment variable {name} is not set.")
    return value


def _sizes(text: str) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for entry in text.split():
        folder, _, side = entry.partition("=")
        if not folder or "/" in folder or not side.isascii() or not side.isdigit() or int(side) < 1:
            raise SettingsError(f"SIZES has {entry!r}; it takes folder=pixels, as in large=1024.")
        sizes[folder] = int(side)
    if not sizes:
        raise SettingsError("SIZES is empty; it takes folder=pixels, as in large=1024.")
    return sizes


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}; it takes one of {', '.join(choices)}.")
    return value


def _quality(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise SettingsError(f"QUALITY is {text!r}; it takes a number from 1 to 100.")
    return int(text)
