"""`local ...`: the AWS on this machine as a daemon, and its mailbox."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from ops.local.daemon import Local
    from ops.render import Screen

_EXITS: Final = "Exits with 0; 1 when it does not run or cannot start, 2 for wrong usage."
_TIMEOUT_S: Final = 10

local_app = typer.Typer(
    help="The AWS on this machine: start, stop, status, env, inbox, confirm.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    for command in (start, stop, status, env, inbox, confirm):
        register(
            local_app, command, command.__name__, title=f"local {command.__name__}", exits=_EXITS
        )
    app.add_typer(local_app, name="local")


def start(
    screen: "Screen",
    *,
    behave: Annotated[
        str, typer.Option("--behave", metavar="instant|aws", help="With AWS's delays, or at once.")
    ] = "instant",
    time_scale: Annotated[
        float, typer.Option("--time-scale", metavar="FACTOR", min=0, help="Shortens AWS's delays.")
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Makes the delays repeatable.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="NAME", help="A fault that never passes; ? lists them."),
    ] = None,
) -> Result:
    """Start the local AWS, or say where it runs."""
    from ops.local import daemon
    from provision.errors import UsageError

    if behave not in ("instant", "aws"):
        raise UsageError(f"--behave cannot be '{behave}'.", fix="It takes instant or aws.")
    running = daemon.start(
        behave=cast(Any, behave),
        time_scale=time_scale,
        seed=seed,
        faults=tuple(fault or ()),
    )
    text = (
        f"The local AWS runs at {running.url}, region {running.region}, functions in "
        f"{running.runtime}.\nUse it with --local, or for any client: "
        'eval "$(pipeline-ctl local env)"'
    )
    return Result(_data(running), text)


def stop(screen: "Screen") -> Result:
    """Stop the local AWS. What it holds is gone."""
    from ops.local import daemon

    stopped = daemon.stop()
    return Result({"stopped": stopped}, "Stopped." if stopped else "The local AWS was not running.")


def status(screen: "Screen") -> Result:
    """Show where it runs, its queue, workers and counts."""
    running = _running()
    answer = _ask(running, "status")
    lines = [f"The local AWS runs at {running.url} (process {running.pid})."]
    lines += [f"  {key}: {_in_words(value)}" for key, value in answer.items()]
    return Result({**_data(running), **answer}, "\n".join(lines))


def _in_words(value: Any) -> str:
    """Return a count, or several as `busy 1, idle 2`."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {number}" for name, number in value.items())


def env(screen: "Screen") -> Result:
    """Print what other AWS clients need: eval "$(pipeline-ctl local env)"."""
    running = _running()
    variables = {
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": "LOCALAWSACCESSKEY000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return Result(variables, "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines]))


def inbox(screen: "Screen") -> Result:
    """Show the mail that SNS would have sent."""
    from ops.render import escape

    messages = _ask(_running(), "inbox")["messages"]
    lines = []
    for message in messages:
        lines.append(f"[bold]{escape(message['subject'])}[/]")
        lines.append(f"  to {escape(message['to'])}, {message['time']}, {message['kind']}")
        lines += [f"  | {escape(line)}" for line in message["body"].splitlines()]
    return Result({"messages": messages}, "\n".join(lines) or "The inbox is empty.")


def confirm(
    screen: "Screen",
    *,
    email: Annotated[
        str | None, typer.Argument(metavar="[EMAIL]", help="All when left out.")
    ] = None,
) -> Result:
    """Confirm pending subscriptions, as the link in the mail would."""
    confirmed = _ask(_running(), "confirm", {"email": email})["confirmed"]
    text = f"Confirmed: {', '.join(confirmed)}." if confirmed else "Nothing was pending."
    return Result({"confirmed": confirmed}, text)


def _running() -> "Local":
    from ops.local import daemon
    from ops.session import stopped

    running = daemon.running()
    if running is None:
        raise stopped("It was not started, or it was stopped.")
    return running


def _data(running: "Local") -> dict[str, Any]:
    return {
        "url": running.url,
        "pid": running.pid,
        "account": running.account,
        "region": running.region,
        "runtime": running.runtime,
        "architecture": running.architecture,
    }


def _ask(running: "Local", page: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Get a page of the local AWS, or post to it when there is a body."""
    import urllib.request

    request = urllib.request.Request(  # noqa: S310 - our own daemon on loopback
        f"{running.url}/_pipeline/{page}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        return dict(json.load(answer))
