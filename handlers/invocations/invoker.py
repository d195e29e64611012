"""Invocations: calls of functions that somebody asked for, with the answers AWS's runtime gives.

Source: answers of AWS as recorded by others, and AWS's runtime interface client for Python.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from ...engine import Database
from ..answers import encode_answer
from ..calling import Caller, run_to_end
from ..errors import ReadConflict
from ..functions import Function
from ..observing import Call, CallObserver, Trigger, observed
from ..transaction import HandlerTransaction
from .context import InvocationContext
from .failures import InvocationTimeout, ThrottledInvocation, tell_error
from .log import Tail
from .records import arguments_of

ANSWER_BYTES_MAX = 6_291_556
"""Source: the message of AWS's error."""

CONFLICTS_MAX = 20
"""How often a function is run whose reads the writes of others have overtaken."""


@dataclass(frozen=True)
class Invocation:
    """A call that somebody asked for; `payload` is JSON."""

    function: Function
    payload: bytes
    request_id: str
    function_arn: str
    client_context: Any = None
    attempt: int = 1


class Answer(NamedTuple):
    """What an invocation came to: the result as JSON, or what went wrong."""

    payload: bytes
    is_error: bool


class Invoker:
    """Calls functions and waits for them.

    What a function writes through `context.transaction` is committed when it has returned; where
    an item that it read has changed by then, it is called again. Safe for several threads.
    """

    def __init__(
        self, database: Database, caller: Caller, observers: Sequence[CallObserver] = ()
    ) -> None:
        self._database = database
        self._caller = caller
        self._observers = observers
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def invoke(self, invocation: Invocation, tail: Tail | None = None) -> Answer:
        """The answer; a function that fails makes one too. `tail` is given the end of its log.

        Raises ThrottledInvocation where the function runs as often at once as it may.
        """
        with self._place(invocation.function):
            if tail is None:
                return self._answer(invocation)
            with tail:
                answer = self._answer(invocation)
                if answer.is_error:
                    tail.note_failure(orjson.loads(answer.payload))
                return answer

    @contextmanager
    def _place(self, function: Function) -> Iterator[None]:
        with self._lock:
            most = function.concurrency_max
            if most is not None and self._running[function.name] >= most:
                raise ThrottledInvocation("Rate Exceeded.")
            self._running[function.name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[function.name] -= 1

    def _answer(self, invocation: Invocation) -> Answer:
        seconds = invocation.function.timeout_seconds
        if invocation.function.run_in == "process":
            seconds = None  # the process has its own, from when it calls the function
        run = _Run(self._database, self._caller, invocation, self._observers)
        try:
            return _in_json(run() if seconds is None else _within(seconds, run))
        except BaseException as error:
            return Answer(orjson.dumps(tell_error(error, invocation.request_id)), True)


class _Run:
    """The function's run, which may be over before it ends: then it commits nothing any more."""

    def __init__(
        self,
        database: Database,
        caller: Caller,
        invocation: Invocation,
        observers: Sequence[CallObserver],
    ) -> None:
        self._database = database
        self._caller = caller
        self._observers = observers
        self._invocation = invocation
        self._started_ms = database.clock.now_ms()
        self._ending = threading.Lock()
        self._is_given_up = False

    def __call__(self) -> Any:
        conflicts = 0
        while True:
            transaction = HandlerTransaction(self._database)
            context = InvocationContext(
                self._invocation, self._database.clock, self._started_ms, transaction
            )
            try:
                result = self._call(context, transaction)
            finally:
                transaction.close()
            try:
                self._commit(transaction)
                return result
            except ReadConflict:
                conflicts += 1
                if conflicts == CONFLICTS_MAX:
                    raise

    def give_up(self) -> None:
        """Waits for a commit that has begun, and lets none begin."""
        with self._ending:
            self._is_given_up = True

    def _commit(self, transaction: HandlerTransaction) -> None:
        if not transaction.has_writes:
            return
        with self._ending:
            if not self._is_given_up:
                self._database.write(transaction.apply)

    def _call(self, context: InvocationContext, transaction: HandlerTransaction) -> Any:
        handler = self._invocation.function.handler
        if self._invocation.function.run_in == "process":
            return self._call_in_process(context, transaction)
        event = orjson.loads(self._invocation.payload)
        if handler.takes_batches:
            calls = self._call_each([event], context)
        else:
            calls = self._call_each(arguments_of(handler, event), context)
        return self._caller.run(calls) if handler.is_async else run_to_end(calls)

    def _call_in_process(self, context: InvocationContext, transaction: HandlerTransaction) -> Any:
        # Imported where one runs: it brings much of the standard library along.
        from .process import invoke_in_process

        name = self._invocation.function.name
        with observed(self._observers, Call(name, context, trigger=Trigger.INVOCATION)):
            return invoke_in_process(self._caller.processes, self._invocation, transaction)

    async def _call_each(self, arguments: list[Any], context: InvocationContext) -> Any:
        """What the last call returned; those for each record answer with nothing."""
        handler, result = self._invocation.function.handler, None
        call = Call(handler.name, context, trigger=Trigger.INVOCATION)
        with observed(self._observers, call):
            for argument in arguments:
                result = handler.function(argument, context)
                if handler.is_async:
                    result = await result
        return result if handler.takes_batches else None


def _within(seconds: float, run: _Run) -> Any:
    """What `run` returns if that takes no longer; its thread is left to itself otherwise."""
    ended = threading.Event()
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:
            errors.append(error)
        ended.set()

    # The context carries the log's tail along.
    copied = copy_context()
    name = f"pelton-invocation-{threading.get_ident()}"
    threading.Thread(target=lambda: copied.run(work), name=name, daemon=True).start()
    if not ended.wait(seconds):
        run.give_up()
        raise InvocationTimeout(seconds)
    if errors:
        raise errors[0]
    return results[0]


def _in_json(result: Any) -> Answer:
    """The answer of a function that has returned. Raises MarshalError where it is no JSON."""
    payload = encode_answer(result).encode()
    if len(payload) <= ANSWER_BYTES_MAX:
        return Answer(payload, False)
    too_large = {
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({ANSWER_BYTES_MAX} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    return Answer(orjson.dumps(too_large), True)
