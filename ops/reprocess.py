"""Runs existing uploads again, a bounded number at once, and tells of all in one mail.

The function is invoked synchronously with an event like S3's: so no more run at once than we
want, each outcome is known, and nothing is retried behind our back. What was done stays done: after
an interruption the same command with --missing goes on with the rest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote_plus

from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from ops.log_events import LogEvent, Reader, parse
from ops.stored_images import Candidate, Upload
from provision.aws_errors import error_code
from provision.errors import PipelineError
from provision.pipeline import Pipeline

_AT_MOST: Final = 32
_SLACK_S: Final = 15  # for the way to Lambda and back
_SUBJECT: Final = "Images processed again"
_LISTED_IN_MAIL: Final = 50


@dataclass(frozen=True)
class Run:
    """What became of one upload; `why` is empty when it was processed."""

    upload: Upload
    outcome: Literal["processed", "refused", "skipped", "failed"]
    why: str = ""


def concurrency(pipeline: Pipeline) -> int:
    """Return how many to run at once: half of what Lambda would, so that uploads still run."""
    lambda_, name = pipeline.aws.lambda_, pipeline.names.function
    reserved = lambda_.get_function_concurrency(FunctionName=name)
    limit = reserved.get("ReservedConcurrentExecutions")
    if limit is None:
        limit = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if limit == 0:
        raise PipelineError(
            "The function may not run.",
            why="Its reserved concurrency is 0.",
            fix=f"Run `aws lambda delete-function-concurrency --function-name {name}`.",
        )
    return max(1, min(_AT_MOST, limit // 2))


def run_all(pipeline: Pipeline, candidates: Sequence[Candidate], at_once: int) -> Iterator[Run]:
    """Invoke the function for each upload and yield the outcomes as they come."""
    client = _patient_client(pipeline, at_once)
    pool = ThreadPoolExecutor(at_once)
    try:
        runs = [pool.submit(_run, client, pipeline, c.upload) for c in candidates]
        for done in as_completed(runs):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def earlier_verdicts(pipeline: Pipeline, candidates: Sequence[Candidate]) -> dict[str, str]:
    """Return what the log says of the uploads whose results are missing, by key."""
    missing = {c.upload.key: c.upload.modified for c in candidates if c.reason == "missing"}
    if not missing:
        return {}
    since_ms = int(min(missing.values()).timestamp() * 1_000)
    reader = Reader(pipeline.aws, pipeline.names.log_group, since_ms)
    return {
        event.fields["key"]: f"{event.word}: {event.reason}"
        for page in reader.pages()
        for event in page
        if event.kind == "function" and event.fields.get("key") in missing
    }


def mail_summary(pipeline: Pipeline, runs: Sequence[Run]) -> bool:
    """Publish one message about all runs, as the pipeline's `notify` wants; return whether."""
    bad = [run for run in runs if run.outcome != "processed"]
    notify = pipeline.settings.notify
    if not runs or notify == "none" or (notify == "failures" and not bad):
        return False
    lines = [f"{len(runs) - len(bad)} of {len(runs)} images were processed again.", ""]
    lines += [f"{run.upload.key}: {run.outcome}. {run.why}" for run in bad[:_LISTED_IN_MAIL]]
    if len(bad) > _LISTED_IN_MAIL:
        lines.append(f"... and {len(bad) - _LISTED_IN_MAIL} more.")
    pipeline.aws.sns.publish(
        TopicArn=pipeline.names.topic_arn, Subject=_SUBJECT, Message="\n".join(lines)
    )
    return True


def s3_event(pipeline: Pipeline, upload: Upload) -> dict[str, Any]:
    """Return the event that S3 would send, its key form-encoded (S20), but quiet."""
    entity = {
        "s3SchemaVersion": "1.0",
        "bucket": {
            "name": pipeline.input_bucket,
            "arn": pipeline.names.bucket_arn(pipeline.input_bucket),
        },
        "object": {
            "key": quote_plus(upload.key, safe="/"),
            "size": upload.size_bytes,
            "eTag": upload.etag,
        },
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": pipeline.names.region,
        "eventName": "ObjectCreated:Put",
        "s3": entity,
    }
    return {"Records": [record], "quiet": True}


def _patient_client(pipeline: Pipeline, at_once: int) -> Any:
    """Return a Lambda client that waits as long as the function may run."""
    config = Config(
        retries={"mode": "standard", "max_attempts": 3},
        read_timeout=pipeline.settings.timeout + _SLACK_S,
        max_pool_connections=at_once,
    )
    aws = pipeline.aws
    return aws.session.client("lambda", endpoint_url=aws.endpoint_url, config=config)


def _run(client: Any, pipeline: Pipeline, upload: Upload) -> Run:
    try:
        answer = client.invoke(
            FunctionName=pipeline.names.function,
            LogType="Tail",
            Payload=json.dumps(s3_event(pipeline, upload)),
        )
    except ReadTimeoutError:
        return Run(upload, "failed", "Lambda did not answer in time.")
    except ClientError as error:
        if error_code(error) != "TooManyRequestsException":
            raise
        return Run(upload, "failed", "Lambda is busy with other uploads.")
    payload = json.loads(answer["Payload"].read() or "null")
    if "FunctionError" in answer:
        return Run(upload, "failed", f"{payload.get('errorType')}: {payload.get('errorMessage')}")
    verdict = next((e for e in _tail(answer) if e.fields.get("key") == upload.key), None)
    if verdict and verdict.word in ("refused", "skipped"):
        return Run(upload, verdict.word, verdict.reason)  # type: ignore[arg-type]
    return Run(upload, "processed")


def _tail(answer: Mapping[str, Any]) -> Iterator[LogEvent]:
    """Yield the last lines of the invocation's log that came with its answer."""
    text = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    for line in reversed(text.splitlines()):
        yield parse({"message": line, "timestamp": 0, "eventId": ""})
