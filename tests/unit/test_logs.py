"""Log lines in both of Lambda's formats, and their grouping by request."""

from __future__ import annotations

import json
from typing import Any

from ops.log_events import LogEvent, parse
from ops.log_groups import Collector, by_request

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def _parse(message: str | dict[str, Any]) -> LogEvent:
    text = message if isinstance(message, str) else json.dumps(message)
    return parse({"message": text, "timestamp": 1_700_000_000_123, "eventId": "e1"})


def _event(
    kind: str, request: str | None, ms: int, event_id: str = "", stream: str = ""
) -> LogEvent:
    fields = {"durationMs": 1.0} if kind == "platform.report" else {}
    known = event_id or f"{kind}{ms}{stream}"
    return LogEvent(ms, known, kind, request, "INFO", kind, fields, stream)


def test_a_json_line_of_the_function_keeps_its_fields() -> None:
    event = _parse(
        {"level": "INFO", "message": "processed", "requestId": ID, "key": "uploads/ü.jpg"}
    )

    assert (event.kind, event.request_id, event.message) == ("function", ID, "processed")
    assert event.fields == {"key": "uploads/ü.jpg"}
    assert event.time == "2023-11-14T22:13:20.123Z"


def test_a_json_report_gives_its_metrics() -> None:
    metrics = {"durationMs": 12.5, "billedDurationMs": 13, "maxMemoryUsedMB": 90}
    record = {"requestId": ID, "metrics": metrics, "status": "success"}

    event = _parse({"type": "platform.report", "record": record})

    assert event.fields["maxMemoryUsedMB"] == 90
    assert event.level == "INFO"


def test_a_timed_out_json_report_is_an_error() -> None:
    record = {"requestId": ID, "metrics": {}, "status": "timeout"}

    assert _parse({"type": "platform.report", "record": record}).level == "ERROR"


def test_a_text_report_gives_the_same_metrics() -> None:
    event = _parse(
        f"REPORT RequestId: {ID}\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
        "Memory Size: 256 MB\tMax Memory Used: 90 MB\tInit Duration: 480.10 ms\t\n"
    )

    assert event.kind == "platform.report"
    assert event.fields == {
        "durationMs": 12.5,
        "billedDurationMs": 13.0,
        "memorySizeMB": 256.0,
        "maxMemoryUsedMB": 90.0,
        "initDurationMs": 480.1,
    }


def test_a_text_line_of_the_function_keeps_request_level_and_fields() -> None:
    event = _parse(f'[ERROR]\t2026-01-01T00:00:00.000Z\t{ID}\tfailed {{"key": "uploads/a"}}\n')

    assert (event.request_id, event.level) == (ID, "ERROR")
    assert event.fields == {"key": "uploads/a"}


def test_a_text_timeout_belongs_to_its_request() -> None:
    event = _parse(f"2026-01-01T00:00:30.000Z {ID} Task timed out after 30.00 seconds\n\n")

    assert (event.request_id, event.level) == (ID, "ERROR")


def test_a_text_exception_is_an_error_with_its_traceback() -> None:
    event = _parse("[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n  File a.py")

    assert (event.request_id, event.level) == (None, "ERROR")
    assert event.message.splitlines()[1:] == ["Traceback (most recent call last):", "  File a.py"]


def test_a_text_report_of_a_failure_names_it() -> None:
    event = _parse(f"REPORT RequestId: {ID}\tStatus: error\tError Type: Runtime.ExitError\t\n")

    assert event.level == "ERROR"
    assert event.fields == {"status": "error", "errorType": "Runtime.ExitError"}


def test_a_killed_runtime_in_text_belongs_to_its_request() -> None:
    event = _parse(f"RequestId: {ID} Error: Runtime exited with error: signal: killed\n")

    assert (event.request_id, event.level) == (ID, "ERROR")
    assert event.message == "Runtime exited with error: signal: killed"


def test_an_error_before_any_request_has_no_request_id() -> None:
    event = _parse({"log_level": "ERROR", "errorMessage": "No module named 'PIL'", "requestId": ""})

    assert (event.request_id, event.level) == (None, "ERROR")


def test_any_other_line_is_kept_as_it_is() -> None:
    event = _parse("printed by somebody")

    assert (event.message, event.request_id) == ("printed by somebody", None)


def test_a_request_is_handed_out_when_lambda_has_reported() -> None:
    collector = Collector(quiet_s=20)

    early = collector.add([_event("platform.start", ID, 1)], now=0)
    late = collector.add([_event("platform.report", ID, 3), _event("function", ID, 2)], now=1)

    assert early == []
    assert [event.time_ms for event in late[0].events] == [1, 2, 3]


def test_a_request_without_report_is_handed_out_when_it_stays_quiet() -> None:
    collector = Collector(quiet_s=20)
    collector.add([_event("platform.start", ID, 1)], now=0)

    assert collector.add([], now=19) == []
    assert [r.request_id for r in collector.add([], now=20)] == [ID]


def test_what_comes_after_the_report_is_not_lost() -> None:
    collector = Collector(quiet_s=20)
    collector.add([_event("platform.report", ID, 2)], now=0)

    collector.add([_event("function", ID, 1)], now=1)

    rest = collector.rest()
    assert [event.kind for request in rest for event in request.events] == ["function"]
    assert [request.continued for request in rest] == [True]


def test_lines_without_a_request_stand_alone() -> None:
    requests = by_request([_event("function", None, 1, "a"), _event("function", None, 1, "b")])

    assert len(requests) == 2


def test_a_line_without_a_request_belongs_to_what_runs_in_its_stream() -> None:
    start = _event("platform.start", ID, 1, stream="a")
    printed = [_event("function", None, 2, stream=stream) for stream in ("a", "b")]

    requests = by_request([start, *printed])

    assert [[e.stream for e in r.events] for r in requests] == [["a", "a"], ["b"]]


def test_lines_of_the_init_belong_to_the_request_that_caused_it() -> None:
    first = _event("platform.start", "first", 1, stream="a")
    init = _event("platform.initStart", None, 5, stream="a")
    start = _event("platform.start", ID, 9, stream="a")

    requests = by_request([first, init, start])

    assert [[e.kind for e in r.events] for r in requests] == [
        ["platform.start"],
        ["platform.initStart", "platform.start"],
    ]


def test_a_line_that_came_before_its_start_waits_for_it() -> None:
    collector = Collector(quiet_s=20)
    collector.add([_event("function", None, 2, stream="a")], now=0)

    collector.add([_event("platform.start", ID, 1, stream="a")], now=1)

    assert [r.request_id for r in collector.rest()] == [ID]


def test_every_attempt_of_a_request_has_its_report() -> None:
    events = [
        _event(kind, ID, ms, stream=stream)
        for ms, stream in ((1, "a"), (60_000, "b"))
        for kind in ("platform.start", "platform.report")
    ]

    assert [len(request.reports) for request in by_request(events)] == [2]
