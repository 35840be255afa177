"""The function's log: one line a upload, and the measurements that stand in it.

With Lambda's JSON log format the fields of a line are at the top level of its object.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger("image-pipeline")
if "AWS_LAMBDA_LOG_LEVEL" not in os.environ:
    _log.setLevel(logging.INFO)  # the text format has no level of its own, and would hide INFO
logging.getLogger("botocore").setLevel(logging.WARNING)  # else it tells how it found its keys
_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def write(message: str, *, exc_info: bool = False, **fields: Any) -> None:
    """Log `message` (processed, refused, skipped or failed) with its fields."""
    level = {"refused": logging.WARNING, "failed": logging.ERROR}.get(message, logging.INFO)
    if _JSON:
        _log.log(level, message, extra=fields, exc_info=exc_info)
    else:
        text = json.dumps(fields, ensure_ascii=False)
        _log.log(level, "%s %s", message, text, exc_info=exc_info)


class Stopwatch:
    """Milliseconds spent in each stage; a stage entered again adds up."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the `with` block as `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - began

    def milliseconds(self) -> dict[str, float]:
        """Every stage so far and their `total`, which holds the gaps as well."""
        total = time.perf_counter() - self._started
        return {name: round(s * 1000, 1) for name, s in {**self._stages, "total": total}.items()}


def max_memory_mb() -> int | None:
    """Return the most memory this process ever held; None where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
    except FileNotFoundError:
        return None
    return int(peak.split()[1]) // 1024
