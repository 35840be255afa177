"""Layer versions: deleted without complaint, found by their ARN (L14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends

from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import not_found

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()


@rows.rewrites("L14", "lambda.DeleteLayerVersion")
def delete_layer(state: State, call: Call, result: dict[str, Any]) -> None:
    """Answer with the model's status, 204, where moto answers 200."""
    result.clear()


@rows.mends("L14", "lambda.DeleteLayerVersion")
def delete_absent_layer(state: State, call: Call, refusal: Refusal) -> dict[str, Any] | None:
    """Succeed: deleting a layer version that is absent is no error."""
    return {} if refusal.status == 404 else None


@rows.answers("L14", "lambda.GetLayerVersionByArn")
def layer_by_arn(state: State, call: Call) -> dict[str, Any] | Refusal:
    """Answer a layer version by its ARN; moto does not know the call."""
    wanted = call.get("Arn", "")
    version = lambda_backends[call.account][call.region].layers_versions_by_arn(wanted)
    if version is None:
        return not_found("The resource you requested does not exist.")
    found: dict[str, Any] = version.get_layer_version()
    return found
