"""What people and scripts see. Nothing else imports rich.

A command's answer is a Result. People get its text on stdout, errors and progress on stderr;
with `--json` stdout gets one envelope instead. In a terminal progress is a live tree, elsewhere a
line an event. Text of commands is rich markup: what comes from outside goes through `escape`.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape as _escape_markup
from rich.spinner import Spinner
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ops.options import Options
from ops.result import Result
from provision.errors import PipelineError
from provision.events import Event

VERSION: Final = 1
_PICTURE_PX: Final = 32
_MARKS: Final = {"finished": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[yellow]-[/]"}
_WORDS: Final = {
    "create": "created",
    "update": "updated",
    "keep": "unchanged",
    "delete": "deleted",
}
_DOING: Final = {
    "create": "creating",
    "update": "updating",
    "keep": "checking",
    "delete": "deleting",
}


def escape(value: object) -> str:
    """Return any text safe to print: no markup, no control characters that move a terminal."""
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in str(value))
    return _escape_markup(text)


class Screen:
    """Where one command shows its progress and its answer."""

    def __init__(self, command: str, options: Options) -> None:
        self.command = command
        self.options = options
        self.json = bool(options.json)
        self.stdout = Console(highlight=False, soft_wrap=True, emoji=False)
        self.stderr = Console(stderr=True, highlight=False, emoji=False)
        self.stderr.soft_wrap = not self.stderr.is_terminal  # whole lines in a pipe
        self._lock = threading.Lock()
        self._tree = _Tree(self.stderr) if self.stderr.is_terminal and not self.json else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.settle()

    @property
    def interactive(self) -> bool:
        """Whether somebody can answer a question and see a picture."""
        return sys.stdin.isatty() and self.stdout.is_terminal and not self.json

    def note(self, markup: str) -> None:
        """Tell something on the way."""
        self.stderr.print(markup)

    def line(self, text: str) -> None:
        """Print one line of data at once, as `logs` does."""
        print(text, flush=True)  # noqa: T201 - data, not markup

    def print(self, markup: str) -> None:
        """Print data for people at once."""
        self.stdout.print(markup)

    def listen(self, event: Event) -> None:
        """Show an event of the engine; called from many threads."""
        with self._lock:
            if self._tree:
                self._tree.update(event)
            elif event.kind in _MARKS or event.kind == "waiting":
                self.stderr.print(_line(event))

    def settle(self) -> None:
        """End the live tree; what it showed last stays."""
        if self._tree:
            self._tree.stop()

    def pictures(self, images: Sequence[bytes]) -> None:
        """Show small pictures beside each other, two pixels a character."""
        row = Table.grid(padding=(0, 2))
        shown = images[: max(1, self.stdout.width // (_PICTURE_PX + 2))]
        row.add_row(*(_picture(image) for image in shown))
        self.stdout.print(row)

    def show(self, result: Result) -> None:
        """Show a command's answer; its errors go to stderr, and into the envelope."""
        self.settle()
        if self.json and not result.streamed:
            print(json.dumps(self._envelope(result), ensure_ascii=False))  # noqa: T201
        elif result.text:
            self.stdout.print(result.text)
        for error in result.errors:
            self._show_error(error)

    def _envelope(self, result: Result) -> dict[str, Any]:
        return {
            "version": VERSION,
            "command": self.command,
            "status": result.status,
            "exit_code": result.exit_code,
            "data": result.data,
            "errors": [
                {"code": e.code, "what": e.what, "why": e.why, "fix": e.fix} for e in result.errors
            ],
        }

    def _show_error(self, error: PipelineError) -> None:
        if not self.json:
            self.stderr.print(f"[red bold]error:[/] {escape(error.what)}")
            for label, text in (("why", error.why), ("fix", error.fix)):
                if text:
                    self.stderr.print(f"  [bold]{label}:[/] {escape(text)}")
        if self.options.debug:
            lines = traceback.format_exception(error.__cause__ or error)
            print("".join(lines), file=sys.stderr)  # noqa: T201


def _picture(content: bytes) -> Text:
    """Draw an image with half blocks: the upper pixel in the ink, the lower in the paper."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        small = image.convert("RGB")
    small.thumbnail((_PICTURE_PX, _PICTURE_PX))
    text = Text()
    for y in range(0, small.height - 1, 2):
        for x in range(small.width):
            upper, lower = (small.getpixel((x, y + dy)) for dy in (0, 1))
            text.append("▀", Style(color=_rgb(upper), bgcolor=_rgb(lower)))
        text.append("\n")
    return text


def _rgb(pixel: Any) -> str:
    return "#{:02x}{:02x}{:02x}".format(*pixel)


def _line(event: Event) -> str:
    mark = _MARKS.get(event.kind, "[dim]…[/]")
    detail = _WORDS.get(event.detail, event.detail)
    if event.kind == "failed":
        detail = "failed"  # what happened comes with the errors, once
    seconds = f" [dim]{event.seconds:.1f} s[/]" if event.seconds is not None else ""
    return f"{mark} {escape(event.resource):<15} {escape(detail)}{seconds}"


class _Tree:
    """The live picture of a walk: a row a resource, in the order in which they began."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, Event] = {}
        self._begun: dict[str, float] = {}
        self._live: Live | None = None

    def update(self, event: Event) -> None:
        if event.kind == "waiting" and event.resource in self._rows:
            last = self._rows[event.resource]
            if last.kind not in ("started", "waiting"):
                return
        self._begun.setdefault(event.resource, time.monotonic())
        self._rows[event.resource] = event
        if self._live is None:
            self._live = Live(
                get_renderable=self._table, console=self._console, refresh_per_second=12
            )
            self._live.start()

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._rows.clear()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for event in list(self._rows.values()):
            table.add_row(*self._row(event))
        return table

    def _row(self, event: Event) -> tuple[Any, ...]:
        if event.kind in _MARKS:
            return (Text.from_markup(_line(event)),)
        doing = _DOING.get(event.detail, event.detail)
        age = time.monotonic() - self._begun[event.resource]
        name = escape(event.resource)
        text = Text.from_markup(f"{name:<15} {escape(doing)} [dim]{age:.0f} s[/]")
        return (Spinner("dots", text=text),)
