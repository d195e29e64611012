"""What a write follows from: set around the call of a handler, and carried to the writer with it.

Whoever writes from a handler, through whichever face and on whichever thread of asyncio's, need
not know of it. Threads that a handler starts by itself begin without a cause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple, Protocol, TypeVar

R = TypeVar("R")

PATH_HANDLERS_MAX = 32
"""How many handlers a path names: the last ones."""


class Cause(NamedTuple):
    """A call of a handler, as what it writes remembers it.

    `depth` is 1 for a handler that was called for a write from outside, and one more for each
    handler that was called for what the one before it had written; `path` names them, the last one
    last. `trace_parent` is the span of a trace that the writes belong to, in the form of W3C's
    `traceparent`; a write from outside may have one too, with depth 0.
    """

    depth: int = 0
    path: tuple[str, ...] = ()
    trace_parent: str | None = None

    def then(self, handler_name: str) -> Cause:
        """The call of a handler for what this one wrote."""
        path = (*self.path[1 - PATH_HANDLERS_MAX :], handler_name)
        return Cause(self.depth + 1, path, self.trace_parent)


current_cause: ContextVar[Cause | None] = ContextVar("pelton_cause", default=None)
"""The cause of what is written now; None outside of handlers."""


class Caused(Protocol):
    """What knows the cause of the work it is in: a transaction."""

    cause: Cause | None


T = TypeVar("T", bound=Caused)


def with_cause(work: Callable[[T], R], cause: Cause) -> Callable[[T], R]:
    """The same work, in a transaction that knows its cause."""

    def caused(transaction: T) -> R:
        transaction.cause = cause
        try:
            return work(transaction)
        finally:
            transaction.cause = None

    return caused
