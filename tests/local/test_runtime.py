"""The function's process: what it sees, how it ends, what its log says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from provision import interpreter
from tests.local.conftest import REGION, Aws, eventually, zipped
from tests.local.recordings import assert_like, recorded

Deploy = Callable[..., str]
# One handler for what a process can do wrong; the event chooses.
SOURCE = """
import logging, os, sys, time
logging.getLogger().setLevel("INFO")
calls = 0

def handler(event, context):
    global calls
    calls += 1
    print("printed", event.get("mark", ""))
    logging.info("logged %s", event.get("mark", ""))
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        sys.exit(event["exit"])
    if "hard_exit" in event:
        os._exit(event["hard_exit"])
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "eat_mb" in event:
        eaten = bytearray(event["eat_mb"] << 20)
        for page in range(0, len(eaten), 4096):
            eaten[page] = 1
        time.sleep(1)
    return {"calls": calls, "environment": dict(os.environ), "path": sys.path}
"""


@pytest.fixture
def troubled(deploy: Deploy) -> str:
    return deploy(SOURCE, Timeout=1)


def invoke(lambda_: Any, function: str, **event: Any) -> dict[str, Any]:
    """The answer with its payload parsed and its log tail decoded."""
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
    answer["Payload"] = json.load(answer["Payload"])
    answer["LogResult"] = base64.b64decode(answer["LogResult"]).decode()
    return dict(answer)


def test_l34_a_timeout_is_answered_as_recorded(lambda_: Any, troubled: str) -> None:
    answer = invoke(lambda_, troubled, sleep=30)

    log = answer.pop("LogResult")
    test = "TestLambdaBehavior::test_lambda_invoke_with_timeout"
    assert_like(answer, recorded("lambda", test, "invoke-result"))
    assert "Task timed out after 1.00 seconds" in log
    assert "Status: timeout" in log


def test_l35_a_python_exit_is_answered_as_recorded(lambda_: Any, troubled: str) -> None:
    answer = invoke(lambda_, troubled, exit=0)

    answer.pop("LogResult")
    expected = recorded("lambda", "TestLambdaErrors::test_lambda_handler_exit", "invocation_error")
    assert_like(answer, expected)


@pytest.mark.parametrize(
    ("event", "reason"),
    [({"hard_exit": 127}, "exit status 127"), ({"eat_mb": 300}, "signal: killed")],
)
def test_l35_a_hard_end_is_named(
    lambda_: Any, deploy: Deploy, event: dict[str, int], reason: str
) -> None:
    function = deploy(SOURCE, MemorySize=192, Timeout=10)

    answer = invoke(lambda_, function, **event)

    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith(f"Runtime exited with error: {reason}")


def test_l36_a_missing_module_is_named(lambda_: Any, deploy: Deploy) -> None:
    function = deploy("import PIL\n")

    answer = invoke(lambda_, function)

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert answer["Payload"]["errorMessage"] == (
        "Unable to import module 'code': No module named 'PIL'"
    )


def test_a_runtime_this_machine_lacks_is_named(lambda_: Any, deploy: Deploy) -> None:
    function = deploy(Runtime="nodejs22.x", Handler="index.handler")

    answer = invoke(lambda_, function)

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Local.CannotRun"
    assert answer["Payload"]["errorMessage"].endswith("This machine cannot run nodejs22.x.")


def test_an_exception_is_unhandled(lambda_: Any, troubled: str) -> None:
    answer = invoke(lambda_, troubled, **{"raise": "this is intentional"})

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "ValueError"
    assert answer["Payload"]["errorMessage"] == "this is intentional"


def test_a_warm_worker_keeps_its_state(lambda_: Any, troubled: str) -> None:
    first = invoke(lambda_, troubled)

    second = invoke(lambda_, troubled)

    assert (first["Payload"]["calls"], second["Payload"]["calls"]) == (1, 2)
    assert "Init Duration" in first["LogResult"]
    assert "Init Duration" not in second["LogResult"]


def test_after_a_crash_comes_a_new_worker(lambda_: Any, troubled: str) -> None:
    invoke(lambda_, troubled)
    invoke(lambda_, troubled, hard_exit=1)

    assert invoke(lambda_, troubled)["Payload"]["calls"] == 1


def test_new_code_gets_a_new_worker(lambda_: Any, troubled: str) -> None:
    invoke(lambda_, troubled)
    code = zipped({"code.py": "def handler(event, context):\n    return {'new': True}\n"})

    lambda_.update_function_code(FunctionName=troubled, ZipFile=code)

    assert invoke(lambda_, troubled)["Payload"] == {"new": True}


def test_the_environment_is_lambdas_and_nothing_of_the_users(
    lambda_: Any, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_USER", "1")
    function = deploy(SOURCE, Environment={"Variables": {"OWN": "set"}})

    environment = invoke(lambda_, function)["Payload"]["environment"]

    test = "TestLambdaBehavior::test_lambda_init_environment"
    step = recorded("lambda", test, "lambda-init-inspection", "Payload", "environment")
    tracing = {name for name in step if "XRAY" in name} | {"PWD", "SHLVL", "LC_CTYPE"}
    assert step.keys() - tracing <= environment.keys()
    assert environment["OWN"] == "set"
    assert environment["AWS_REGION"] == REGION
    assert environment["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{interpreter.default_runtime()}"
    assert "OF_THE_USER" not in environment


def test_the_text_log_begins_and_ends_with_lambdas_lines(
    lambda_: Any, logs: Any, troubled: str
) -> None:
    answer = invoke(lambda_, troubled, mark="here")

    request_id = answer["ResponseMetadata"]["RequestId"]
    messages = _messages(logs, troubled)
    assert messages[1] == f"START RequestId: {request_id} Version: $LATEST"
    assert "printed here" in messages
    assert any(m.startswith("[INFO]") and m.endswith("logged here") for m in messages)
    assert messages[-2] == f"END RequestId: {request_id}"
    assert messages[-1].startswith(f"REPORT RequestId: {request_id}\tDuration: ")


def test_l33_the_json_log_has_platform_records(lambda_: Any, logs: Any, deploy: Deploy) -> None:
    function = deploy(SOURCE, LoggingConfig={"LogFormat": "JSON"}, MemorySize=256)

    answer = invoke(lambda_, function, mark="here")

    records = [json.loads(m) for m in _messages(logs, function) if m.startswith("{")]
    kinds = [record.get("type") for record in records]
    assert kinds == ["platform.initStart", "platform.start", None, "platform.report"]
    assert records[2]["message"] == "logged here"
    report = records[3]["record"]
    assert report["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert report["status"] == "success"
    assert report["metrics"]["memorySizeMB"] == 256
    assert report["metrics"].keys() == {
        "durationMs",
        "billedDurationMs",
        "memorySizeMB",
        "maxMemoryUsedMB",
        "initDurationMs",
    }


def test_l33_a_quieter_system_level_drops_them(lambda_: Any, logs: Any, deploy: Deploy) -> None:
    function = deploy(SOURCE, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})

    invoke(lambda_, function, mark="here")

    assert not any("platform." in message for message in _messages(logs, function))


def test_l32_the_log_goes_where_it_is_configured(
    lambda_: Any, logs: Any, deploy: Deploy, name: str
) -> None:
    function = deploy(SOURCE, LoggingConfig={"LogGroup": f"/custom/{name}"})

    invoke(lambda_, function)

    groups = logs.describe_log_groups(logGroupNamePrefix=f"/custom/{name}")["logGroups"]
    assert [group["logGroupName"] for group in groups] == [f"/custom/{name}"]


def test_no_worker_outlives_its_function(aws: Aws, lambda_: Any, troubled: str) -> None:
    invoke(lambda_, troubled)

    lambda_.delete_function(FunctionName=troubled)

    pool = aws.state.invocations.pool
    eventually(lambda: all(w.deployment.arn != troubled for w in pool.idle))


def test_an_event_invocation_is_accepted(lambda_: Any, troubled: str) -> None:
    answer = lambda_.invoke(FunctionName=troubled, InvocationType="Event", Payload=b"{}")

    assert answer["StatusCode"] == 202


def test_a_dry_run_runs_nothing(lambda_: Any, troubled: str) -> None:
    answer = lambda_.invoke(FunctionName=troubled, InvocationType="DryRun")

    assert answer["StatusCode"] == 204
    assert invoke(lambda_, troubled)["Payload"]["calls"] == 1


def _messages(logs: Any, function: str) -> list[str]:
    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    events = logs.filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]
