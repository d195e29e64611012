"""Traces from a write through the handlers that it calls to what these write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from pelton import App, Context, ManualClock, Table, ValidationException
from pelton.server import Server
from pelton.telemetry import trace_app
from tests.conftest import client_of
from tests.server.raw import exchange, post


class Traced:
    """An app with tables `orders` and `mails`, and the spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.clock = ManualClock()
        self.app = App(":memory:", clock=self.clock)
        self.orders = self._table("orders")
        self.mails = self._table("mails")
        self.tracing = trace_app(self.app, self.provider)
        self.tracer = self.provider.get_tracer("test")

    def _table(self, name: str) -> Table:
        return self.app.table(name, partition_key="id", stream="NEW_AND_OLD_IMAGES")

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        (span,) = self.spans(name)
        return span

    def attribute(self, span: ReadableSpan, name: str) -> Any:
        assert span.attributes is not None
        return span.attributes.get(name)


@pytest.fixture
def traced() -> Iterator[Traced]:
    traced = Traced()
    yield traced
    traced.app.close()
    traced.provider.shutdown()


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    assert span.context is not None and parent.context is not None
    return (
        span.parent is not None
        and span.parent.span_id == parent.context.span_id
        and span.context.trace_id == parent.context.trace_id
    )


def test_a_trace_goes_from_a_write_through_its_handler_to_the_next(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders)
    def mail(order: dict[str, Any], context: Context) -> None:
        traced.mails.put({"id": order["id"]})

    @traced.app.on_insert(traced.mails)
    async def send(mail: dict[str, Any], context: Context) -> None:
        await asyncio.sleep(0)
        with traced.tracer.start_as_current_span("smtp"):
            pass

    with traced.app:
        with traced.tracer.start_as_current_span("checkout"):
            traced.orders.put({"id": "o1"})
        traced.app.drain()
    names = [
        "checkout",
        "PutItem orders",
        "process orders",
        "PutItem mails",
        "process mails",
        "smtp",
    ]
    chain = [traced.span(name) for name in names]
    for parent, child in zip(chain, chain[1:], strict=False):
        assert is_child(child, parent), child.name


def test_what_a_handler_writes_in_its_transaction_carries_on(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders)
    def mail(order: dict[str, Any], context: Context) -> None:
        context.transaction.put(traced.mails, {"id": order["id"]})

    @traced.app.on_insert(traced.mails)
    def send(mail: dict[str, Any], context: Context) -> None: ...

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
    assert is_child(traced.span("process mails"), traced.span("process orders"))


def test_a_call_within_a_timeout_is_traced_where_it_runs(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders, timeout_seconds=60)
    def mail(order: dict[str, Any], context: Context) -> None:
        traced.mails.put({"id": order["id"]})

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
    assert is_child(traced.span("process orders"), traced.span("PutItem orders"))
    assert is_child(traced.span("PutItem mails"), traced.span("process orders"))


def copy_mail(order: dict[str, Any], context: Context) -> None:
    context.transaction.put("mails", {"id": order["id"]})


def test_a_call_in_a_process_is_traced_beside_it(traced: Traced) -> None:
    traced.app.on_insert(traced.orders, run_in="process")(copy_mail)

    @traced.app.on_insert(traced.mails)
    def send(mail: dict[str, Any], context: Context) -> None: ...

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
    assert is_child(traced.span("process orders"), traced.span("PutItem orders"))
    assert is_child(traced.span("process mails"), traced.span("process orders"))


def test_a_schedules_run_begins_a_trace(traced: Traced) -> None:
    @traced.app.schedule("rate(1 minute)")
    def sweep(event: dict[str, Any], context: Any) -> None:
        traced.mails.put({"id": "m1"})

    @traced.app.on_insert(traced.mails)
    def send(mail: dict[str, Any], context: Context) -> None: ...

    with traced.app:
        traced.clock.advance(seconds=61)
        traced.app.drain()
    run = traced.span("run sweep")
    assert run.parent is None
    assert traced.attribute(run, "faas.trigger") == "timer"
    assert is_child(traced.span("PutItem mails"), run)
    assert is_child(traced.span("process mails"), traced.span("PutItem mails"))


def test_an_invoked_function_begins_a_trace(traced: Traced) -> None:
    @traced.app.on_stream(traced.orders)
    def mail(event: dict[str, Any], context: Context) -> None:
        context.transaction.put(traced.mails, {"id": event["id"]})

    @traced.app.on_insert(traced.mails)
    def send(mail: dict[str, Any], context: Context) -> None: ...

    with traced.app, Server(traced.app.database, port=0, apps=[traced.app]) as server:
        answer = client_of("lambda", server.url).invoke(FunctionName="mail", Payload=b'{"id": "m"}')
        traced.app.drain()
    invoked = traced.span("invoke mail")
    assert invoked.kind is SpanKind.SERVER
    assert traced.attribute(invoked, "faas.trigger") == "other"
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert traced.attribute(invoked, "faas.invocation_id") == request_id
    assert is_child(traced.span("process mails"), invoked)


