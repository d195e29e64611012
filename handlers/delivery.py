"""Deliveries: one run of a handler over records, and how far it came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import orjson

from ..engine.cause import current_cause
from ..streams import Record
from .calling import Caller, run_to_end
from .change import RecordChange
from .context import Context, Source
from .errors import CycleError, HungCallsError
from .event import batch_event
from .handler import Handler, Shape
from .limits import Limits
from .observing import Call, Trigger, observed
from .outcome import Outcome as Outcome
from .python_values import item_to_python
from .timeouts import TimedCall, Watch, timed_out
from .transaction import HandlerTransaction, HandlerWrites

RUN_MS_MAX = 1_000
"""A record-level handler commits after this time even within a batch, so a crash repeats little."""

# No failures of a handler: the process is to end, or the coroutine is closed. SystemExit is one: it
# is a mistake of this handler, not of the app.
NOT_FAILURES = (KeyboardInterrupt, GeneratorExit)


Begin = Callable[[TimedCall], bool]
"""Is told of each call before it is made; False: nobody waits for it any more, it must not be."""


class Calls:
    """The calls of one delivery: one for a batch, or one for each record.

    They are written once, as a coroutine: for a coroutine function it runs on the loop, for any
    other function it never waits and runs on the thread as it stands. `more` are members that the
    event of a batch has beyond its records, and `occasion` is the name of a call without any.
    """

    def __init__(
        self,
        handler: Handler,
        source: Source,
        transaction: HandlerWrites,
        attempt: int,
        *,
        more: Mapping[str, Any] | None = None,
        occasion: str | None = None,
        begin: Begin | None = None,
        await_seconds: float | None = None,
    ) -> None:
        self._handler = handler
        self._source = source
        self._transaction = transaction
        self._attempt = attempt
        self._more = more
        self._occasion = occasion
        self._begin = begin
        self._await_seconds = await_seconds

    def of(
        self, records: Sequence[Record], should_pause: Callable[[], bool]
    ) -> Coroutine[Any, Any, Outcome]:
        """Those for some records; record-level ones may stop early, when `should_pause` says so."""
        if self._handler.shape is Shape.BATCH:
            return self._run_batch(records)
        return self._run_each(records, should_pause)

    async def _run_batch(self, records: Sequence[Record]) -> Outcome:
        event = batch_event(records, self._source.shard.stream_arn)
        if self._more is not None:
            event.update(self._more)
        error, answer = await self._call(event, records, 0)
        return Outcome(len(records) if error is None else 0, error, answer)

    async def _run_each(
        self, records: Sequence[Record], should_pause: Callable[[], bool]
    ) -> Outcome:
        shape, table_name = self._handler.shape, self._source.shard.table_name
        started_ms = self._source.clock.now_ms()
        for done, record in enumerate(records):
            if done:
                ran_ms = self._source.clock.now_ms() - started_ms
                if ran_ms > RUN_MS_MAX or should_pause():
                    return Outcome(done, None)
            mark = self._transaction.mark()
            argument = _argument_of(shape, record, table_name)
            error, _ = await self._call(argument, (record,), done)
            if error is not None:
                self._transaction.rewind(mark)
                return Outcome(done, error)
        return Outcome(len(records), None)

    async def _call(
        self, argument: Any, records: Sequence[Record], done: int
    ) -> tuple[BaseException | None, Any]:
        """What the handler failed with, None if it did not, and what it returned."""
        source, cause = self._source, None
        if source.chain is not None:
            try:
                cause = source.chain.cause_of(records)
            except CycleError as error:
                return error, None
        first, last = (records[0].sequence, records[-1].sequence) if records else (0, 0)
        record = None if self._handler.shape is Shape.BATCH else records[0]
        context = Context(
            source, first, last, self._transaction, self._attempt, self._occasion, record
        )
        if self._begin is not None:
            call = TimedCall(context, done, self._transaction.mark())
            if not self._begin(call):
                return TimeoutError("nobody waits for this call any more"), None
        token = None if cause is None else current_cause.set(cause)
        try:
            if source.observers:
                shard, trigger = source.shard, Trigger.RECORDS
                made = Call(source.mapping_name, context, shard, records, trigger)
                with observed(source.observers, made):
                    return None, await self._invoke(argument, context)
            if self._await_seconds is not None:
                return None, await self._invoke(argument, context)
            answer = self._handler.function(argument, context)
            if self._handler.is_async:
                answer = await answer
        except NOT_FAILURES:
            raise
        except BaseException as error:
            return error, None
        finally:
            if token is not None:
                current_cause.reset(token)
        return None, answer

    async def _invoke(self, argument: Any, context: Context) -> Any:
        answer = self._handler.function(argument, context)
        if not self._handler.is_async:
            return answer
        if self._await_seconds is None:
            return await answer
        return await self._await_within(answer, context, self._await_seconds)

    async def _await_within(self, answer: Awaitable[Any], context: Context, seconds: float) -> Any:
        """What a coroutine returns; cancelled, and a TaskTimedOutError, when its time is up."""
        import asyncio

        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                result = await answer
        except BaseException as error:
            if not scope.expired():
                raise
            raise timed_out(context, seconds, self._source.clock.now_ms()) from error
        if scope.expired():
            raise timed_out(context, seconds, self._source.clock.now_ms())
        return result


class Delivery:
    """Hands records to a handler within its limits; what it writes gathers in one transaction."""

    def __init__(
        self,
        handler: Handler,
        source: Source,
        transaction: HandlerTransaction,
        attempt: int,
        *,
        more: Mapping[str, Any] | None = None,
        occasion: str | None = None,
    ) -> None:
        self._handler = handler
        self._source = source
        self._transaction = transaction
        self._attempt = attempt
        self._more = more
        self._occasion = occasion

    def run(
        self, caller: Caller, records: Sequence[Record], should_pause: Callable[[], bool]
    ) -> Outcome:
        """Calls the handler; record-level ones may stop early, when `should_pause` says so.

        Raises LoopClosedError where a coroutine function has no loop any more, HungCallsError where
        too many calls of the handler are past their time and have not ended.
        """
        limits = self._source.limits
        try:
            if limits is None:
                calls = self._calls().of(records, should_pause)
                return caller.run(calls) if self._handler.is_async else run_to_end(calls)
            if limits.runs_in_process:
                return self._run_in_process(caller, limits, records)
            return self._run_watched(caller, limits, records, should_pause)
        finally:
            self._transaction.close()

    def _calls(self, begin: Begin | None = None, await_seconds: float | None = None) -> Calls:
        return Calls(
            self._handler,
            self._source,
            self._transaction,
            self._attempt,
            more=self._more,
            occasion=self._occasion,
            begin=begin,
            await_seconds=await_seconds,
        )

    def _run_watched(
        self,
        caller: Caller,
        limits: Limits,
        records: Sequence[Record],
        should_pause: Callable[[], bool],
    ) -> Outcome:
        seconds = limits.timeout_seconds
        assert seconds is not None
        watch, is_async = Watch(seconds), self._handler.is_async
        calls = self._calls(watch.begin, seconds).of(records, should_pause)
        name = self._source.mapping_name
        ended = caller.run_within(name, watch, calls, is_async=is_async)
        if ended is not None:
            return ended[0]
        call = watch.call
        if call is None:
            raise HungCallsError(f"handler {name!r} waits for an event loop that is blocked")
        # Behind this nothing that the call still does counts, nor does what it did before.
        self._transaction.close()
        self._transaction.rewind(call.mark)
        error = timed_out(call.context, seconds, self._source.clock.now_ms())
        error.add_note(f"It still runs. It stands here:\n{watch.stack()}")
        return Outcome(call.done, error)

    def _run_in_process(self, caller: Caller, limits: Limits, records: Sequence[Record]) -> Outcome:
        # Imported where a process runs: it brings much of the standard library along.
        from .processes.carrying import Carrier

        carrier = Carrier(
            caller.processes,
            self._handler,
            self._source,
            limits,
            self._transaction,
            self._attempt,
            more=self._more,
            occasion=self._occasion,
        )
        return carrier.carry(records)


def _argument_of(shape: Shape, record: Record, table_name: str) -> Any:
    """What a record-level handler is called with for a record."""
    image = shape.needed_image
    if image is None:
        return RecordChange(record, table_name)
    data = orjson.loads(record.body)["dynamodb"]
    return item_to_python(data["NewImage" if image == "NEW" else "OldImage"])
