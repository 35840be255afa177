"""The settings of a pipeline: what they are, what they may be, and where they come from.

A setting resolves flag > environment > `pipeline.toml` > what was recorded > default. `up`
records what differs from the defaults as tags of the function, so a later plain `up`, `status`
or `down` needs no flags. Adding a setting is a field of Settings and a line in SETTINGS.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from provision.errors import UsageError
from provision.names import check_bucket_name

TAG_PREFIX: Final = "pipeline-ctl:"
ENVIRONMENT_PREFIX: Final = "PIPELINE_CTL_"
SETTINGS_FILE: Final = "pipeline.toml"

# Keys of pipeline.toml that say where the pipeline is, not what it is.
PLACE_KEYS: Final = ("name", "profile", "region", "email")

# What CloudWatch Logs accepts (G2).
RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
_LARGEST_PX: Final = 16_383  # of a WebP
_DEFAULT_SIZES: Final = "thumbnails=128 medium=512 large=1024"


@dataclass(frozen=True)
class Settings:
    """One pipeline's settings. Memory in MB, timeout in seconds, sizes as `folder=pixels`."""

    memory: int = 256
    timeout: int = 30
    arch: str = "x86_64"
    runtime: str = "python3.12"
    retention: int = 30
    notify: str = "all"
    sizes: str = _DEFAULT_SIZES
    format: str = "keep"
    quality: int = 80
    bucket_namespace: str = "account-regional"
    input_bucket: str = ""
    output_bucket: str = ""

    @property
    def folders(self) -> dict[str, int]:
        """Output folders and the longest side in pixels of the images in them."""
        return {folder: int(px) for folder, px in (s.split("=") for s in self.sizes.split())}


def _number(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = int(value) if re.fullmatch(r"\d{1,9}", str(value)) else None
        if number is None or not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return parse


def _choice(*allowed: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return str(value)

    return parse


def _retention(value: Any) -> int:
    if str(value) not in {str(days) for days in RETENTION_DAYS}:
        raise ValueError(f"one of {', '.join(map(str, RETENTION_DAYS))} days")
    return int(value)


def _sizes(value: Any) -> str:
    if isinstance(value, Mapping):
        value = " ".join(f"{folder}={px}" for folder, px in value.items())
    sizes = re.findall(r"([a-z0-9][a-z0-9-]{0,30})=(\d{1,5})", str(value))
    text = " ".join(f"{folder}={int(px)}" for folder, px in sizes)
    in_range = all(1 <= int(px) <= _LARGEST_PX for _, px in sizes)
    if text != value or not sizes or not in_range or len({f for f, _ in sizes}) < len(sizes):
        what = f"different folders with pixels from 1 to {_LARGEST_PX}"
        raise ValueError(f"{what}, such as {_DEFAULT_SIZES}")
    return text


def _bucket(value: Any) -> str:
    if value:
        check_bucket_name(str(value))
    return str(value)


# How each setting is read; ValueError says what is allowed. Lambda's own limits for event functions
# (L37); Pillow's wheels need the Amazon Linux 2023 of
# python3.12 and later, older ones run on the local AWS only.
SETTINGS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "memory": _number(128, 10_240),
    "timeout": _number(1, 900),
    "arch": _choice("x86_64", "arm64"),
    "runtime": _choice("python3.11", "python3.12", "python3.13", "python3.14"),
    "retention": _retention,
    "notify": _choice("all", "failures", "none"),
    "sizes": _sizes,
    "format": _choice("keep", "jpeg", "png", "webp"),
    "quality": _number(1, 100),
    "bucket_namespace": _choice("account-regional", "global"),
    "input_bucket": _bucket,
    "output_bucket": _bucket,
}


def read_file(path: Path) -> dict[str, Any]:
    """Read a pipeline.toml; {} when there is none. Keys come back with underscores."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read.", why=str(error), fix="Mend the file.") from error
    known = [name.replace("_", "-") for name in (*PLACE_KEYS, *SETTINGS)]
    for key in table:
        if key not in known:
            raise UsageError(
                f"{path} has an unknown key '{key}'.",
                why=f"Known keys are {', '.join(known)}.",
                fix="Correct or remove the line.",
            )
    return {key.replace("-", "_"): value for key, value in table.items()}


def resolve(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    file: Mapping[str, Any],
    recorded: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings in force; `flags` holds None for what was not given.

    `defaults` replaces defaults, for the local AWS, which runs the Python that is there.
    """
    values: dict[str, Any] = {}
    for name, parse in SETTINGS.items():
        sources = (
            (f"--{_dashed(name)}", flags.get(name)),
            (ENVIRONMENT_PREFIX + name.upper(), environment.get(ENVIRONMENT_PREFIX + name.upper())),
            (f"{SETTINGS_FILE}: {_dashed(name)}", file.get(name)),
            (f"tag {TAG_PREFIX}{_dashed(name)}", recorded.get(name)),
            ("default", (defaults or {}).get(name)),
        )
        source, value = next(((s, v) for s, v in sources if v is not None), ("", None))
        if value is not None:
            values[name] = _parsed(parse, value, source)
    settings = Settings(**values)
    check_buckets(settings.input_bucket, settings.output_bucket, settings.folders)
    return settings


def to_tags(settings: Settings, defaults: Settings) -> dict[str, str]:
    """Return the tags that record what differs from the defaults."""
    return {
        TAG_PREFIX + _dashed(field.name): str(getattr(settings, field.name))
        for field in fields(settings)
        if getattr(settings, field.name) != getattr(defaults, field.name)
    }


def from_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the recorded settings among a function's tags.

    What cannot be was not recorded by us; it counts as not recorded, and `up` puts it right.
    """
    recorded = {name: tags.get(TAG_PREFIX + _dashed(name)) for name in SETTINGS}
    return {name: value for name, value in recorded.items() if value and _can_be(name, value)}


def _can_be(name: str, value: str) -> bool:
    try:
        SETTINGS[name](value)
    except (ValueError, UsageError):
        return False
    return True


def _parsed(parse: Callable[[Any], Any], value: Any, source: str) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise UsageError(
            f"{source} cannot be '{value}'.", why=f"It takes {error}.", fix="Correct the value."
        ) from error


def check_buckets(input_bucket: str, output_bucket: str, folders: Container[str]) -> None:
    """Raise UsageError when outputs would be uploads again (L25); "" is a bucket of its own."""
    if input_bucket and input_bucket == output_bucket and "uploads" in folders:
        raise UsageError(
            "Input and output would feed each other for ever.",
            why="One bucket holds both, and an output folder is called uploads.",
            fix="Rename the folder in `sizes`, or use two buckets.",
        )


def _dashed(name: str) -> str:
    return name.replace("_", "-")
