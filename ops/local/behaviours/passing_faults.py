"""Faults that pass: conflicts, throttling, and what is not there yet (`--behave aws`).

Every row is silent where time does not matter, but for the conflicts of a function that is
still settling, which cannot happen there.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from moto.iam.models import iam_backends

from .. import aws_times, functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, conflict

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_UPDATES = (
    "lambda.UpdateFunctionCode",
    "lambda.UpdateFunctionConfiguration",
    "lambda.PublishVersion",
)
_BUCKET_SETTINGS = (
    "s3.DeleteBucketPolicy",
    "s3.PutBucketEncryption",
    "s3.PutBucketLifecycleConfiguration",
    "s3.PutBucketNotificationConfiguration",
    "s3.PutBucketOwnershipControls",
    "s3.PutBucketPolicy",
    "s3.PutBucketTagging",
    "s3.PutBucketVersioning",
    "s3.PutPublicAccessBlock",
)
_LAMBDA_WRITES = (
    *_UPDATES,
    "lambda.AddPermission",
    "lambda.CreateFunction",
    "lambda.DeleteFunction",
    "lambda.PublishLayerVersion",
    "lambda.PutFunctionConcurrency",
    "lambda.PutFunctionEventInvokeConfig",
    "lambda.RemovePermission",
)
_CANNOT = "The operation cannot be performed at this time."
_ABORTED = Refusal(
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please "
    "try again.",
    409,
)
_RARELY = 0.05
_SLOW_DOWN = 0.005
_ROLE_CHANGES = (
    "iam.AttachRolePolicy",
    "iam.DeleteRolePolicy",
    "iam.DetachRolePolicy",
    "iam.PutRolePolicy",
)


@rows.refuses("L5", *_UPDATES, "lambda.Invoke", "lambda.PutFunctionConcurrency")
def pending(state: State, call: Call) -> Refusal | None:
    """Refuse to use a function that is still being created."""
    record = state.functions.get(arn(call))
    asynchronous = call.get("InvocationType") == "Event"  # waits in the queue instead
    if record is None or asynchronous or record.phase() != "creating":
        return None
    return conflict(f"{_CANNOT} The function is currently in the following state: Pending")


@rows.refuses("L4", *_UPDATES)
def in_progress(state: State, call: Call) -> Refusal | None:
    """Refuse a change while the last one settles."""
    record = state.functions.get(arn(call))
    if record is None or record.phase() != "updating":
        return None
    return conflict(f"{_CANNOT} An update is in progress for resource: {arn(call)}")


@rows.refuses("L6", *_UPDATES)
def racing(state: State, call: Call) -> Refusal | None:
    """Refuse the later one of two changes at the same moment."""
    if not state.propagation.others_under_way(call, _UPDATES, "FunctionName"):
        return None
    return conflict("The function could not be updated due to a concurrent update operation.")


@rows.follows("L17", "lambda.AddPermission")
def lose_statement(state: State, call: Call) -> None:
    """Lose the later one of two statements added at the same moment, as AWS admits it does."""
    actions = ("lambda.AddPermission", "lambda.RemovePermission")
    if not state.settings.takes_time:
        return
    if state.propagation.others_under_way(call, actions, "FunctionName"):
        statements = functions.get(arn(call)).policy.statements
        statements[:] = [s for s in statements if s.get("Sid") != call.get("StatementId")]


@rows.refuses("S4", *_BUCKET_SETTINGS)
def parallel_settings(state: State, call: Call) -> Refusal | None:
    """Refuse the later one of two settings of a bucket at the same moment."""
    takes_time = state.settings.takes_time
    busy = state.propagation.others_under_way(call, _BUCKET_SETTINGS, "Bucket")
    return _ABORTED if takes_time and busy else None


@rows.refuses("S4", "s3.CreateBucket")
def name_not_free_yet(state: State, call: Call) -> Refusal | None:
    """Refuse a name whose bucket was deleted a moment ago."""
    free = state.propagation.in_force("free", call.get("Bucket"), before=False, unknown=True)
    return None if free else _ABORTED


@rows.follows("S4", "s3.DeleteBucket")
def free_name(state: State, call: Call) -> None:
    """Free the name after a while."""
    name = call.get("Bucket")
    state.propagation.forget("notification", name)
    state.propagation.change(state, "free", name, True, aws_times.NAME_FREE)


@rows.follows("S5", "s3.CreateBucket")
def hide_bucket(state: State, call: Call) -> None:
    """Hide a new bucket for a moment, rarely."""
    if state.propagation.happens(state, _RARELY):
        spread = aws_times.BUCKET_VISIBLE
        state.propagation.change(state, "bucket", call.get("Bucket"), True, spread)


@rows.refuses("S5", "s3.*")
def no_bucket_yet(state: State, call: Call) -> Refusal | None:
    """Refuse calls on a bucket that is not to be seen yet."""
    name = call.get("Bucket")
    if name is None or call.operation == "CreateBucket":
        return None
    if state.propagation.in_force("bucket", name, before=False, unknown=True):
        return None
    text = "The specified bucket does not exist"
    return Refusal("NoSuchBucket", text, 404, {"BucketName": name})


@rows.refuses("S27", "s3.PutObject", "s3.GetObject", "s3.DeleteObjects", "s3.UploadPart")
def slow_down(state: State, call: Call) -> Refusal | None:
    """Throttle S3 now and then; SDKs try again."""
    if not state.propagation.happens(state, _SLOW_DOWN):
        return None
    return Refusal("SlowDown", "Please reduce your request rate.", 503)


@rows.refuses("L27", *_LAMBDA_WRITES)
def too_many_writes(state: State, call: Call) -> Refusal | None:
    """Throttle Lambda's control plane beyond fifteen writes a second."""
    if _lambda_writes.admits(state):
        return None
    return Refusal("TooManyRequestsException", "Rate exceeded", 429)


