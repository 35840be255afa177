"""`ls`: the pipelines of this account and region."""

from typing import TYPE_CHECKING, Any

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from ops.render import Screen
    from provision.aws import Aws

_EXITS = "Exits with 0, also when there are none; 1 failed, 4 no access."
_EXAMPLE = "pipeline-ctl ls"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, ls, "ls", exits=_EXITS, example=_EXAMPLE)


def ls(screen: "Screen") -> Result:
    """List the pipelines of this account and region."""
    from ops import session
    from ops.render import escape
    from provision.aws_errors import explained

    connection = session.connect(screen)
    rows = explained(lambda: pipelines(connection), "list", "the functions")
    lines = [
        f"{escape(row['name']):<30} {row['version']:<10} {row['modified'][:19]}" for row in rows
    ]
    return Result({"pipelines": rows}, "\n".join(lines) or "There are no pipelines here.")


def pipelines(connection: "Aws") -> list[dict[str, Any]]:
    """Find them by their functions; a half-made one without function is not seen.

    Only the tags of functions that describe themselves as ours are read: each takes a call, and
    nobody need be allowed to read the others'.
    """
    from provision.names import PIPELINE_TAG, VERSION_TAG, described_pipeline

    pages = connection.lambda_.get_paginator("list_functions").paginate()
    rows = []
    functions = (f for page in pages for f in page["Functions"])
    for function in (f for f in functions if described_pipeline(f.get("Description", ""))):
        tags = connection.lambda_.list_tags(Resource=function["FunctionArn"])["Tags"]
        if PIPELINE_TAG in tags:
            rows.append(
                {
                    "name": tags[PIPELINE_TAG],
                    "version": tags.get(VERSION_TAG, ""),
                    "function": function["FunctionArn"],
                    "modified": function["LastModified"],
                }
            )
    return sorted(rows, key=lambda row: row["name"])