def test_a_span_of_a_call_says_what_it_is_about(traced: Traced) -> None:
    ids: list[str] = []

    @traced.app.on_change(traced.orders)
    def mail(change: Any, context: Context) -> None:
        ids.extend((change.sequence_number, context.shard_id, context.aws_request_id))

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
    span = traced.span("process orders")
    assert span.kind is SpanKind.CONSUMER
    assert dict(span.attributes or {}) == {
        "messaging.system": "dynamodb_streams",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": ids[1],
        "messaging.consumer.group.name": "mail",
        "messaging.message.id": ids[0],
        "faas.trigger": "datasource",
        "faas.name": "mail",
        "faas.invocation_id": ids[2],
        "faas.document.collection": "orders",
        "faas.document.operation": "insert",
        "cloud.resource_id": "arn:aws:lambda:us-east-1:000000000000:function:mail",
        "pelton.attempt": 1,
    }


def test_a_batch_of_several_writes_is_linked_to_each(traced: Traced) -> None:
    for number in range(3):
        traced.orders.put({"id": "one", "number": number})

    @traced.app.on_stream(traced.orders)
    def mail(event: dict[str, Any], context: Context) -> None: ...

    with traced.app:
        traced.app.drain()
    span = traced.span("process orders")
    writes = [write.context.span_id for write in traced.spans("PutItem orders") if write.context]
    assert [link.context.span_id for link in span.links] == writes
    assert span.parent is None
    assert traced.attribute(span, "messaging.batch.message_count") == 3


def test_a_batch_of_one_request_is_its_child(traced: Traced) -> None:
    @traced.app.on_stream(traced.orders, batch_size=10)
    def mail(event: dict[str, Any], context: Context) -> None: ...

    puts = [
        {"Put": {"TableName": table, "Item": {"id": {"S": "a"}}}} for table in ("orders", "mails")
    ]
    with traced.app:
        traced.app.call("TransactWriteItems", {"TransactItems": puts})
        traced.app.drain()
    request = traced.span("TransactWriteItems")
    assert traced.attribute(request, "aws.dynamodb.table_names") == ("mails", "orders")
    assert is_child(traced.span("process orders"), request)


def test_what_fails_is_told_with_its_exception(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders, maximum_retry_attempts=0)
    def mail(order: dict[str, Any], context: Context) -> None:
        raise ValueError("no address")

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
        with pytest.raises(ValidationException):
            traced.app.call("PutItem", {"TableName": "orders", "Item": {"name": {"S": "x"}}})
    span = traced.span("process orders")
    assert span.status.status_code is StatusCode.ERROR
    assert traced.attribute(span, "error.type") == "ValueError"
    (event,) = span.events
    assert (event.attributes or {})["exception.message"] == "no address"
    _, refused = traced.spans("PutItem orders")
    assert refused.status.status_code is StatusCode.ERROR
    assert traced.attribute(refused, "error.type") == "ValidationException"
    assert len(refused.events) == 1


def test_callers_that_await_are_traced(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders)
    async def mail(order: dict[str, Any], context: Context) -> None:
        await traced.mails.aio.put({"id": order["id"]})

    async def run() -> None:
        async with traced.app:
            with traced.tracer.start_as_current_span("checkout"):
                await traced.orders.aio.put({"id": "o1"})
            await traced.app.aio.drain()

    asyncio.run(run())
    assert is_child(traced.span("PutItem orders"), traced.span("checkout"))
    assert is_child(traced.span("process orders"), traced.span("PutItem orders"))
    assert is_child(traced.span("PutItem mails"), traced.span("process orders"))


def test_a_client_that_is_traced_carries_on_over_http(traced: Traced) -> None:
    @traced.app.on_insert(traced.orders)
    def mail(order: dict[str, Any], context: Context) -> None: ...

    body = b'{"TableName": "orders", "Item": {"id": {"S": "o1"}}}'
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with traced.app, Server(traced.app.database, port=0) as server:
        headers = {"traceparent": parent}
        assert (
            exchange(server.url, post(body, "DynamoDB_20120810.PutItem", **headers)).status == 200
        )
        traced.app.drain()
    put = traced.span("PutItem orders")
    assert put.parent is not None
    assert f"{put.parent.trace_id:032x}-{put.parent.span_id:016x}" == parent[3:-3]
    assert is_child(traced.span("process orders"), put)


def test_requests_of_several_tables_and_of_none_are_told(traced: Traced) -> None:
    traced.app.call("ListTables", {})
    items = {"orders": [{"PutRequest": {"Item": {"id": {"S": "a"}}}}]}
    traced.app.call("BatchWriteItem", {"RequestItems": items})
    span = traced.span("ListTables")
    assert span.kind is SpanKind.CLIENT
    assert traced.attribute(span, "db.system.name") == "aws.dynamodb"
    assert traced.attribute(span, "cloud.region") == "us-east-1"
    assert traced.attribute(traced.span("BatchWriteItem orders"), "db.collection.name") == "orders"


def test_tracing_ends(traced: Traced) -> None:
    with pytest.raises(RuntimeError, match="traced already"):
        trace_app(traced.app, traced.provider)
    traced.tracing.end()

    @traced.app.on_insert(traced.orders)
    def mail(order: dict[str, Any], context: Context) -> None: ...

    with traced.app:
        traced.orders.put({"id": "o1"})
        traced.app.drain()
    assert traced.exporter.get_finished_spans() == ()
    assert len(traced.app.streams.causes) == 0
    trace_app(traced.app, traced.provider).end()


def test_without_a_provider_nothing_is_kept() -> None:
    app = App(":memory:")
    orders = app.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    seen: list[str] = []
    trace_app(app)

    @app.on_insert(orders)
    def mail(order: dict[str, Any], context: Context) -> None:
        seen.append(order["id"])

    with app:
        orders.put({"id": "o1"})
        app.drain()
        assert len(app.streams.causes) == 0
    assert seen == ["o1"]
