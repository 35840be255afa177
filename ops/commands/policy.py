"""`policy`: the IAM policy that an operator of this pipeline needs."""

import json
from typing import TYPE_CHECKING

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from ops.render import Screen

_EXITS = "Exits with 0; 2 for wrong usage, 4 without credentials."
_EXAMPLE = "pipeline-ctl policy > policy.json"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, policy, "policy", exits=_EXITS, example=_EXAMPLE)


def policy(screen: "Screen") -> Result:
    """Print the smallest IAM policy that lets somebody operate this pipeline, as plain JSON."""
    from ops import session
    from provision import moving
    from provision.operator_policy import operator_policy

    pipeline = session.open_pipeline(screen, unread=True)
    buckets = (pipeline.input_bucket, pipeline.output_bucket, *moving.with_left(pipeline).left)
    document = operator_policy(pipeline.names, buckets)
    if not screen.json:
        screen.line(json.dumps(document, indent=2))
    return Result({"policy": document})
