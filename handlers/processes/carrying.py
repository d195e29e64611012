"""Carrying: a delivery that is done in a process, as its worker sees it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from ...engine import DynamoDBError
from ...engine.cause import Cause, current_cause
from ...streams import Record
from ..context import Context, Source
from ..errors import CycleError, HandlerProcessError, ProcessExitedError
from ..handler import Handler, Shape
from ..limits import Limits
from ..observing import Call, Trigger, observed
from ..outcome import Outcome
from ..timeouts import timed_out
from ..transaction import HandlerTransaction
from .channel import ChannelClosedError
from .pool import Processes
from .process import HandlerProcess
from .work import Work

BEGIN_SECONDS = 60.0
"""How long a process of a handler with a timeout may take to import it."""


class Carrier:
    """Has a process do one delivery, and answers what its handler asks of the transaction.

    What the process says is not trusted: what is no message ends it, as its death would.
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
        self._deadline: float | None = None
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
        while True:
            try:
                process = self._processes.take(self._handler, self._limits.memory_limit_mb)
            except OSError as error:
                return Outcome(0, error)
            was_ready = process.is_ready
            is_whole = False
            try:
                outcome = self._speak_with(process)
                is_whole = type(outcome.error).__name__ != "MemoryError"
                return outcome
            except TimeoutError:
                return Outcome(self._done, self._note_timeout())
            except ChannelClosedError as error:
                if was_ready and not self._has_begun:
                    continue  # it died while it had nothing to do: that is nobody's failure
                return Outcome(self._done, self._note_death(process, error))
            finally:
                if is_whole and process.is_ready:
                    self._processes.give_back(process)
                else:
                    self._processes.drop(process)

    def _speak_with(self, process: HandlerProcess) -> Outcome:
        """Raises ChannelClosedError, TimeoutError."""
        if not process.is_ready:
            seconds = self._limits.timeout_seconds
            failure = process.begin(None if seconds is None else time.monotonic() + BEGIN_SECONDS)
            if failure is not None:
                return Outcome(0, _error_of(failure))
        process.send(self._work(), None)
        while True:
            kind, *rest = process.receive(self._deadline)
            if kind == "begin":
                self._begin(*rest)
            elif kind == "done":
                return self._end(*rest)
            else:
                process.send(self._answer(kind, rest), self._deadline)

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

    def _begin(self, done: object = None) -> None:
        """A call begins: its time runs, and what it writes is told from what was before."""
        expected = self._done + 1 if self._has_begun else 0
        if done != expected or (done and done >= len(self._records)):
            raise ChannelClosedError(f"the process has begun with call {done!r}")
        self._has_begun = True
        self._done = expected
        self._mark = self._transaction.mark()
        if self._limits.timeout_seconds is not None:
            self._deadline = time.monotonic() + self._limits.timeout_seconds
        self._around_call.close()
        if self._causes:
            token = current_cause.set(self._causes[expected])
            self._around_call.callback(current_cause.reset, token)
        if self._source.observers:
            source, records = self._source, self._call_records()
            made = (source.mapping_name, self._context(), source.shard, records, Trigger.RECORDS)
            self._around_call.enter_context(observed(source.observers, Call(*made)))

    def _end(self, done: object = None, failure: object = None, answer: object = None) -> Outcome:
        error = None if failure is None else _error_of(failure)
        all_done = len(self._records)
        is_batch = self._handler.shape is Shape.BATCH
        if is_batch:
            expected = 0 if error is not None else all_done
        else:
            expected = self._done if error is not None else self._done + 1
        if type(done) is not int or done != expected:
            raise ChannelClosedError(f"the process has done {done!r} of {all_done} records")
        result = json.loads(answer) if isinstance(answer, str) else None
        return Outcome(done, error, result)

    def _answer(self, kind: object, question: list[Any]) -> tuple[BaseException | None, Any]:
        """The error and the result that the handler gets for something it asks."""
        try:
            return None, self._transaction.answer(kind, question)
        except (DynamoDBError, RuntimeError, TypeError, ValueError) as error:
            return error, None
        except Exception as error:
            return RuntimeError(f"{type(error).__name__}: {error}"), None

    # --- what it fails with --------------------------------------------------------------------

    def _note_timeout(self) -> BaseException:
        seconds = self._limits.timeout_seconds if self._has_begun else BEGIN_SECONDS
        assert seconds is not None
        return timed_out(self._context(), seconds, self._source.clock.now_ms())

    def _note_death(self, process: HandlerProcess, error: ChannelClosedError) -> BaseException:
        context = self._context()
        died = ProcessExitedError(f"RequestId: {context.aws_request_id} Error: {process.death()}")
        died.add_note(f"This is how it showed: {error}.")
        return died

    def _call_records(self) -> Sequence[Record]:
        if self._handler.shape is Shape.BATCH:
            return self._records
        return self._records[self._done : self._done + 1]

    def _context(self) -> Context:
        """That of the call which runs, as the process has it."""
        records = self._call_records()
        first, last = (records[0].sequence, records[-1].sequence) if records else (0, 0)
        return Context(self._source, first, last, self._transaction, self._attempt, self._occasion)


def _error_of(told: Any) -> BaseException:
    """The error that a process tells of: a class of the name it had there, and its traceback."""
    match told:
        case [str(module), str(name), str(text), str(traceback)]:
            members = {"__module__": module}
            kind = type(name.replace("\0", ""), (HandlerProcessError,), members)
            error: BaseException = kind(text)
            error.add_note(f"In the handler's process:\n{traceback}")
            return error
    raise ChannelClosedError("the process has told of an error that is none")
