"""Invoke, with the answers of AWS's runtime for Python."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest

from pelton import ManualClock
from pelton.engine import Database
from pelton.handlers import Handler
from pelton.handlers.calling import Caller
from pelton.handlers.functions import Function
from pelton.handlers.invocations import EventQueue, Invocation, Invoker

from .refusals import refusal
from .shop import Shop

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def result_of(answer: Any) -> Any:
    return json.loads(answer["Payload"].read())


def test_a_function_is_called_with_the_payload_and_a_full_context(functions: Any) -> None:
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    answer = functions.invoke(
        FunctionName="echo", Payload=b'{"a": [1, null]}', ClientContext=context
    )
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    told = result_of(answer)
    assert 890_000 < told.pop("remaining_ms") <= 900_000
    assert told == {
        "event": {"a": [1, None]},
        "name": "echo",
        "version": "$LATEST",
        "arn": f"{ARN}:echo",
        "request": answer["ResponseMetadata"]["RequestId"],
        "memory": "128",
        "group": "/aws/lambda/echo",
        "custom": {"k": "v"},
    }


def test_no_payload_is_an_empty_event(functions: Any) -> None:
    assert result_of(functions.invoke(FunctionName="echo:$LATEST"))["event"] == {}
    assert result_of(functions.invoke(FunctionName="answer", Payload=b'"nothing"')) is None


def test_coroutine_functions_are_awaited(functions: Any) -> None:
    assert result_of(functions.invoke(FunctionName="later", Payload=b"[1]")) == [1]


def test_an_exception_is_told_as_the_runtime_does(functions: Any) -> None:
    answer = functions.invoke(FunctionName="fail", Payload=b"{}")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    told = result_of(answer)
    assert told["errorMessage"] == "'no such order'"
    assert told["errorType"] == "KeyError"
    assert told["requestId"] == answer["ResponseMetadata"]["RequestId"]
    (frame,) = told["stackTrace"]
    assert 'shop.py", line' in frame
    assert 'raise KeyError("no such order")' in frame


def test_a_function_that_takes_too_long_is_left_and_commits_nothing(
    functions: Any, shop: Shop
) -> None:
    answer = functions.invoke(FunctionName="hang")
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert answer["FunctionError"] == "Unhandled"
    assert result_of(answer) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 0.05 seconds",
    }
    shop.gate.set()
    functions.invoke(FunctionName="book", Payload=b'{"id": "after"}')
    assert shop.orders.get({"id": "too late"}) is None


@pytest.mark.parametrize(
    ("status", "how"),
    [(0, "without providing a reason"), (3, "with error: exit status 3")],
)
def test_a_function_that_exits_leaves_the_server_alone(
    functions: Any, status: int, how: str
) -> None:
    answer = functions.invoke(FunctionName="leave", Payload=json.dumps({"status": status}))
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert result_of(answer) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited {how}",
    }


def test_what_is_no_json_cannot_be_returned(functions: Any) -> None:
    answer = functions.invoke(FunctionName="answer", Payload=b'"decimals"')
    assert result_of(answer) == {"sum": [12.5, 3]}

    answer = functions.invoke(FunctionName="answer", Payload=b'"object"')
    told = result_of(answer)
    assert (answer["FunctionError"], told["errorType"]) == ("Unhandled", "Runtime.MarshalError")
    assert told["errorMessage"] == (
        "Unable to marshal response: Object of type object is not JSON serializable"
    )

    answer = functions.invoke(FunctionName="answer", Payload=b'"large"')
    assert result_of(answer) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


def test_writes_of_a_function_are_committed_when_it_has_returned(
    functions: Any, shop: Shop
) -> None:
    answer = functions.invoke(FunctionName="book", Payload=b'{"id": "o1"}')
    assert result_of(answer) == "booked"
    assert shop.orders.get({"id": "o1"}) == {"id": "o1", "lines": 1}


def test_the_end_of_the_log_comes_along_when_it_is_asked_for(
    functions: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = functions.invoke(FunctionName="speak", LogType="Tail")
    request_id = answer["ResponseMetadata"]["RequestId"]
    start, printed, logged, end, report = (
        base64.b64decode(answer["LogResult"]).decode().splitlines()
    )
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert printed == "printed"
    level, _, id_, message = logged.split("\t")
    assert (level, id_, message) == ("[WARNING]", request_id, "logged")
    assert end == f"END RequestId: {request_id}"
    assert report.startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "LogResult" not in functions.invoke(FunctionName="speak")
    assert capsys.readouterr().out == "printed\nprinted\n"

    failed = functions.invoke(FunctionName="fail", LogType="Tail")
    assert "[ERROR] KeyError: 'no such order'" in base64.b64decode(failed["LogResult"]).decode()


def test_a_dry_run_calls_nothing_and_an_event_is_not_waited_for(functions: Any, shop: Shop) -> None:
    answer = functions.invoke(FunctionName="book", Payload=b'{"id": "x"}', InvocationType="DryRun")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    assert "ExecutedVersion" not in answer
    assert shop.orders.get({"id": "x"}) is None

    answer = functions.invoke(FunctionName="later", Payload=b"[7]", InvocationType="Event")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert shop.gate.wait(30)
    assert shop.calls == [[7]]


def test_an_event_that_fails_is_tried_twice_more_and_later() -> None:
    attempts: list[tuple[str, int]] = []

    def fail(event: Any, context: Any) -> None:
        attempts.append((context.aws_request_id, context.attempt))
        raise RuntimeError("no")

    database = Database(":memory:", clock=ManualClock())
    waits: list[float] = []
    pending: list[Any] = []
    caller = Caller()

    def after(seconds: float, callback: Any) -> None:
        waits.append(seconds)
        pending.append(callback)

    queue = EventQueue(Invoker(database, caller), after)
    queue.put(Invocation(Function(Handler("fail", fail)), b"{}", "r1", f"{ARN}:fail"))
    queue.close(30)
    while pending:
        pending.pop()()
        queue.close(30)
    assert attempts == [("r1", 1), ("r1", 2), ("r1", 3)]
    assert waits == [60.0, 120.0]
    caller.close()
    database.close()


def test_a_handler_of_records_is_called_for_each_record_of_an_event(
    functions: Any, shop: Shop
) -> None:
    events: list[Any] = []
    changes: list[Any] = []
    shop.app.stop()
    shop.app.on_stream(shop.orders, name="all")(lambda event, context: events.append(event))
    shop.app.on_remove(shop.orders, name="gone")(lambda item, context: changes.append(item))
    shop.app.on_change(shop.orders, name="any")(
        lambda change, context: changes.append((change.event, change.table_name, change.keys))
    )
    shop.orders.put({"id": "a", "n": 1})
    shop.orders.delete({"id": "a"})
    shop.app.start()
    shop.app.drain()
    records = [record for event in events for record in event["Records"]]
    changes.clear()

    payload = json.dumps({"Records": records})
    assert result_of(functions.invoke(FunctionName="gone", Payload=payload)) is None
    assert changes == [{"id": "a", "n": 1}]
    changes.clear()
    functions.invoke(FunctionName="any", Payload=payload)
    assert changes == [
        ("INSERT", "orders", {"id": "a"}),
        ("REMOVE", "orders", {"id": "a"}),
    ]

    refused = functions.invoke(FunctionName="gone", Payload=b"{}")
    assert "gone is called for each change of an item" in result_of(refused)["errorMessage"]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"FunctionName": "none"},
            (404, "ResourceNotFoundException", f"Function not found: {ARN}:none:$LATEST"),
        ),
        (
            {"FunctionName": "echo", "InvocationType": "UNKNOWN"},
            (
                400,
                "ValidationException",
                "1 validation error detected: Value 'UNKNOWN' at 'invocationType' failed to "
                "satisfy constraint: Member must satisfy enum value set: "
                "[DryRun, RequestResponse, Event]",
            ),
        ),
        (
            {"FunctionName": "echo", "Payload": b"x" * 1_048_577, "InvocationType": "Event"},
            (
                413,
                "RequestEntityTooLargeException",
                "1048577 byte payload is too large for the Event invocation type "
                "(limit 1048576 bytes)",
            ),
        ),
        (
            {"FunctionName": "echo", "Payload": b"x" * 6_291_457},
            (
                413,
                "RequestEntityTooLargeException",
                "6291457 byte payload is too large for the RequestResponse invocation type "
                "(limit 6291456 bytes)",
            ),
        ),
    ],
)
def test_what_cannot_be_invoked_is_refused_as_on_aws(
    functions: Any, members: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert refusal(functions.invoke, **members) == expected


def test_a_function_that_is_called_too_often_at_once_is_throttled(
    functions: Any, shop: Shop
) -> None:
    entered = threading.Event()

    @shop.app.function(concurrency_max=1)
    def alone(event: Any, context: Any) -> None:
        entered.set()
        shop.gate.wait(30)

    functions.invoke(FunctionName="alone", InvocationType="Event")
    assert entered.wait(30)
    assert refusal(functions.invoke, FunctionName="alone") == (
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
    )
    shop.gate.set()


def test_a_payload_that_is_no_json_is_refused(functions: Any) -> None:
    status, code, message = refusal(functions.invoke, FunctionName="echo", Payload=b"{x")
    assert (status, code) == (400, "InvalidRequestContentException")
    assert message.startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )
