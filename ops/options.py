"""Options that several commands share, and the decorator that puts them on a command.

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


def _shared(*flags: str, help: str, env: str | list[str] | None = None, metavar: str = "") -> Any:  # noqa: A002
    return typer.Option(
        *flags,
        help=help,
        envvar=env,
        metavar=metavar or None,
        show_default=False,
        autocompletion=_complete_name if flags == ("--name",) else None,
    )


def _complete_name(ctx: typer.Context, incomplete: str) -> list[str]:
    from ops.completion import pipeline_names

    return pipeline_names(ctx, incomplete)


_SHARED: Final[Mapping[str, tuple[Any, tuple[str, ...], str, str | list[str] | None, str]]] = {
    "name": (str, ("--name",), "Name of the pipeline.", "PIPELINE_CTL_NAME", "NAME"),
    "profile": (str, ("--profile",), "AWS profile.", "AWS_PROFILE", "NAME"),
    "region": (
        str,
        ("--region",),
        "AWS region.",
        ["AWS_REGION", "AWS_DEFAULT_REGION"],
        "REGION",
    ),
    "endpoint_url": (str, ("--endpoint-url",), "Talk to this address.", "AWS_ENDPOINT_URL", "URL"),
    "local": (
        bool,
        ("--local/--no-local",),
        "Use the AWS on this machine.",
        "PIPELINE_CTL_LOCAL",
        "",
    ),
    "json": (bool, ("--json",), "Print one JSON object.", None, ""),
    "debug": (bool, ("--debug",), "Show tracebacks.", None, ""),
}


def shared_parameters(*, with_environment: bool) -> list[inspect.Parameter]:
    """Return the shared options as parameters for Typer."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                kind | None,
                _shared(*flags, help=text, env=env if with_environment else None, metavar=metavar),
            ],
        )
        for name, (kind, flags, text, env, metavar) in _SHARED.items()
    ]


# The settings that have a flag: name in Settings, metavar, help.
_SETTING_FLAGS: Final = (
    ("memory", "MB", "Memory of the function."),
    ("timeout", "SECONDS", "Timeout of the function."),
    ("arch", "x86_64|arm64", "Processor of the function."),
    ("runtime", "RUNTIME", "Runtime of the function, such as python3.12."),
    ("retention", "DAYS", "How long logs are kept."),
    ("notify", "all|failures|none", "Which mails are sent."),
    ("bucket_namespace", "account-regional|global", "S3 namespace of the bucket names."),
    ("input_bucket", "BUCKET", "A bucket of your own for the uploads."),
    ("output_bucket", "BUCKET", "A bucket of your own for the results."),
)


def settings_parameters() -> list[inspect.Parameter]:
    """Return a flag for each setting; values are checked where settings are resolved."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                _shared(f"--{name.replace('_', '-')}", help=text, metavar=metavar),
            ],
        )
        for name, metavar, text in _SETTING_FLAGS
    ]


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
    name: str,
    *,
    aliases: tuple[str, ...] = (),
    title: str = "",
    settings: bool = False,
    exits: str = "",
    example: str = "",
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Add a function as a command with the shared options and, if wanted, the settings' flags.

    The function gets a Screen first, then its own parameters, then `settings`, a dict of the
    flags. Its module must not postpone annotations: Typer reads them. `exits` and `example`
    end the help; `title` is the command's full name where it is in a group.
    """

    def add(function: Callable[..., Result]) -> Callable[..., Result]:
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in list(inspect.signature(function).parameters.values())[1:]
            if parameter.name != "settings"
        ]
        flags = settings_parameters() if settings else []
        help_text = "\n\n".join(
            part
            for part in (
                inspect.cleandoc(function.__doc__ or ""),
                exits,
                f"\b\nExample: {example}" if example else "",
            )
            if part
        )

        def run(context: typer.Context, **values: Any) -> Result:
            invocation: Invocation = context.obj
            shared = {field.name: values.pop(field.name) for field in fields(Options)}
            invocation.options = invocation.options.overridden_by(shared)
            invocation.command = title or name
            screen = invocation.screen = _open_screen(invocation)
            if settings:
                values["settings"] = {flag.name: values.pop(flag.name) for flag in flags}
            with screen:
                return function(screen, **values)

        parameters = [
            inspect.Parameter(
                "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
            ),
            *own,
            *flags,
            *shared_parameters(with_environment=False),
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name, help=help_text)(run)
        for alias in aliases:
            app.command(alias, help=help_text, hidden=True)(run)
        return function

    return add


def _open_screen(invocation: Invocation) -> Screen:
    from ops.render import Screen

    return Screen(invocation.command, invocation.options)
