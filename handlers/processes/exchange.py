"""An exchange: a process is sent some work, and is answered what it asks until it has done it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ...engine import DynamoDBError
from ..errors import HandlerProcessError, ProcessExitedError
from ..handler import Handler
from ..limits import Limits
from ..transaction import HandlerTransaction
from .channel import ChannelClosedError
from .pool import Processes
from .process import HandlerProcess

BEGIN_SECONDS = 60.0
"""How long a process of a handler with a timeout may take to import it."""

T = TypeVar("T")


class Exchange(Generic[T]):
    """Has a process of a handler do one piece of work.

    What the process says is not trusted: what is no message ends it, as its death would. `begun` is
    told of each call and `ended` of the end, which it makes the result of; both raise
    ChannelClosedError for what cannot be. `request_id` is that of the call which runs.
    """

    def __init__(
        self,
        processes: Processes,
        handler: Handler,
        limits: Limits,
        transaction: HandlerTransaction,
        *,
        begun: Callable[[object], None],
        ended: Callable[[object, BaseException | None, object], T],
        request_id: Callable[[], str],
    ) -> None:
        self._processes = processes
        self._handler = handler
        self._limits = limits
        self._transaction = transaction
        self._begun = begun
        self._ended = ended
        self._request_id = request_id
        self._deadline: float | None = None
        self.has_begun = False
        """Whether a call has been made."""

    @property
    def seconds(self) -> float:
        """The time that is up when `run` raises TimeoutError."""
        seconds = self._limits.timeout_seconds
        return BEGIN_SECONDS if seconds is None or not self.has_begun else seconds

    def run(self, work: Any) -> T:
        """Raises TimeoutError when the time of a call is up, ProcessExitedError in AWS's words,
        what the function's module raised, and OSError where no process can be started."""
        while True:
            process = self._processes.take(self._handler, self._limits.memory_limit_mb)
            was_ready, is_whole = process.is_ready, False
            try:
                error, result = self._speak_with(process, work)
                is_whole = type(error).__name__ != "MemoryError"
                return result
            except ChannelClosedError as sign:
                if was_ready and not self.has_begun:
                    continue  # it died while it had nothing to do: that is nobody's failure
                raise self._death_of(process, sign) from None
            finally:
                if is_whole:
                    self._processes.give_back(process)
                else:
                    self._processes.drop(process)

    def _speak_with(self, process: HandlerProcess, work: Any) -> tuple[BaseException | None, T]:
        if not process.is_ready:
            seconds = self._limits.timeout_seconds
            failure = process.begin(None if seconds is None else time.monotonic() + BEGIN_SECONDS)
            if failure is not None:
                raise error_of(failure)
        process.send(work, None)
        while True:
            kind, *rest = process.receive(self._deadline)
            if kind == "begin":
                self.has_begun = True
                if self._limits.timeout_seconds is not None:
                    self._deadline = time.monotonic() + self._limits.timeout_seconds
                self._begun(rest[0] if rest else None)
            elif kind == "done":
                done, failure, answer = (*rest, None, None, None)[:3]
                error = None if failure is None else error_of(failure)
                return error, self._end(done, error, answer)
            else:
                process.send(self._answer(kind, rest), self._deadline)

    def _end(self, done: object, error: BaseException | None, answer: object) -> T:
        try:
            return self._ended(done, error, answer)
        except ValueError as fault:
            raise ChannelClosedError(f"the process has answered with no JSON: {fault}") from None

    def _answer(self, kind: object, question: list[Any]) -> tuple[BaseException | None, Any]:
        """The error and the result that the handler gets for something it asks."""
        try:
            return None, self._transaction.answer(kind, question)
        except (DynamoDBError, RuntimeError, TypeError, ValueError) as error:
            return error, None
        except Exception as error:
            return RuntimeError(f"{type(error).__name__}: {error}"), None

    def _death_of(self, process: HandlerProcess, sign: ChannelClosedError) -> ProcessExitedError:
        died = ProcessExitedError(f"RequestId: {self._request_id()} Error: {process.death()}")
        died.add_note(f"This is how it showed: {sign}.")
        return died


def error_of(told: Any) -> HandlerProcessError:
    """The error that a process tells of: a class of the name it had there, and its traceback."""
    match told:
        case [str(module), str(name), str(text), str(traceback)]:
            members = {"__module__": module}
            kind = type(name.replace("\0", ""), (HandlerProcessError,), members)
            error: HandlerProcessError = kind(text)
            error.add_note(f"In the handler's process:\n{traceback}")
            return error
    raise ChannelClosedError("the process has told of an error that is none")
