"""Rows of the faults that never pass; silent unless their fault is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.s3.models import s3_backends

from .. import faults
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()


@rows.refuses("S3", "s3.CreateBucket")
def name_taken(state: State, call: Call) -> Refusal | None:
    """Refuse a global name: somebody else has it."""
    if faults.BUCKET_NAMES_TAKEN not in state.settings.faults or _regional(call) or _known(call):
        return None
    text = (
        "The requested bucket name is not available. The bucket namespace is shared by all users "
        "of the system. Please select a different name and try again."
    )
    return Refusal("BucketAlreadyExists", text, 409, {"BucketName": call.get("Bucket")})


@rows.refuses("S3", "s3.HeadBucket")
def somebody_elses(state: State, call: Call) -> Refusal | None:
    """Refuse to show somebody else's bucket."""
    if faults.BUCKET_NAMES_TAKEN not in state.settings.faults or _known(call):
        return None
    if call.get("Bucket", "").endswith("-an"):
        return None
    return Refusal("403", "Forbidden", 403)


@rows.follows("S11", "s3.CreateBucket")
def dead_target(state: State, call: Call) -> None:
    """Leave behind a foreign entry whose function is gone."""
    name = call.get("Bucket")
    if faults.DEAD_TARGET not in state.settings.faults or name in state.notifications:
        return
    gone = f"arn:{call.partition}:lambda:{call.region}:{call.account}:function:gone"
    rule = {"Name": "Prefix", "Value": "foreign/"}
    entry = {
        "Id": "foreign",
        "LambdaFunctionArn": gone,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [rule]}},
    }
    configuration = {"LambdaFunctionConfigurations": [entry]}
    state.propagation.notify(state, name, configuration)


@rows.follows("L1", "lambda.CreateFunction")
def stays_pending(state: State, call: Call) -> None:
    """Never let a new function settle."""
    if faults.STAYS_PENDING in state.settings.faults:
        state.function(arn(call)).begin("creating", float("inf"))


def _regional(call: Call) -> bool:
    return bool(call.get("BucketNamespace", "global") == "account-regional")


def _known(call: Call) -> bool:
    return call.get("Bucket") in s3_backends[call.account][call.partition].buckets
