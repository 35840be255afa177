"""Options that several commands share, and the function that puts them on a command.

The shared options are accepted before and after the command; the later one wins. Their
environment variables belong to the place before the command, or an inner default would override
an outer flag. Imports nothing but Typer: `--help` and `--version` must be quick.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

if TYPE_CHECKING:
    from ops.render import Screen
    from ops.result import Result

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """The shared options as given; None is not given."""

    name: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    local: bool | None = None
    json: bool | None = None
    debug: bool | None = None

    def overridden_by(self, later: Mapping[str, Any]) -> Options:
        """Return these options with those that were given later instead."""
        return replace(self, **{key: value for key, value in later.items() if value is not None})


@dataclass(frozen=True)
class _Flag:
    """An option that several commands take; `name` is also its parameter's."""

    name: str
    help: str
    metavar: str | None = None
    env: tuple[str, ...] = ()
    kind: type = str
    spelling: str = ""

    def parameter(self, *, with_environment: bool = False) -> inspect.Parameter:
        """Return it as a parameter for Typer; None is not given."""
        option = typer.Option(
            self.spelling or f"--{self.name.replace('_', '-')}",
            help=self.help,
            metavar=self.metavar,
            envvar=list(self.env) if with_environment and self.env else None,
            show_default=False,
            autocompletion=_complete_name if self.name == "name" else None,
        )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, option],
        )


_SHARED: Final = (
    _Flag("name", "Name of the pipeline.", "NAME", ("PIPELINE_CTL_NAME",)),
    _Flag("profile", "AWS profile.", "NAME", ("AWS_PROFILE",)),
    _Flag(
        "region",
        "AWS region; the local AWS is in us-east-1.",
        "REGION",
        ("AWS_REGION", "AWS_DEFAULT_REGION"),
    ),
    _Flag("endpoint_url", "Talk to this address.", "URL", ("AWS_ENDPOINT_URL",)),
    _Flag(
        "local",
        "Use the AWS on this machine.",
        env=("PIPELINE_CTL_LOCAL",),
        kind=bool,
        spelling="--local/--no-local",
    ),
    _Flag("json", "Print one JSON object.", kind=bool, spelling="--json"),
    _Flag("debug", "Show tracebacks.", kind=bool, spelling="--debug"),
)

# The settings that have a flag; values are checked where settings are resolved.
_SETTINGS: Final = (
    _Flag("memory", "Memory of the function.", "MB"),
    _Flag("timeout", "Timeout of the function.", "SECONDS"),
    _Flag("arch", "Processor of the function.", "x86_64|arm64"),
    _Flag("runtime", "Runtime of the function, such as python3.12.", "RUNTIME"),
    _Flag("retention", "How long logs are kept.", "DAYS"),
    _Flag("notify", "Which mails are sent.", "all|failures|none"),
    _Flag("bucket_namespace", "S3 namespace of the bucket names.", "account-regional|global"),
    _Flag("input_bucket", "A bucket of your own for the uploads.", "BUCKET"),
    _Flag("output_bucket", "A bucket of your own for the results.", "BUCKET"),
)


def shared_parameters(*, with_environment: bool) -> list[inspect.Parameter]:
    """Return the shared options as parameters for Typer."""
    return [flag.parameter(with_environment=with_environment) for flag in _SHARED]


def _complete_name(ctx: typer.Context, incomplete: str) -> list[str]:
    from ops.completion import pipeline_names

    return pipeline_names(ctx, incomplete)


Emails = Annotated[
    list[str] | None,
    typer.Option("--email", metavar="ADDRESS", help="Mail results to this address as well."),
]
RemoveEmails = Annotated[
    list[str] | None,
    typer.Option("--remove-email", metavar="ADDRESS", help="Stop mailing this address."),
]


@dataclass
class Invocation:
    """What Typer's context carries: the command under way, its options and where to show it."""

    options: Options
    command: str = ""
    screen: Screen | None = None


def register(
    app: typer.Typer,
    function: Callable[..., Result],
    name: str,
    *,
    aliases: tuple[str, ...] = (),
    title: str = "",
    exits: str = "",
    example: str = "",
) -> None:
    """Add a function as a command with the shared options.

    The function gets a Screen first, then its own parameters; one called `settings` gets the
    settings' flags as a dict. Its module must not postpone annotations: Typer reads them. `exits`
    and `example` end the help; `title` is the command's full name where it is in a group.
    """
    own = list(inspect.signature(function).parameters.values())[1:]
    flags = _SETTINGS if any(parameter.name == "settings" for parameter in own) else ()

    def run(context: typer.Context, **values: Any) -> Result:
        invocation: Invocation = context.obj
        shared = {field.name: values.pop(field.name) for field in fields(Options)}
        invocation.options = invocation.options.overridden_by(shared)
        invocation.command = title or name
        screen = invocation.screen = _open_screen(invocation)
        if flags:
            values["settings"] = {flag.name: values.pop(flag.name) for flag in flags}
        with screen:
            return function(screen, **values)

    parameters = [
        inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        ),
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name != "settings"),
        *(flag.parameter() for flag in flags),
        *shared_parameters(with_environment=False),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    help_text = _help(function, exits, example)
    app.command(name, help=help_text)(run)
    for alias in aliases:
        app.command(alias, help=help_text, hidden=True)(run)


def _help(function: Callable[..., Result], exits: str, example: str) -> str:
    """Return the docstring, the exit codes and an example, which is not to be wrapped."""
    parts = (inspect.getdoc(function), exits, f"\b\nExample: {example}" if example else "")
    return "\n\n".join(part for part in parts if part)


def _open_screen(invocation: Invocation) -> Screen:
    from ops.render import Screen

    return Screen(invocation.command, invocation.options)
