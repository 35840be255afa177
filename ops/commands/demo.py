"""`demo`: the whole road on a throw-away local AWS."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from ops.render import Screen

_EMAIL: Final = "me@example.com"
_EXITS: Final = (
    "Exits with 0 when the image came out right, 1 when not, 2 for a file that is no image."
)
_EXAMPLE: Final = "pipeline-ctl demo holiday.jpg"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, demo, "demo", exits=_EXITS, example=_EXAMPLE)


def demo(
    screen: "Screen",
    *,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="An image; one is drawn when left out.")
    ] = None,
    save: Annotated[
        Path, typer.Option("--save", metavar="DIR", help="Where the results and the mail go.")
    ] = Path("demo-output"),
) -> Result:
    """Send an image through the whole pipeline on this machine. Needs no AWS account."""
    from ops import photos, picture

    save.mkdir(parents=True, exist_ok=True)
    if file is None:
        file = save / "original.jpg"
        picture.draw(file)
    photos.open_photo(file)
    with _throw_away_aws(screen):
        return _road(screen, file, save)


@contextmanager
def _throw_away_aws(screen: "Screen") -> Iterator[None]:
    """Run a local AWS of our own beside any other one, and stop it whatever happens."""
    import tempfile

    from ops.local import daemon

    before, options = os.environ.get("PIPELINE_CTL_LOCAL_DIR"), screen.options
    with tempfile.TemporaryDirectory(prefix="pipeline-ctl-demo-") as folder:
        os.environ["PIPELINE_CTL_LOCAL_DIR"] = folder
        screen.options = options.overridden_by({"local": True, "name": "demo"})
        try:
            yield
        finally:
            daemon.stop()
            screen.options = options
            del os.environ["PIPELINE_CTL_LOCAL_DIR"]
            if before is not None:
                os.environ["PIPELINE_CTL_LOCAL_DIR"] = before


def _road(screen: "Screen", file: Path, save: Path) -> Result:
    from ops.commands.down import down
    from ops.commands.local import confirm, inbox
    from ops.commands.logs import logs
    from ops.commands.test_upload import test_upload
    from ops.commands.up import up

    data: dict[str, Any] = {"saved": str(save)}

    def step(command: str, result: Result) -> Result:
        screen.settle()
        data[command.split(" -")[0]] = result.data
        if not screen.json and result.text:
            screen.print(result.text)
        return result

    def typed(command: str) -> None:
        screen.note(f"\n[bold cyan]$ pipeline-ctl {command}[/]")

    no_flags: dict[str, Any] = {}
    typed(f"up --email {_EMAIL} --local")
    made = step("up", up(screen, settings=no_flags, email=[_EMAIL]))
    if made.exit_code:
        return _ended(made, data)
    typed(f"local confirm {_EMAIL}")
    step("local confirm", confirm(screen, email=_EMAIL))
    typed(f"test-upload {file.name} --local")
    sent = step("test-upload", test_upload(screen, files=[file], save=save))
    typed("local inbox")
    mail = step("local inbox", inbox(screen))
    _save_mail(save / "mail.txt", mail.data["messages"])
    if not screen.json:
        typed("logs --local")
        logs(screen)
    typed("down --local --yes --delete-data")
    gone = step("down", down(screen, yes=True, delete_data=True))
    worst = max(sent, gone, key=lambda result: result.exit_code)
    return _ended(worst, data)


def _ended(worst: Result, data: dict[str, Any]) -> Result:
    if worst.exit_code:
        return Result(data, "", worst.exit_code, worst.status, worst.errors)
    return Result(data, f"\n[green]It works.[/] The three pictures and the mail: {data['saved']}")


def _save_mail(path: Path, messages: list[dict[str, Any]]) -> None:
    mails = [m for m in messages if m["kind"] == "notification"]
    text = "\n\n".join(f"To: {m['to']}\nSubject: {m['subject']}\n\n{m['body']}" for m in mails)
    path.write_text(text + "\n", encoding="utf-8")
