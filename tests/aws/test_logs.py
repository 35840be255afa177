"""`logs` against a log that misbehaves: nothing lost, nothing twice, a clean end."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ops import cli
from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer
from ops.local.state import State
from ops.local.table import Sheet
from ops.log_events import OVERLAP_MS, Reader
from provision.aws import Aws
from provision.pipeline import Pipeline

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
STREAMS = ("one", "two", "three")


@pytest.fixture
def group(connection: Aws, request: pytest.FixtureRequest) -> str:
    name = f"/test/{request.node.name}"
    connection.logs.create_log_group(logGroupName=name)
    return name


@pytest.fixture
def log(made: Pipeline) -> Iterator[str]:
    """The pipeline's own log, emptied."""
    logs, group = made.aws.logs, made.names.log_group
    yield group
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])


def _write(aws: Aws, group: str, stream: str, *events: tuple[int, str]) -> None:
    logs = aws.logs
    known = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)
    if stream not in {s["logStreamName"] for s in known["logStreams"]}:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=group, logStreamName=stream,
        logEvents=[{"timestamp": ms, "message": text} for ms, text in sorted(events)],
    )  # fmt: skip


def _logs(made: Pipeline, *arguments: str) -> int:
    where = ["--endpoint-url", str(made.aws.endpoint_url), "--name", made.names.pipeline]
    return cli.run(["logs", *arguments, *where])


def _messages(capsys: Capture) -> list[str]:
    return [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()]


def _now_ms() -> int:
    return int(time.time() * 1000)


def _unruly_pages() -> Sheet:
    """Pages of thirty events after an empty one; every fifth call is refused."""
    rows, calls = Sheet(), itertools.count(1)

    @rows.refuses("G4", "logs.FilterLogEvents")
    def throttle(state: State, call: Call) -> Refusal | None:
        call.params["limit"] = 30 if call.get("nextToken") else 0
        throttled = next(calls) % 5 == 0
        return Refusal("ThrottlingException", "Rate exceeded") if throttled else None

    return rows


def _torture(aws: Aws, group: str) -> Iterable[str]:
    """Write to three streams for 1.2 s, older and older, in the same millisecond, unordered."""
    base, written = _now_ms(), []
    for number in range(12):
        for stream in STREAMS:
            texts = [f"{stream} {number} {nth}" for nth in "abc"]
            late_ms = 0 if number % 2 else 1_000 * number
            times = [base - late_ms, base - late_ms, base - late_ms - number]
            _write(aws, group, f"{stream}-{number % 4}", *zip(times, texts, strict=True))
            written += texts
        aws.pause(0.1)
    return written


def test_a_follower_shows_late_reordered_simultaneous_events_of_three_streams_once(
    made: Pipeline, server: LocalServer, log: str, capsys: Capture
) -> None:
    written: list[str] = []
    writer = threading.Thread(target=lambda: written.extend(_torture(made.aws, log)))

    with server.state.table.added(*_unruly_pages().rows):
        writer.start()
        code = _logs(made, "--json", "--for", "3s")
        writer.join()

    assert code == 0
    assert len(written) == 108
    assert Counter(_messages(capsys)) == Counter(written)


def test_an_event_up_to_the_overlap_late_is_not_lost(connection: Aws, group: str) -> None:
    reader, now = Reader(connection, group, _now_ms() - 10 * OVERLAP_MS), _now_ms()
    _write(connection, group, "a", (now, "new"))

    first = reader.read()
    _write(connection, group, "b", (now - OVERLAP_MS + 1_000, "late"))
    second = reader.read()

    assert [[e.message for e in look] for look in (first, second)] == [["new"], ["late"]]


def test_an_event_dated_in_the_future_hides_none_that_follow(connection: Aws, group: str) -> None:
    reader, now = Reader(connection, group, _now_ms() - OVERLAP_MS), _now_ms()
    _write(connection, group, "a", (now + 3_600_000, "dated wrongly"))

    reader.read()
    _write(connection, group, "a", (now, "right"))

    assert [e.message for e in reader.read()] == ["right"]


