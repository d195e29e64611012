"""Observers of calls: what stands around each call of a handler, for logs and traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple, Protocol

from ..streams import Record
from .context import Context, Source


class Call(NamedTuple):
    """A call of a handler; `records` are those it is called with, none for a call without any."""

    source: Source
    records: Sequence[Record]
    context: Context


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
