"""Carrying: a delivery that is done in a process, as its worker sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from ...engine.cause import Cause, current_cause
from ...streams import Record
from ..answers import answer_of
from ..context import Context, Source
from ..errors import CycleError, HandlerProcessError, ProcessExitedError
from ..handler import Handler, Shape
from ..limits import Limits
from ..observing import Call, Trigger, observed
from ..outcome import Outcome
from ..timeouts import timed_out
from ..transaction import HandlerTransaction
from .channel import ChannelClosedError
from .exchange import Exchange
from .pool import Processes
from .work import Work


class Carrier:
    """Has a process do one delivery, and answers what its handler asks of the transaction.

    What it says of its calls is held against what they can be.
    """

    def __init__(
        self,
        processes: Processes,
        handler: Handler,
        source: Source,
        limits: Limits,
        transaction: HandlerTransaction,
        attempt: int,
        *,
        more: Mapping[str, Any] | None,
        occasion: str | None,
    ) -> None:
        self._processes = processes
        self._handler = handler
        self._source = source
        self._limits = limits
        self._transaction = transaction
        self._attempt = attempt
        self._more = more
        self._occasion = occasion
        self._records: Sequence[Record] = ()
        self._causes: list[Cause] = []
        """What the writes of each call follow from, where somebody asks for it."""
        self._done = 0
        """The record whose call has begun."""
        self._mark = 0
        """What had been written before it."""
        self._has_begun = False
        self._around_call = ExitStack()

    def carry(self, records: Sequence[Record]) -> Outcome:
        """The outcome for some records; a process that dies, or takes too long, makes one too."""
        try:
            self._take(records)
        except CycleError as circle:
            return Outcome(0, circle)
        outcome = self._carry()
        error = outcome.error
        if error is None:
            self._around_call.close()
        else:
            with suppress(type(error)):
                self._around_call.__exit__(type(error), error, error.__traceback__)
            self._transaction.close()
            self._transaction.rewind(self._mark)
        return outcome

    def _take(self, records: Sequence[Record]) -> None:
        """Takes the records whose causes let the handler be called. Raises CycleError."""
        chain = self._source.chain
        self._records = records
        if chain is None:
            return
        if self._handler.shape is Shape.BATCH:
            self._causes = [chain.cause_of(records)]
            return
        for record in records:
            try:
                self._causes.append(chain.cause_of((record,)))
            except CycleError:
                if not self._causes:
                    raise
                self._records = records[: len(self._causes)]
                return

    def _carry(self) -> Outcome:
        exchange = Exchange(
            self._processes,
            self._handler,
            self._limits,
            self._transaction,
            begun=self._begin,
            ended=self._end,
            request_id=lambda: self._context().aws_request_id,
        )
        try:
            return exchange.run(self._work())
        except TimeoutError:
            now_ms = self._source.clock.now_ms()
            return Outcome(self._done, timed_out(self._context(), exchange.seconds, now_ms))
        except (ProcessExitedError, HandlerProcessError, OSError) as error:
            return Outcome(self._done, error)

    def _work(self) -> Work:
        return Work(
            version=self._source.version,
            limits=self._limits,
            shard=self._source.shard,
            records=list(self._records),
            attempt=self._attempt,
            more=self._more,
            occasion=self._occasion,
        )

    # --- what the process says -----------------------------------------------------------------

    def _begin(self, done: object) -> None:
        """A call begins: what it writes is told from what was before."""
        expected = self._done + 1 if self._has_begun else 0
        if done != expected or (expected and expected >= len(self._records)):
            raise ChannelClosedError(f"the process has begun with call {done!r}")
        self._has_begun = True
        self._done = expected
        self._mark = self._transaction.mark()
        self._around_call.close()
        if self._causes:
            token = current_cause.set(self._causes[expected])
            self._around_call.callback(current_cause.reset, token)
        if self._source.observers:
            source, records = self._source, self._call_records()
            made = Call(
                source.mapping_name, self._context(), source.shard, records, Trigger.RECORDS
            )
            self._around_call.enter_context(observed(source.observers, made))

    def _end(self, done: object, error: BaseException | None, answer: object) -> Outcome:
        all_done = len(self._records)
        if self._handler.shape is Shape.BATCH:
            expected = 0 if error is not None else all_done
        else:
            expected = self._done if error is not None else self._done + 1
        if type(done) is not int or done != expected:
            raise ChannelClosedError(f"the process has done {done!r} of {all_done} records")
        return Outcome(done, error, answer_of(answer))

    # --- the call that runs --------------------------------------------------------------------

    def _call_records(self) -> Sequence[Record]:
        if self._handler.shape is Shape.BATCH:
            return self._records
        return self._records[self._done : self._done + 1]

    def _context(self) -> Context:
        """That of the call which runs, as the process has it."""
        records = self._call_records()
        first, last = (records[0].sequence, records[-1].sequence) if records else (0, 0)
        return Context(self._source, first, last, self._transaction, self._attempt, self._occasion)
