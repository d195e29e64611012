"""Deliveries: one run of a handler over records, and how far it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ..streams import Record
from .calling import Caller, run_to_end
from .change import RecordChange
from .context import Context, Source
from .event import batch_event
from .handler import Handler, Shape
from .observing import Call, observed
from .python_values import item_to_python
from .transaction import HandlerTransaction

RUN_MS_MAX = 1_000
"""A record-level handler commits after this time even within a batch, so a crash repeats little."""

# No failures of a handler: the process is to end, or the coroutine is closed. SystemExit is one: it
# is a mistake of this handler, not of the app.
NOT_FAILURES = (KeyboardInterrupt, GeneratorExit)


class Outcome(NamedTuple):
    """How many of the records are done, and what the next one failed with, if it did.

    `answer` is what a handler of whole batches has returned.
    """

    done: int
    error: BaseException | None
    answer: Any = None


class Delivery:
    """Hands records to a handler; what it writes gathers in one transaction.

    It is written once, as a coroutine: for a coroutine function it runs on the loop, for any other
    function it never waits and runs on the thread as it stands. `more` are members that the event
    of a batch has beyond its records, and `occasion` is the name of a call without any.
    """

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

        Raises LoopClosedError where a coroutine function has no loop any more.
        """
        if self._handler.shape is Shape.BATCH:
            delivery = self._run_batch(records)
        else:
            delivery = self._run_each(records, should_pause)
        try:
            return caller.run(delivery) if self._handler.is_async else run_to_end(delivery)
        finally:
            self._transaction.close()

    async def _run_batch(self, records: Sequence[Record]) -> Outcome:
        event = batch_event(records, self._source.shard.stream_arn)
        if self._more is not None:
            event.update(self._more)
        error, answer = await self._call(event, records)
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
            error, _ = await self._call(argument, (record,))
            if error is not None:
                self._transaction.rewind(mark)
                return Outcome(done, error)
        return Outcome(len(records), None)

    async def _call(
        self, argument: Any, records: Sequence[Record]
    ) -> tuple[BaseException | None, Any]:
        """What the handler failed with, None if it did not, and what it returned."""
        source = self._source
        first, last = (records[0].sequence, records[-1].sequence) if records else (0, 0)
        record = None if self._handler.shape is Shape.BATCH else records[0]
        context = Context(
            source, first, last, self._transaction, self._attempt, self._occasion, record
        )
        try:
            if source.observers:
                with observed(source.observers, Call(source, records, context)):
                    return None, await self._invoke(argument, context)
            answer = self._handler.function(argument, context)
            if self._handler.is_async:
                answer = await answer
        except NOT_FAILURES:
            raise
        except BaseException as error:
            return error, None
        return None, answer

    async def _invoke(self, argument: Any, context: Context) -> Any:
        answer = self._handler.function(argument, context)
        return await answer if self._handler.is_async else answer


def _argument_of(shape: Shape, record: Record, table_name: str) -> Any:
    """What a record-level handler is called with for a record."""
    image = shape.needed_image
    if image is None:
        return RecordChange(record, table_name)
    data = orjson.loads(record.body)["dynamodb"]
    return item_to_python(data["NewImage" if image == "NEW" else "OldImage"])
