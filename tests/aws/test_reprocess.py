"""`reprocess`: what is missing or stale runs again, and one mail tells of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from ops import cli, reprocess
from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer
from ops.local.state import State
from ops.local.table import Sheet
from ops.stored_images import candidates
from provision import engine
from provision.errors import PipelineError
from provision.pipeline import Pipeline

Capture = pytest.CaptureFixture[str]
KEYS = ("uploads/a.jpg", "uploads/b/ünï + 100%, (1).jpg", "uploads/b/c.jpg")


@pytest.fixture(scope="module")
def stored(made: Pipeline) -> Pipeline:
    """A pipeline that processed three images."""
    content = io.BytesIO()
    Image.effect_noise((300, 200), 60).convert("RGB").save(content, "JPEG")
    for key in KEYS:
        made.aws.s3.put_object(Bucket=made.input_bucket, Key=key, Body=content.getvalue())
    _await(made, [*map(_output, KEYS)])
    return made


@pytest.fixture
def refused(stored: Pipeline) -> Iterator[str]:
    """The key of an upload that is no image."""
    key = "uploads/b/notes.jpg"
    stored.aws.s3.put_object(Bucket=stored.input_bucket, Key=key, Body=b"not an image")
    stored.aws.wait_until("log", lambda: _is_logged(stored, key), why="a verdict", deadline_s=20)
    yield key
    stored.aws.s3.delete_object(Bucket=stored.input_bucket, Key=key)


def _output(key: str, folder: str = "large") -> str:
    return f"{folder}/{key.removeprefix('uploads/')}"


def _await(pipeline: Pipeline, keys: list[str]) -> None:
    for key in keys:
        pipeline.aws.s3.get_waiter("object_exists").wait(
            Bucket=pipeline.output_bucket, Key=key, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )


def _is_logged(pipeline: Pipeline, key: str) -> bool | None:
    events = pipeline.aws.logs.filter_log_events(logGroupName=pipeline.names.log_group)["events"]
    return True if any(key in event["message"] for event in events) else None


def _reprocess(p: Pipeline, capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    where = ["--endpoint-url", str(p.aws.endpoint_url), "--name", p.names.pipeline, "--json"]
    capsys.readouterr()
    code = cli.run(["reprocess", *arguments, *where])
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["exit_code"] == code
    return code, envelope["data"]


def _found(data: dict[str, Any]) -> dict[str, str]:
    return {image["key"]: image["reason"] for image in data["images"]}


def test_nothing_is_missing_after_every_upload_was_processed(
    stored: Pipeline, capsys: Capture
) -> None:
    code, data = _reprocess(stored, capsys, "--missing")

    assert (code, data["images"], data["mailed"]) == (0, [], False)


def test_an_image_that_lacks_one_result_is_run_again(stored: Pipeline, capsys: Capture) -> None:
    stored.aws.s3.delete_object(Bucket=stored.output_bucket, Key=_output(KEYS[1], "medium"))

    _, listed = _reprocess(stored, capsys, "--missing", "--dry-run")
    code, run = _reprocess(stored, capsys, "--missing")
    _, after = _reprocess(stored, capsys, "--missing", "--dry-run")

    assert _found(listed) == {KEYS[1]: "missing"}
    assert (code, [image["outcome"] for image in run["images"]]) == (0, ["processed"])
    assert after["images"] == []


def test_a_result_of_an_older_version_is_stale(stored: Pipeline, capsys: Capture) -> None:
    bucket, key = stored.output_bucket, _output(KEYS[0])
    metadata = stored.aws.s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    stored.aws.s3.put_object(
        Bucket=bucket, Key=key, Body=b"x", Metadata=metadata | {"source-etag": "older"}
    )

    _, run = _reprocess(stored, capsys, "--missing")

    assert _found(run) == {KEYS[0]: "stale-source"}
    assert stored.aws.s3.head_object(Bucket=bucket, Key=key)["Metadata"] == metadata


def test_a_change_of_sizes_makes_every_old_image_stale_and_is_brought_up_to_date(
    stored: Pipeline, capsys: Capture
) -> None:
    settings = replace(stored.settings, sizes="thumbnails=64 medium=512 large=1024")
    smaller = replace(stored, settings=settings)
    assert engine.up(smaller.aws, smaller.resources()).ok

    _, run = _reprocess(stored, capsys, "--missing")
    body = stored.aws.s3.get_object(
        Bucket=stored.output_bucket, Key=_output(KEYS[1], "thumbnails")
    )["Body"].read()
    _, after = _reprocess(stored, capsys, "--missing", "--dry-run")
    assert engine.up(stored.aws, stored.resources()).ok
    _reprocess(stored, capsys, "--missing")

    assert _found(run) == dict.fromkeys(KEYS, "stale-settings")
    assert Image.open(io.BytesIO(body)).width == 64
    assert after["images"] == []


def test_everything_under_a_prefix_is_run_with_one_mail_for_all(
    stored: Pipeline, server: LocalServer, capsys: Capture
) -> None:
    before = len(server.state.mailbox.messages())

    code, run = _reprocess(stored, capsys, "--prefix", "b/")

    mails = server.state.mailbox.messages()[before:]
    assert (code, _found(run)) == (0, dict.fromkeys(KEYS[1:], "asked"))
    assert [mail["subject"] for mail in mails] == ["Images processed again"]
    assert "2 of 2 images were processed again" in mails[0]["body"]


def test_an_interrupted_run_goes_on_with_the_rest(stored: Pipeline, capsys: Capture) -> None:
    for key in KEYS:
        stored.aws.s3.delete_object(Bucket=stored.output_bucket, Key=_output(key))
    chosen = candidates(stored, "", missing_only=True)

    runs = reprocess.run_all(stored, chosen, at_once=1)
    first = next(runs)
    runs.close()  # type: ignore[attr-defined]
    _, rest = _reprocess(stored, capsys, "--missing")

    assert first.outcome == "processed"
    assert first.upload.key not in _found(rest)
    assert candidates(stored, "", missing_only=True) == []


def test_an_image_that_is_refused_again_is_told_with_its_reason(
    stored: Pipeline, server: LocalServer, capsys: Capture, refused: str
) -> None:
    before = len(server.state.mailbox.messages())

    code, run = _reprocess(stored, capsys, "--prefix", "uploads/b/")

    outcomes = {image["key"]: image["outcome"] for image in run["images"]}
    mails = server.state.mailbox.messages()[before:]
    assert (code, outcomes[refused], outcomes[KEYS[2]]) == (3, "refused", "processed")
    assert len(mails) == 1
    assert f"{refused}: refused" in mails[0]["body"]


def test_a_dry_run_tells_why_an_image_failed_before_and_runs_nothing(
    stored: Pipeline, capsys: Capture, refused: str
) -> None:
    _, listed = _reprocess(stored, capsys, "--missing", "--dry-run")

    row = listed["images"][0]
    assert (row["key"], row["reason"]) == (refused, "missing")
    assert row["before"].startswith("refused: ")


def test_a_pipeline_with_other_code_must_be_brought_up_first(
    stored: Pipeline, capsys: Capture
) -> None:
    function = stored.names.function
    stored.aws.lambda_.update_function_code(
        FunctionName=function, ZipFile=b"PK\x05\x06" + bytes(18)
    )

    code, _ = _reprocess(stored, capsys, "--missing", "--dry-run")

    assert code == 1
    assert engine.up(stored.aws, stored.resources()).ok


def test_it_runs_half_of_what_the_account_allows_at_once(
    made: Pipeline, server: LocalServer
) -> None:
    with server.state.changed(faults=frozenset({"account-concurrency-10"})):
        assert reprocess.concurrency(made) == 5


def test_a_function_that_may_not_run_is_not_run(made: Pipeline) -> None:
    function = made.names.function
    made.aws.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    with pytest.raises(PipelineError, match="may not run"):
        reprocess.concurrency(made)

    made.aws.lambda_.delete_function_concurrency(FunctionName=function)


def _refusing(action: str, refusal: Refusal) -> Sheet:
    rows = Sheet()

    @rows.refuses("L27", action)
    def refuse(state: State, call: Call) -> Refusal:
        return refusal

    return rows


def test_an_image_that_lambda_is_too_busy_for_has_failed_and_stops_no_other(
    stored: Pipeline, server: LocalServer, capsys: Capture
) -> None:
    busy = Refusal("TooManyRequestsException", "Rate Exceeded.", 429)

    with server.state.table.added(*_refusing("lambda.Invoke", busy).rows):
        code, run = _reprocess(stored, capsys, "--prefix", "b/")

    assert (code, [image["outcome"] for image in run["images"]]) == (1, ["failed", "failed"])


def test_a_summary_that_cannot_be_mailed_does_not_hide_what_was_done(
    stored: Pipeline, server: LocalServer, capsys: Capture
) -> None:
    denied = Refusal("AuthorizationError", "User: x is not authorized to perform: SNS:Publish", 403)

    with server.state.table.added(*_refusing("sns.Publish", denied).rows):
        code, run = _reprocess(stored, capsys, "--prefix", "a.jpg")

    assert (code, run["mailed"]) == (0, False)
    assert [image["outcome"] for image in run["images"]] == ["processed"]
