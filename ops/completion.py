"""What the shell completes: names of pipelines, asked of AWS."""

from __future__ import annotations

from dataclasses import fields

import typer

from ops.options import Options


def pipeline_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names that begin so; none when AWS cannot be asked, since nobody reads errors."""
    from botocore.exceptions import BotoCoreError, ClientError

    from provision.errors import PipelineError

    try:
        return [name for name in _names(_options(context)) if name.startswith(incomplete)]
    except (PipelineError, BotoCoreError, ClientError):
        return []


def _options(context: typer.Context) -> Options:
    """Return the shared options typed so far, before and after the command."""
    options = Options()
    names = {field.name for field in fields(Options)}
    for level in (context.parent, context):
        typed = level.params if level else {}
        options = options.overridden_by({k: v for k, v in typed.items() if k in names})
    return options


def _names(options: Options) -> list[str]:
    """Know a pipeline by its function's description: listing tags takes a call a function."""
    from ops import session
    from ops.render import Screen
    from provision.names import described_pipeline

    connection = session.connect(Screen("", options))
    pages = connection.lambda_.get_paginator("list_functions").paginate()
    functions = (function for page in pages for function in page["Functions"])
    names = (described_pipeline(function.get("Description", "")) for function in functions)
    return sorted(name for name in names if name)
