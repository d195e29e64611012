"""Traces of OpenTelemetry: from a write through the handlers it calls to what these write.

Needs `pip install 'pelton[telemetry]'`, and a program that sends spans somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from . import __version__
from .engine.cause import Cause, current_cause, with_cause
from .engine.database import Done, Write
from .engine.operations.operation import Answer, Present, Request
from .handlers.observing import Call, Trigger
from .streams import Record, Shard, to_wire

if TYPE_CHECKING:
    from .app import App

LINKS_MAX = 128
"""OpenTelemetry's own limit of the links of a span."""

DOCUMENT_OPERATIONS = {"INSERT": "insert", "MODIFY": "edit", "REMOVE": "delete"}

_w3c = TraceContextTextMapPropagator()


def trace_app(app: App, tracer_provider: trace.TracerProvider | None = None) -> AppTracing:
    """Traces every request of an app and every call of its handlers, until `end()`.

    `tracer_provider` is the program's own unless given. A call of a handler is the child of the
    request that wrote its record; of a batch that several requests wrote, it has links to them.
    Raises RuntimeError where the app is traced already.
    """
    if app.database.tracing is not None:
        raise RuntimeError("the app is traced already: end() the other tracing first")
    return AppTracing(app, tracer_provider or trace.get_tracer_provider())


class AppTracing:
    """What traces one app. Its database's `call` and `submit` are replaced on the object, so that
    an app that is not traced pays nothing.
    """

    def __init__(self, app: App, tracer_provider: trace.TracerProvider) -> None:
        self._app = app
        self._tracer = tracer_provider.get_tracer("pelton", __version__)
        database = app.database
        self._call = database.call
        self._submit = database.submit
        setattr(database, "call", self.call)  # noqa: B010 - a method, on one object
        setattr(database, "submit", self.submit)  # noqa: B010
        database.tracing = self
        app.call_observers.append(self)

    def end(self) -> None:
        """Traces no more; what has begun still ends."""
        database = self._app.database
        if database.tracing is self:
            database.tracing = None
            self._app.call_observers.remove(self)
            del database.__dict__["call"], database.__dict__["submit"]

    # --- requests ------------------------------------------------------------------------------

    def incoming(self, headers: Mapping[bytes, bytes]) -> AbstractContextManager[object]:
        carrier = {name.decode("latin-1"): text.decode("latin-1") for name, text in headers.items()}
        return _attached(propagate.extract(carrier))

    def call(self, operation: str, request: Request, *, present: Present = orjson.loads) -> Answer:
        """`Database.call`, in a span."""
        span = self._begin_request(operation, request)
        try:
            with _within(span):
                answer = self._call(operation, request, present=present)
        except Exception as error:
            _note_error(span, error)
            raise
        finally:
            span.end()
        return answer

    def submit(
        self,
        operation: str,
        request: Request,
        done: Done,
        *,
        present: Present = orjson.loads,
        write: Write | None = None,
    ) -> None:
        """`Database.submit`, in a span that ends when it is done."""
        span = self._begin_request(operation, request)
        store_write = write or self._app.database.store.write

        def finish(answer: Any, error: BaseException | None) -> None:
            if error is not None:
                _note_error(span, error)
            span.end()
            done(answer, error)

        def write_caused(work: Any, done: Done, *, alone: bool = False) -> None:
            # Whoever gathers works of several requests loses sight of whose context it is in.
            cause = current_cause.get()
            store_write(work if cause is None else with_cause(work, cause), done, alone=alone)

        with _within(span):
            self._submit(operation, request, finish, present=present, write=write_caused)

    def _begin_request(self, operation: str, request: Request) -> Span:
        attributes: dict[str, Any] = {
            "db.system.name": "aws.dynamodb",
            "db.operation.name": operation,
            "cloud.region": self._app.database.region,
        }
        tables = _tables_of(request)
        name = operation
        if tables:
            attributes["aws.dynamodb.table_names"] = tables
        if len(tables) == 1:
            attributes["db.collection.name"] = tables[0]
            name = f"{operation} {tables[0]}"
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    # --- handlers ------------------------------------------------------------------------------

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        """A span for a call of a handler, as its `contextvars` context has it."""
        span = self._begin_call(call)
        try:
            with _within(span):
                yield
        except BaseException as error:
            _note_error(span, error)
            raise
        finally:
            span.end()

    def _begin_call(self, call: Call) -> Span:
        attributes = _call_attributes(call)
        if call.shard is None:
            invoked = call.trigger is Trigger.INVOCATION
            return self._tracer.start_span(
                f"{'invoke' if invoked else 'run'} {call.handler_name}",
                None if invoked else otel_context.Context(),
                SpanKind.SERVER if invoked else SpanKind.INTERNAL,
                attributes,
            )
        parents = self._writes_of(call.records)
        is_one = len(parents) == 1
        return self._tracer.start_span(
            f"process {call.shard.table_name}",
            _context_of(parents[0]) if is_one else otel_context.Context(),
            SpanKind.CONSUMER,
            attributes | _record_attributes(call.shard, call.records, call.handler_name),
            links=[] if is_one else [Link(each) for each in parents],
        )

    def _writes_of(self, records: Sequence[Record]) -> list[SpanContext]:
        """The spans that wrote the records, each once, as far as they are remembered."""
        causes = self._app.streams.causes
        parents = {
            cause.trace_parent: None
            for record in records
            if (cause := causes.of(record.sequence)) is not None and cause.trace_parent is not None
        }
        return [_span_context_of(parent) for parent in list(parents)[:LINKS_MAX]]


