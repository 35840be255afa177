"""Where the program begins: `--version` is answered before anything heavy is loaded."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the program; the console script."""
    if sys.argv[1:] == ["--version"]:
        print(f"pipeline-ctl {installed_version()}")  # noqa: T201 - the answer itself
        return
    try:
        from ops import cli
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


def installed_version() -> str:
    """Return this program's version; parsing all of its metadata would take five times as long."""
    from importlib.metadata import distribution

    metadata = distribution("pipeline-ctl").read_text("METADATA") or ""
    lines = (line.partition(": ") for line in metadata.splitlines())
    return next(value for name, _, value in lines if name == "Version")
