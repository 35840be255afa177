"""The program `pipeline-ctl`: its commands, and what becomes of errors.

`main` maps every error to a message and an exit code; the commands know neither. Heavy imports
happen inside the commands, so that help and completion stay quick.

Exit codes: 0 done, 1 failed, 2 usage, 3 incomplete, drift or findings, 4 no credentials or no
access, 130 interrupted.
"""

from __future__ import annotations

import copy
import inspect
import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from ops.commands import (
    demo,
    doctor,
    down,
    local,
    logs,
    ls,
    plan,
    policy,
    report,
    reprocess,
    status,
    test_upload,
    up,
)
from ops.options import Invocation, Options, shared_parameters
from provision.errors import InterruptedRunError, PipelineError, UsageError

if TYPE_CHECKING:
    from ops.render import Screen

app = typer.Typer(
    name="pipeline-ctl",
    help="Creates, proves, watches and removes an image pipeline on AWS: S3 -> Lambda -> S3 + SNS.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from ops.start import installed_version

        print(f"pipeline-ctl {installed_version()}")  # noqa: T201 - the answer itself
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
]


def _root(context: typer.Context, *, version: bool, **shared: Any) -> None:
    invocation: Invocation = context.obj
    invocation.options = invocation.options.overridden_by(shared)


_root.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter(
            "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        ),
        inspect.Parameter(
            "version",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=_Version,
        ),
        *shared_parameters(with_environment=True),
    ]
)
app.callback()(_root)

for _command in (
    up,
    plan,
    status,
    ls,
    test_upload,
    logs,
    doctor,
    reprocess,
    report,
    down,
    demo,
    policy,
    local,
):
    _command.add_to(app)


def main() -> None:
    """Run the program on the command line it was given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may know less than our marks
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors have become messages."""
    invocation = Invocation(Options(json="--json" in arguments, debug="--debug" in arguments))
    try:
        result = _program(arguments)(
            list(arguments), prog_name="pipeline-ctl", standalone_mode=False, obj=invocation
        )
        if result == InterruptedRunError.exit_code:  # what Typer makes of Ctrl-C
            raise KeyboardInterrupt
        if isinstance(result, int) or result is None:  # --help and --version
            return result or 0
        _screen(invocation).show(result)
        sys.stdout.flush()
        return int(result.exit_code)
    except (KeyboardInterrupt, typer.Abort):  # Typer aborts a question at Ctrl-C and Ctrl-D
        return _fail(invocation, InterruptedRunError("Stopped.", fix="Run it again to go on."))
    except PipelineError as error:
        return _fail(invocation, error)
    except TyperException as error:
        return _fail_usage(invocation, error)
    except BrokenPipeError:  # the reader of a pipe has gone, which is its right
        sys.stderr.close()
        return 0
    except Exception as error:
        return _fail(invocation, _unforeseen(error))


def _program(arguments: Sequence[str]) -> typer.Typer:
    """Return the program; for its own help an outline, since building every option takes time."""
    names = {command.name for command in app.registered_commands}
    names |= {group.name for group in app.registered_groups}
    outlined = "--help" in arguments and names.isdisjoint(arguments)
    return _outline(app) if outlined else app


def _outline(program: typer.Typer) -> typer.Typer:
    """Return a program whose commands have names and help, but no options."""
    outline = copy.copy(program)
    outline.registered_commands = [copy.copy(info) for info in program.registered_commands]
    for command in outline.registered_commands:
        command.callback = _nothing
    outline.registered_groups = [copy.copy(info) for info in program.registered_groups]
    for group in outline.registered_groups:
        group.typer_instance = _outline(group.typer_instance) if group.typer_instance else None
    return outline


def _nothing() -> None:
    """Stand for a command in the outline."""


def _fail(invocation: Invocation, error: PipelineError) -> int:
    from ops.result import Result

    try:
        _screen(invocation).show(Result.failed(error))
        sys.stdout.flush()
    except OSError:  # a full disk takes nothing more, and would be told of again at the end
        sys.stdout = None
        print(f"error: {error.what}", error.why, file=sys.stderr)  # noqa: T201 - as it may
    return error.exit_code


def _screen(invocation: Invocation) -> Screen:
    """Return the command's screen, or one for an error that came before the command."""
    from ops.render import Screen

    return invocation.screen or Screen(invocation.command, invocation.options)


def _fail_usage(invocation: Invocation, error: TyperException) -> int:
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message, file=sys.stderr)  # noqa: T201 - the help text itself
        return error.exit_code
    context = getattr(error, "ctx", None)  # of the command that refused its own options
    if context is not None and not invocation.command:
        invocation.command = context.command_path.removeprefix("pipeline-ctl").strip()
    return _fail(
        invocation,
        UsageError(message, fix="`pipeline-ctl --help` lists the commands and options."),
    )


def _unforeseen(error: Exception) -> PipelineError:
    """Explain an error of boto3 that nobody explained nearer to its cause, or admit a fault."""
    if type(error).__module__.startswith("botocore"):
        from provision.aws_errors import explain

        explained = explain(error, "The command stopped.")
        explained.__cause__ = error
        return explained
    if isinstance(error, OSError):
        return PipelineError(
            f"{error.filename or 'The output'} cannot be written or read.",
            why=error.strerror or str(error),
            fix="Check the path and the free space.",
        )
    fault = PipelineError(
        f"This should not have happened: {type(error).__name__}: {error}",
        why="It is a fault in pipeline-ctl.",
        fix="Run it with --debug and report what it prints.",
    )
    fault.__cause__ = error
    return fault
