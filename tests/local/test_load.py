"""A burst of uploads is queued and run, and none is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.local.conftest import ACCOUNT, Aws, eventually

UPLOADS = 300
CLIENTS = 6


def test_a_burst_of_uploads_runs_each_once(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, deploy: Callable[..., str]
) -> None:
    function = deploy("def handler(event, context):\n    pass\n")
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    before = dict(aws.state.counts)

    threads = [
        threading.Thread(target=_upload, args=(aws.client("s3"), bucket, number))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pool = aws.state.invocations.pool

    def run() -> int:
        return int(aws.state.counts["invocations"] - before.get("invocations", 0))

    eventually(lambda: run() >= UPLOADS, within_s=60)
    assert run() == UPLOADS
    assert aws.state.counts["dropped"] == before.get("dropped", 0)
    assert len(pool.idle) <= 2 * pool.slots


def _upload(s3: Any, bucket: str, first: int) -> None:
    for number in range(first, UPLOADS, CLIENTS):
        s3.put_object(Bucket=bucket, Key=f"{number}", Body=b"")
