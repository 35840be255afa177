"""Everything the doctor knows, read once and in parallel.

What differs from how it should be is the engine's plan; the rest is what no resource reads:
Lambda's state, other people's notifications, the topic's policy, metrics, the log, the clocks.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar

from ops.log_events import Reader
from ops.log_groups import Request, by_request
from provision import engine
from provision.aws_errors import explained, found
from provision.engine import Outcome
from provision.errors import PipelineError
from provision.names import DEFAULT_NAME
from provision.pipeline import Pipeline
from provision.resource import KNOWN_AFTER_APPLY, Difference

T = TypeVar("T")

METRICS_S: Final = {"Throttles": 900, "AsyncEventsDropped": 3_600}
_LOOKS_BACK_S: Final = (3_600, 86_400)  # further only when nothing ran lately
_LOG_PAGES: Final = 20
_GONE: Final = ("ResourceNotFoundException", "NotFound", "NotFoundException", "NoSuchBucket")


@dataclass(frozen=True)
class Facts:
    """One pipeline as it was at one moment. What could not be read is in `unreadable`."""

    pipeline: Pipeline
    plan: Outcome
    flags: str = ""  # of the command line, so that a remedy meets the same pipeline
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock_ahead_s: float = 0.0
    function: Mapping[str, Any] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    notifications: Mapping[str, Any] = field(default_factory=dict)
    dead_targets: frozenset[str] = frozenset()
    topic: Mapping[str, str] = field(default_factory=dict)
    subscriptions: Sequence[Mapping[str, Any]] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    requests: Sequence[Request] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, PipelineError] = field(default_factory=dict)

    def missing(self, resource: str) -> bool:
        """Say whether a resource should exist and does not."""
        change = self.plan.changes.get(resource)
        return change is not None and change.action == "create"

    def differences(self, resource: str) -> dict[str, Difference]:
        """Return the fields of an existing resource that differ, but for mere consequences."""
        change = self.plan.changes.get(resource)
        if change is None or change.action != "update":
            return {}
        return {d.field: d for d in change.differences if KNOWN_AFTER_APPLY not in str(d.desired)}

    def differs(self, resource: str, *fields: str) -> bool:
        """Say whether one of these fields of an existing resource differs."""
        return not self.differences(resource).keys().isdisjoint(fields)

    def ctl(self, command: str) -> str:
        """Return a command line of this program for this pipeline."""
        return f"pipeline-ctl {command}{self.flags}"

    def aws(self, command: str) -> str:
        """Return a command line of the AWS CLI for the same region and endpoint."""
        connection = self.pipeline.aws
        endpoint = f" --endpoint-url {connection.endpoint_url}" if connection.endpoint_url else ""
        return f"aws {command} --region {connection.region}{endpoint}"


def read(
    pipeline: Pipeline,
    *,
    flags: str | None = None,
    clock: Callable[[], float] = time.time,
    since_ms: int = 0,
) -> Facts:
    """Read everything there is to know; log lines before `since_ms` count as mended."""
    reads: dict[str, Callable[[], Any]] = {
        "plan": partial(engine.plan, pipeline.aws, pipeline.resources()),
        "clock": partial(_clock, pipeline, clock),
        "function": partial(_function, pipeline),
        "reserved_concurrency": partial(_reserved_concurrency, pipeline),
        "notifications": partial(_notifications, pipeline),
        "topic": partial(_topic, pipeline),
        "subscriptions": partial(_subscriptions, pipeline),
        "metrics": partial(_metrics, pipeline, since_ms),
        "requests": partial(_requests, pipeline, since_ms),
    }
    with ThreadPoolExecutor(len(reads)) as pool:
        answers = {
            name: pool.submit(explained, call, "read", name.replace("_", " "))
            for name, call in reads.items()
        }
    plan: Outcome = answers.pop("plan").result()
    known, unreadable = _settled(answers)
    now, clock_ahead_s = known.pop("clock", (datetime.now(UTC), 0.0))
    notifications, dead = known.pop("notifications", ({}, frozenset()))
    default = pipeline.names.pipeline == DEFAULT_NAME
    return Facts(
        pipeline,
        plan,
        flags if flags is not None else "" if default else f" --name {pipeline.names.pipeline}",
        now=now,
        clock_ahead_s=clock_ahead_s,
        notifications=notifications,
        dead_targets=dead,
        environment=dict(os.environ),
        unreadable={**plan.failures, **unreadable},
        **known,
    )


def _settled(
    answers: Mapping[str, Future[Any]],
) -> tuple[dict[str, Any], dict[str, PipelineError]]:
    known: dict[str, Any] = {}
    unreadable: dict[str, PipelineError] = {}
    for name, answer in answers.items():
        error = answer.exception()
        if error is None:
            known[name] = answer.result()
        elif isinstance(error, PipelineError):
            unreadable[name] = error
        else:
            raise error
    return known, unreadable


def _clock(pipeline: Pipeline, clock: Callable[[], float]) -> tuple[datetime, float]:
    """Return AWS's time, and how many seconds this machine is ahead of it."""
    before = clock()
    answer = pipeline.aws.sts.get_caller_identity()
    ours = (before + clock()) / 2
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return now, ours - now.timestamp()


