"""Deliveries: one run of a handler over records, and how far it came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from ..streams import Record
from .calling import Caller
from .change import RecordChange
from .context import Context, Source
from .errors import LoopClosedError
from .event import batch_event
from .handler import Handler, Shape
from .python_values import item_to_python
from .transaction import HandlerTransaction

RUN_MS_MAX = 1_000
"""A record-level handler commits after this time even within a batch, so a crash repeats little."""

# What a user's function may end with. SystemExit is a mistake of one handler, not of the app.
HANDLER_ERRORS = (Exception, SystemExit, asyncio.CancelledError)


class Outcome(NamedTuple):
    """How many of the records are done, and what the next one failed with, if it did."""

    done: int
    error: BaseException | None


class Delivery:
    """Hands records to a handler; what it writes gathers in one transaction."""

    def __init__(
        self, handler: Handler, source: Source, transaction: HandlerTransaction, attempt: int
    ) -> None:
        self._handler = handler
        self._source = source
        self._transaction = transaction
        self._attempt = attempt

    def run(
        self, caller: Caller, records: Sequence[Record], should_pause: Callable[[], bool]
    ) -> Outcome:
        """Calls the handler; record-level ones may stop early, when `should_pause` says so.

        Raises LoopClosedError where a coroutine function has no loop any more.
        """
        try:
            if self._handler.shape is Shape.BATCH:
                return self._run_batch(caller, records)
            return self._run_each(caller, records, should_pause)
        finally:
            self._transaction.close()

    def _run_batch(self, caller: Caller, records: Sequence[Record]) -> Outcome:
        event = batch_event(records, self._source.shard.stream_arn)
        error = self._call(caller, event, records[0].sequence, records[-1].sequence)
        return Outcome(len(records) if error is None else 0, error)

    def _run_each(
        self, caller: Caller, records: Sequence[Record], should_pause: Callable[[], bool]
    ) -> Outcome:
        started_ms = self._source.clock.now_ms()
        for done, record in enumerate(records):
            if done and (should_pause() or self._source.clock.now_ms() - started_ms > RUN_MS_MAX):
                return Outcome(done, None)
            mark = self._transaction.mark()
            argument = _argument_of(self._handler.shape, record, self._source.shard.table_name)
            error = self._call(caller, argument, record.sequence, record.sequence)
            if error is not None:
                self._transaction.rewind(mark)
                return Outcome(done, error)
        return Outcome(len(records), None)

    def _call(self, caller: Caller, argument: Any, first: int, last: int) -> BaseException | None:
        context = Context(self._source, first, last, self._transaction, self._attempt)
        try:
            caller.call(self._handler, argument, context)
        except LoopClosedError:
            raise
        except HANDLER_ERRORS as error:
            return error
        return None


def _argument_of(shape: Shape, record: Record, table_name: str) -> Any:
    """What a record-level handler is called with for a record."""
    image = shape.needed_image
    if image is None:
        return RecordChange(record, table_name)
    data = orjson.loads(record.body)["dynamodb"]
    if image == "NEW":
        return item_to_python(data["NewImage"])
    return item_to_python(data["OldImage"])
