"""A handler: a user's function, and what it wants to be called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ALL_EVENTS = frozenset({"INSERT", "MODIFY", "REMOVE"})
NAME_BYTES_MAX = 255


class Shape(Enum):
    """What a handler is called with, beside its context."""

    BATCH = "a Lambda event of many records"
    INSERT = "the item that came into being"
    MODIFY = "the change of one item"
    REMOVE = "the item that was removed"
    CHANGE = "the change of one item, whatever its kind"

    @property
    def event_names(self) -> frozenset[str]:
        """The events that reach a handler of this shape."""
        if self in (Shape.BATCH, Shape.CHANGE):
            return ALL_EVENTS
        return frozenset({self.name})

    @property
    def needed_image(self) -> str | None:
        """NEW or OLD: the image it is called with, which its stream must show."""
        return {Shape.INSERT: "NEW", Shape.REMOVE: "OLD"}.get(self)


@dataclass(frozen=True)
class Handler:
    """A function to call, under the name that its positions and dead letters are kept by.

    The function takes `(event, context)`, as on AWS Lambda, or what its shape says instead of the
    event; it may be a coroutine function. Raises TypeError where it is not callable, ValueError
    for a name that is empty or too long.
    """

    name: str
    function: Callable[..., Any]
    shape: Shape = Shape.BATCH
    wrap: Callable[[Handler], Handler] | None = field(default=None, compare=False)
    """Where `function` is a wrapper of pelton's: what makes it of a handler with the user's own. It
    can be pickled, for a process that imports the user's."""
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"a handler is a function, not {self.function!r}")
        if not self.name or len(self.name.encode()) > NAME_BYTES_MAX or "\0" in self.name:
            raise ValueError(
                f"a handler's name has 1 to {NAME_BYTES_MAX} bytes, none of them zero: "
                f"{self.name!r} has not"
            )
        object.__setattr__(self, "is_async", _is_async(self.function))

    @property
    def takes_batches(self) -> bool:
        """Whether it is called as on AWS Lambda, with an event of many records."""
        return self.shape is Shape.BATCH


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - the method of a callable object
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