def _function(pipeline: Pipeline) -> Mapping[str, Any]:
    name = pipeline.names.function
    call = partial(pipeline.aws.lambda_.get_function_configuration, FunctionName=name)
    return found(call, *_GONE) or {}


def _reserved_concurrency(pipeline: Pipeline) -> int | None:
    name = pipeline.names.function
    call = partial(pipeline.aws.lambda_.get_function_concurrency, FunctionName=name)
    answer = found(call, *_GONE)
    return answer.get("ReservedConcurrentExecutions") if answer else None


def _notifications(pipeline: Pipeline) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return the bucket's whole configuration and which of its functions do not exist."""
    configuration: Mapping[str, Any] = (
        found(
            partial(
                pipeline.aws.s3.get_bucket_notification_configuration,
                Bucket=pipeline.input_bucket,
                ExpectedBucketOwner=pipeline.names.account,
            ),
            *_GONE,
        )
        or {}
    )
    entries = configuration.get("LambdaFunctionConfigurations", [])
    targets = {str(entry["LambdaFunctionArn"]) for entry in entries}
    return configuration, frozenset(arn for arn in targets if _is_dead(pipeline, arn))


def _is_dead(pipeline: Pipeline, arn: str) -> bool:
    """Say whether a function is gone; those of others and of other regions cannot be asked."""
    ours = pipeline.names.function_arn
    if arn == ours or not arn.startswith(ours.removesuffix(pipeline.names.function)):
        return False
    call = partial(pipeline.aws.lambda_.get_function_configuration, FunctionName=arn)
    return found(call, *_GONE) is None


def _topic(pipeline: Pipeline) -> Mapping[str, str]:
    call = partial(pipeline.aws.sns.get_topic_attributes, TopicArn=pipeline.names.topic_arn)
    answer = found(call, *_GONE)
    return answer["Attributes"] if answer else {}


def _subscriptions(pipeline: Pipeline) -> list[Any]:
    """Return all subscriptions, those of other protocols too."""
    paginator = pipeline.aws.sns.get_paginator("list_subscriptions_by_topic")
    pages = paginator.paginate(TopicArn=pipeline.names.topic_arn)
    listed = found(lambda: [s for page in pages for s in page["Subscriptions"]], *_GONE)
    return listed or []


def _metrics(pipeline: Pipeline, since_ms: int) -> Mapping[str, float]:
    """Return the sums of Lambda's own counters, each over its window."""
    now = datetime.now(UTC)
    answer = pipeline.aws.cloudwatch.get_metric_data(
        MetricDataQueries=[_query(name, pipeline.names.function) for name in METRICS_S],
        StartTime=now - timedelta(seconds=max(METRICS_S.values())),
        EndTime=now + timedelta(minutes=1),
    )
    sums = dict.fromkeys(METRICS_S, 0.0)
    for result in answer["MetricDataResults"]:
        name = next(name for name in METRICS_S if name.lower() == result["Id"])
        begins_s = max(now.timestamp() - METRICS_S[name], since_ms / 1_000)
        points = zip(result["Timestamps"], result["Values"], strict=True)
        sums[name] = sum(value for moment, value in points if moment.timestamp() >= begins_s)
    return sums


def _query(metric: str, function: str) -> dict[str, Any]:
    named = {
        "Namespace": "AWS/Lambda",
        "MetricName": metric,
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }
    return {
        "Id": metric.lower(),
        "MetricStat": {"Metric": named, "Period": 60, "Stat": "Sum"},
    }


def _requests(pipeline: Pipeline, since_ms: int) -> list[Request]:
    now_ms = int(time.time() * 1_000)
    for seconds in _LOOKS_BACK_S:
        earliest_ms = max(since_ms, now_ms - seconds * 1_000)
        reader = Reader(pipeline.aws, pipeline.names.log_group, earliest_ms)
        pages = itertools.islice(reader.pages(), _LOG_PAGES)
        if requests := by_request(event for page in pages for event in page):
            return requests
    return []