@rows.refuses("G4", "logs.FilterLogEvents")
def too_many_reads(state: State, call: Call) -> Refusal | None:
    """Throttle FilterLogEvents beyond ten a second."""
    return None if _log_reads.admits(state) else Refusal("ThrottlingException", "Rate exceeded")


@rows.follows("I1", "iam.CreateRole", "iam.UpdateAssumeRolePolicy")
def role_changed(state: State, call: Call) -> None:
    """Let Lambda know a new role later, and IAM itself, rarely, a moment later (I9)."""
    role = _role_arn(call)
    state.propagation.forget("role", role)
    state.propagation.change(state, "role", role, True, aws_times.ROLE_ASSUMABLE)
    name = f"{call.account}/{call.get('RoleName')}"
    if call.operation == "CreateRole":
        state.propagation.forget("policy", name)
        state.propagation.change(state, "policy", name, [], aws_times.POLICY_ENFORCED)
    if state.propagation.happens(state, _RARELY):
        state.propagation.change(state, "role-visible", name, True, aws_times.ROLE_VISIBLE)


@rows.refuses("I9", "iam.GetRole")
def no_role_yet(state: State, call: Call) -> Refusal | None:
    """Refuse a role that is not to be seen yet."""
    name = f"{call.account}/{call.get('RoleName')}"
    if state.propagation.in_force("role-visible", name, before=False, unknown=True):
        return None
    text = f"The role with name {call.get('RoleName')} cannot be found."
    return Refusal("NoSuchEntity", text, 404)


@rows.follows("I6", *_ROLE_CHANGES)
def policy_changed(state: State, call: Call) -> None:
    """Let the new policies be enforced later."""
    backend = iam_backends[call.account][call.partition]
    role = backend.get_role(call.get("RoleName"))
    managed = [v for p in role.managed_policies.values() for v in p.versions if v.is_default]
    documents = [*role.policies.values(), *(version.document for version in managed)]
    name = f"{call.account}/{role.name}"
    state.propagation.change(state, "policy", name, documents, aws_times.POLICY_ENFORCED)


@rows.follows("I12", "iam.DeleteRole")
def role_deleted(state: State, call: Call) -> None:
    """Forget a deleted role: the next one of its name is another."""
    state.propagation.forget("policy", f"{call.account}/{call.get('RoleName')}")


class _Bucket:
    """Tokens for so many calls a second."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._tokens = per_second
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def admits(self, state: State) -> bool:
        """Take a token; always where time does not matter."""
        if not state.settings.takes_time:
            return True
        rate = self._per_second / max(state.settings.time_scale, 1e-6)
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._per_second, self._tokens + (now - self._last) * rate)
            self._last = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


_lambda_writes = _Bucket(15.0)
_log_reads = _Bucket(10.0)


def _role_arn(call: Call) -> str:
    backend = iam_backends[call.account][call.partition]
    return str(backend.get_role(call.get("RoleName")).arn)
