"""From options to a pipeline: which account, which region, which settings.

Owns the choice between AWS and the local AWS, and the precedence flag > environment >
`pipeline.toml` > recorded > default for what the options leave open.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from ops.options import Options
from ops.render import Screen
from provision import aws, spec
from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import AccessError, PipelineError, UsageError
from provision.names import DEFAULT_NAME, Names, check_lengths, check_pipeline_name
from provision.pipeline import Pipeline, recorded_settings
from provision.resources.subscriptions import checked_email

_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_INFO_TIMEOUT_S: Final = 2.0


class LocalStoppedError(PipelineError):
    """The local AWS is asked for and does not run."""

    code = "local-stopped"


def open_pipeline(
    screen: Screen,
    *,
    flags: Mapping[str, Any] | None = None,
    add_emails: Sequence[str] = (),
    remove_emails: Sequence[str] = (),
    start_local: bool = False,
    delete_data: bool = False,
    unread: bool = False,
) -> Pipeline:
    """Connect, find out who we are and what is recorded, and return the pipeline with it.

    `flags` are the settings given on the command line. `start_local` starts the local AWS when
    it is asked for and does not run. With `unread` it does without what is recorded, where that
    may not be read.
    """
    file = spec.read_file(Path(spec.SETTINGS_FILE))
    addresses = _addresses(file)
    for address in (*add_emails, *remove_emails):
        checked_email(address)
    spec.resolve(flags or {}, os.environ, file, {})  # refuse what cannot be before any call
    connection, info = _connect(screen, file, start_local=start_local)
    name = pipeline_name(screen.options, file)
    check_pipeline_name(name)
    try:
        recorded = recorded_settings(connection, name)
    except AccessError:
        if not unread:
            raise
        recorded = None
    who = connection.caller
    defaults = {"runtime": info["runtime"], "arch": info["architecture"]} if info else {}
    settings = spec.resolve(flags or {}, os.environ, file, recorded or {}, defaults)
    unwanted = {address.lower() for address in remove_emails}
    if info:
        _check_runs_here(settings, info)
    names = Names(
        name,
        who.account,
        connection.region,
        who.partition,
        account_regional=settings.bucket_namespace == "account-regional",
    )
    check_lengths(names)
    pipeline = Pipeline(
        connection,
        names,
        settings,
        defaults=spec.Settings(**defaults),
        add_emails=[a for a in [*addresses, *add_emails] if a.lower() not in unwanted],
        remove_emails=remove_emails,
        delete_data=delete_data,
        former=spec.resolve({}, {}, {}, recorded, defaults) if recorded is not None else None,
        left=tuple((recorded or {}).get("left_buckets", "").split()),
    )
    spec.check_buckets(pipeline.input_bucket, pipeline.output_bucket, settings.folders)
    return pipeline


def require(pipeline: Pipeline) -> Mapping[str, Any]:
    """Return the function's configuration; raise when there is no pipeline of this name."""
    name = pipeline.names.function
    answer = found(
        lambda: pipeline.aws.lambda_.get_function_configuration(FunctionName=name),
        "ResourceNotFoundException",
    )
    if answer is None:
        raise PipelineError(
            f"There is no pipeline {pipeline.names.pipeline} here.",
            why=f"There is no such function in {pipeline.names.account}, {pipeline.names.region}.",
            fix="Create it with `pipeline-ctl up`, or choose another --name or --region.",
        )
    return answer


def connect(screen: Screen) -> Aws:
    """Connect without a pipeline in mind."""
    return _connect(screen, spec.read_file(Path(spec.SETTINGS_FILE)), start_local=False)[0]


def pipeline_name(options: Options, file: Mapping[str, Any]) -> str:
    """Return the pipeline's name."""
    return str(options.name or file.get("name") or DEFAULT_NAME)


def where(pipeline: Pipeline, options: Options) -> str:
    """Return a line that says whose account is about to be used."""
    connection, names = pipeline.aws, pipeline.names
    if connection.local:
        return f"Pipeline {names.pipeline} on the local AWS at {connection.endpoint_url}"
    profile = options.profile or os.environ.get("AWS_PROFILE") or "default"
    endpoint = f", endpoint {connection.endpoint_url}" if connection.endpoint_url else ""
    return (
        f"Pipeline {names.pipeline} in account {names.account}, region {names.region}, "
        f"profile {profile}{endpoint}"
    )


def _connect(
    screen: Screen, file: Mapping[str, Any], *, start_local: bool
) -> tuple[Aws, Mapping[str, Any] | None]:
    """Return the connection and, on the local AWS, what it says of itself."""
    options = screen.options
    if options.local:
        url = _local_url(start=start_local)
        info = _local_info(url)
        if info is None:
            raise stopped(f"Nothing answers at {url}.")
        return aws.connect_local(url, info["region"], screen.listen), info
    if options.endpoint_url and urlsplit(options.endpoint_url).hostname in _LOOPBACK:
        info = _local_info(options.endpoint_url)
        if info is not None:
            region = options.region or info["region"]
            return aws.connect_local(options.endpoint_url, region, screen.listen), info
    connection = aws.connect(
        profile=options.profile or file.get("profile"),
        region=options.region or file.get("region"),
        endpoint_url=options.endpoint_url,
        say=screen.listen,
    )
    return connection, None


def _local_url(*, start: bool) -> str:
    from ops.local import daemon

    running = daemon.start() if start else daemon.running()
    if running is None:
        raise stopped("It was not started, or it was stopped.")
    return str(running.url)


def stopped(why: str) -> LocalStoppedError:
    """Return the error of a command that needs the local AWS."""
    return LocalStoppedError(
        "The local AWS is not running.", why=why, fix="Start it with `pipeline-ctl local start`."
    )


def _local_info(url: str) -> Mapping[str, Any] | None:
    """Ask an address whether it is our local AWS; None when it is something else or nothing."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - loopback, checked by the callers
            f"{url.rstrip('/')}/_pipeline/info", timeout=_INFO_TIMEOUT_S
        ) as answer:
            info = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None
    return info if isinstance(info, dict) and info.get("local") else None


def _check_runs_here(settings: spec.Settings, info: Mapping[str, Any]) -> None:
    from provision import interpreter

    if settings.arch != info["architecture"]:
        raise UsageError(
            f"This machine cannot run {settings.arch} functions.",
            why=f"Its processor is {info['architecture']}.",
            fix="Leave out --arch with --local.",
        )
    if interpreter.find(settings.runtime) is None:
        raise UsageError(
            f"This machine cannot run {settings.runtime} functions.",
            why=f"There is no working {settings.runtime} on the path.",
            fix=f"Leave out --runtime with --local: {info['runtime']} is there.",
        )


def _addresses(file: Mapping[str, Any]) -> list[str]:
    value = file.get("email", [])
    addresses = [value] if isinstance(value, str) else value
    if not isinstance(addresses, list):
        raise UsageError(
            f"{spec.SETTINGS_FILE}: email cannot be '{value}'.",
            why="It takes an address or a list of them.",
            fix="Correct the value.",
        )
    return [checked_email(str(address)) for address in addresses]