# --- spans ----------------------------------------------------------------------------------------


def _tables_of(request: Request) -> list[str]:
    """The tables that a request names."""
    name = request.get("TableName")
    if isinstance(name, str):
        return [name]
    items = request.get("RequestItems")
    if isinstance(items, dict):
        return sorted(items)
    named = set()
    for action in request.get("TransactItems") or ():
        for each in action.values() if isinstance(action, dict) else ():
            if isinstance(each, dict) and isinstance(each.get("TableName"), str):
                named.add(each["TableName"])
    return sorted(named)


def _call_attributes(call: Call) -> dict[str, Any]:
    """After the semantic conventions for functions as a service."""
    return {
        "faas.trigger": call.trigger.value,
        "faas.name": call.handler_name,
        "faas.invocation_id": call.context.aws_request_id,
        "cloud.resource_id": call.context.invoked_function_arn,
        "pelton.attempt": call.context.attempt,
    }


def _record_attributes(
    shard: Shard, records: Sequence[Record], handler_name: str
) -> dict[str, Any]:
    """After those for messaging, and for functions that are called for a document."""
    attributes: dict[str, Any] = {
        "messaging.system": "dynamodb_streams",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": shard.table_name,
        "messaging.destination.partition.id": shard.shard_id,
        "messaging.consumer.group.name": handler_name,
        "faas.document.collection": shard.table_name,
    }
    if len(records) == 1:
        attributes["messaging.message.id"] = to_wire(records[0].sequence)
        attributes["faas.document.operation"] = DOCUMENT_OPERATIONS[records[0].event_name]
    else:
        attributes["messaging.batch.message_count"] = len(records)
    return attributes


def _note_error(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, str(error)))


@contextmanager
def _within(span: Span) -> Iterator[None]:
    """Makes the span the current one, also of what is written meanwhile."""
    context = span.get_span_context()
    if not context.is_valid:
        yield
        return
    cause = current_cause.get() or Cause()
    token = current_cause.set(cause._replace(trace_parent=_trace_parent_of(context)))
    try:
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    finally:
        current_cause.reset(token)


def _trace_parent_of(context: SpanContext) -> str:
    carrier: dict[str, str] = {}
    _w3c.inject(carrier, trace.set_span_in_context(trace.NonRecordingSpan(context)))
    return carrier["traceparent"]


def _span_context_of(trace_parent: str) -> SpanContext:
    context = _w3c.extract({"traceparent": trace_parent})
    return trace.get_current_span(context).get_span_context()


def _context_of(span_context: SpanContext) -> otel_context.Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(span_context), otel_context.Context())


@contextmanager
def _attached(context: otel_context.Context) -> Iterator[None]:
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)
