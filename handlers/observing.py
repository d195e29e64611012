"""Observers of calls: what stands around each call of a handler, for logs and traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import Enum
from typing import NamedTuple, Protocol

from ..streams import Record, Shard


class Called(Protocol):
    """What observers ask of the context of a call."""

    @property
    def aws_request_id(self) -> str: ...

    @property
    def invoked_function_arn(self) -> str: ...

    @property
    def attempt(self) -> int: ...


class Trigger(Enum):
    """Why a handler is called, in the words of OpenTelemetry's `faas.trigger`."""

    RECORDS = "datasource"
    SCHEDULE = "timer"
    INVOCATION = "other"


class Call(NamedTuple):
    """A call of a handler; with records of a shard, or without both."""

    handler_name: str
    context: Called
    shard: Shard | None = None
    records: Sequence[Record] = ()
    trigger: Trigger = Trigger.SCHEDULE


class CallObserver(Protocol):
    """Whoever wants to stand around calls.

    The function runs inside what `around` returns, in the same `contextvars` context; what the
    handler fails with passes through it and must not be kept back.
    """

    def around(self, call: Call) -> AbstractContextManager[object]: ...


@contextmanager
def observed(observers: Sequence[CallObserver], call: Call) -> Iterator[None]:
    """All of them around one call, the first outermost."""
    with ExitStack() as stack:
        for observer in observers:
            stack.enter_context(observer.around(call))
        yield
