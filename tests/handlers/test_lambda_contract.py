"""Functions written for AWS Lambda, with and without Powertools, run unchanged."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import uuid
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import pelton
from pelton.server import Server
from tests.conftest import CREDENTIALS

Load = Callable[[str], ModuleType]

REPORTS: dict[str, Any] = {"function_response_types": ["ReportBatchItemFailures"]}


@pytest.fixture
def app() -> Iterator[pelton.App]:
    app = pelton.App()
    yield app
    app.close()


@pytest.fixture
def orders(app: pelton.App) -> pelton.Table:
    return app.table("orders", partition_key="pk", stream="NEW_AND_OLD_IMAGES")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a function's module as a new execution environment does."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")

    # A function may set it for its whole environment.
    monkeypatch.setattr(logging.getLogger(), "level", logging.getLogger().level)

    def load(name: str) -> ModuleType:
        full_name = f"tests.handlers.functions.{name}"
        monkeypatch.delitem(sys.modules, full_name, raising=False)
        return importlib.import_module(full_name)

    return load


# --- without a library --------------------------------------------------------------------------


def test_a_plain_function_reads_all_of_its_context(
    app: pelton.App, orders: pelton.Table, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    function = load("plain").lambda_handler
    app.on_stream(orders, name="print-orders")(function)
    orders.put({"pk": "a", "n": 1})
    orders.update({"pk": "a"}, "SET n = :two", values={":two": 2})
    orders.delete({"pk": "a"})
    with app:
        app.drain(60)
    lines = capsys.readouterr().out.splitlines()
    request = lines.pop(3)
    assert uuid.UUID(request.removeprefix("Request: "))
    logs = lines.pop(3)
    assert logs.startswith("Logs: /aws/lambda/print-orders ") and not logs.endswith("None")
    assert lines == [
        "Function: print-orders $LATEST",
        "ARN: arn:aws:lambda:us-east-1:000000000000:function:print-orders",
        "Memory: 128 MB",
        "Time left: True",
        "Identity: None None",
        "Tenant: None",
        "New item: a",
        'Changed: {"n": {"N": "1"}, "pk": {"S": "a"}} {"n": {"N": "2"}, "pk": {"S": "a"}}',
        "Removed: a",
    ]


def test_a_function_that_stops_at_its_first_failure_gets_the_rest_again(
    app: pelton.App, orders: pelton.Table, load: Load
) -> None:
    module = load("first_failure")
    app.on_stream(orders, **REPORTS, maximum_retry_attempts=0)(module.handler)
    with orders.batch() as batch:
        for name in ("a", "bad", "c"):
            batch.put({"pk": name})
    with app:
        app.drain(60)
        (stats,) = app.stats().values()
    assert set(module.seen) == {"a", "bad", "c"}
    assert module.seen.count("a") == module.seen.count("c") == 1
    assert (stats.records, stats.dead_letters) == (2, 1)


# --- Powertools ---------------------------------------------------------------------------------


def test_powertools_reports_which_records_of_a_batch_failed(
    app: pelton.App,
    orders: pelton.Table,
    load: Load,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = load("batch")
    module.broken.add("o3")
    app.on_stream(orders, **REPORTS, name="orders", maximum_retry_attempts=1, concurrency_max=1)(
        module.lambda_handler
    )
    names = [f"o{number}" for number in range(20)]
    for name in names:
        orders.put({"pk": name, "total": 5})
    with app:
        app.drain(60)
        (stats,) = app.stats().values()
    good = [name for name in names if name != "o3"]
    assert sorted({name for name, _ in module.done}) == sorted(good)
    assert {function for _, function in module.done} == {"orders"}
    assert (stats.records, stats.dead_letters) == (19, 1)
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["service"] == "orders"
    assert first["function_name"] == "orders"
    assert first["function_arn"].endswith(":function:orders")
    assert first["function_memory_size"] == "128"
    assert uuid.UUID(first["function_request_id"])


def test_powertools_that_fails_for_all_of_a_batch_is_told_of_record_by_record(
    app: pelton.App, orders: pelton.Table, load: Load
) -> None:
    """It raises then, instead of reporting; the batch is halved, and each record has its letter."""
    module = load("batch")
    names = ["o1", "o2", "o3"]
    module.broken.update(names)
    app.on_stream(orders, **REPORTS, name="orders", maximum_retry_attempts=0, concurrency_max=1)(
        module.lambda_handler
    )
    for name in names:
        orders.put({"pk": name, "total": 5})
    with app:
        app.drain(60)
        letters = app.dead_letters.list("orders")
    assert sorted(letter.key["pk"] for letter in letters) == names
    assert all("no such order" in str(letter.traceback) for letter in letters)


def test_powertools_handles_the_records_of_a_batch_side_by_side_and_measures(
    app: pelton.App,
    orders: pelton.Table,
    load: Load,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    module = load("async_batch")
    app.on_stream(orders, **REPORTS, name="orders", concurrency_max=1)(module.lambda_handler)
    names = [f"o{number}" for number in range(10)]
    for name in names:
        orders.put({"pk": name})
    with app:
        app.drain(60)
    assert sorted(module.done) == sorted(names)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(sum(line.get("orders", [])) for line in lines) == len(names)
    assert {line["function_name"] for line in lines if "ColdStart" in line} == {"orders"}


def test_powertools_shows_the_event_as_objects(
    app: pelton.App, orders: pelton.Table, load: Load
) -> None:
    module = load("data_classes")
    app.on_stream(orders)(module.lambda_handler)
    orders.put({"pk": "a", "n": 1, "tags": {"x"}})
    orders.update({"pk": "a"}, "SET n = :two", values={":two": 2})
    orders.delete({"pk": "a"})
    with app:
        app.drain(60)
    old = {"pk": "a", "n": 1, "tags": {"x"}}
    assert module.changes == [
        ("new", old),
        ("changed", old, {**old, "n": 2}),
        ("gone", {"pk": "a"}),
    ]


def test_powertools_keeps_what_is_done_in_a_table_of_pelton(
    app: pelton.App, orders: pelton.Table, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.table("idempotency", partition_key="id")
    with Server({"us-east-1": app.database}, port=0) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", CREDENTIALS["region_name"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", CREDENTIALS["aws_access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CREDENTIALS["aws_secret_access_key"])
        module = load("idempotent")
        app.on_stream(orders, **REPORTS)(module.lambda_handler)
        orders.put({"pk": "a"})
        orders.update({"pk": "a"}, "SET n = :one", values={":one": 1})
        with app:
            app.drain(60)
            kept = app.call("Scan", {"TableName": "idempotency"})["Items"]
    # The first answer was lost, so both records came again, but nothing was paid twice.
    assert len(module.attempts) > 1
    assert module.payments == ["a", "a"]
    assert [item["status"]["S"] for item in kept] == ["COMPLETED", "COMPLETED"]