def test_a_reader_keeps_no_ids_that_it_cannot_meet_again(connection: Aws, group: str) -> None:
    now = _now_ms()
    reader = Reader(connection, group, now - 100 * OVERLAP_MS)
    _write(connection, group, "a", *((now - 50 * OVERLAP_MS + n, "old") for n in range(1_000)))
    _write(connection, group, "b", (now, "new"))

    events = reader.read()

    assert len(events) == 1_001
    assert len(reader._seen) == 1


def test_a_group_that_does_not_exist_yet_is_read_once_it_does(connection: Aws) -> None:
    reader, group = Reader(connection, "/test/later", _now_ms() - 1_000), "/test/later"

    before = reader.read()
    connection.logs.create_log_group(logGroupName=group)
    _write(connection, group, "a", (_now_ms(), "first"))

    assert before == []
    assert [e.message for e in reader.read()] == ["first"]


def test_logs_of_a_pipeline_without_invocations_say_so(
    made: Pipeline, log: str, capsys: Capture
) -> None:
    code = _logs(made, "--since", "5m")

    assert code == 0
    assert "No log lines in the last 5m" in capsys.readouterr().err


def test_a_request_is_told_with_outcome_stages_and_measurements(
    made: Pipeline, log: str, capsys: Capture
) -> None:
    request, now = "8476a536-e9f4-11e8-9739-2dfe598c3fcd", _now_ms()
    metrics = {"durationMs": 310.2, "billedDurationMs": 811, "memorySizeMB": 256,
               "maxMemoryUsedMB": 97, "initDurationMs": 500.0}  # fmt: skip
    told = {"level": "INFO", "message": "processed", "requestId": request,
            "key": "uploads/a b.jpg", "stages_ms": {"read": 12.0, "decode": 80.4}}  # fmt: skip
    record = {"requestId": request, "metrics": metrics, "status": "success"}
    report = {"type": "platform.report", "record": record}
    _write(made.aws, log, "s", (now, json.dumps(told)), (now, json.dumps(report)))

    _logs(made)

    out = capsys.readouterr().out
    assert "processed uploads/a b.jpg" in out
    assert "read 12 ms, decode 80 ms" in out
    assert "310 ms, billed 811 ms, 97 of 256 MB, cold start" in out


def test_errors_shows_only_what_failed_and_that_in_full(
    made: Pipeline, log: str, capsys: Capture
) -> None:
    good, bad = "11111111-e9f4-11e8-9739-2dfe598c3fcd", "22222222-e9f4-11e8-9739-2dfe598c3fcd"
    text = f"[ERROR]\t2026-01-01T00:00:00.000Z\t{bad}\tfailed\nTraceback\n  KeyError: 'x'"
    _write(made.aws, log, "s", (_now_ms(), f"START RequestId: {good} Version: 1"))
    _write(made.aws, log, "t", (_now_ms(), text))

    _logs(made, "--errors")

    out = capsys.readouterr().out
    assert good not in out
    assert "KeyError: 'x'" in out


def _looks(count: int) -> tuple[Sheet, threading.Event]:
    """Rows that notice when the log was looked at `count` times."""
    rows, calls, reached = Sheet(), Counter[str](), threading.Event()

    @rows.follows("G4", "logs.FilterLogEvents")
    def notice(state: State, call: Call) -> None:
        calls["all"] += 1
        if calls["all"] == count:
            reached.set()

    return rows, reached


def test_ctrl_c_ends_a_follower_with_what_it_held_and_no_complaint(
    made: Pipeline, server: LocalServer, log: str
) -> None:
    request = "33333333-e9f4-11e8-9739-2dfe598c3fcd"
    _write(made.aws, log, "s", (_now_ms(), f"START RequestId: {request} Version: 1"))
    # A shell that starts something in the background has it ignore Ctrl-C.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; from ops import cli; cli.main()"
    command = [sys.executable, "-c", program, "logs", "--follow"]
    where = ["--endpoint-url", str(made.aws.endpoint_url), "--name", made.names.pipeline]
    rows, looked_twice = _looks(2)

    with server.state.table.added(*rows.rows):
        follower = subprocess.Popen(
            [*command, *where], text=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert looked_twice.wait(20)
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=20)

    assert follower.returncode == 130
    assert request in out
    assert "Traceback" not in err
    assert "error" not in err
