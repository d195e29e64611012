"""Schedules: the decorator that has a function called at times."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from .handlers.handler import Handler

if TYPE_CHECKING:
    from .handlers.schedule import Schedule

F = TypeVar("F", bound=Callable[..., Any])


class ScheduleOptions(TypedDict, total=False):
    """The options of a schedule."""

    name: str
    """What its last fire time is kept under, and its rule is named; the function's name unless
    given."""
    maximum_retry_attempts: int
    """How often a run that fails is tried again before it is given up: 0 to 185, 2 unless given."""
    timeout_seconds: float
    """How long a run may take, up to 900; as long as it likes unless given."""
    enabled: bool
    """False: it does not fire, and begins anew when it is enabled again."""


def registrar(
    expression: str, options: ScheduleOptions, register: Callable[[Schedule], None]
) -> Callable[[F], F]:
    """The decorator that makes a function a scheduled one; `register` takes its schedule."""
    from .handlers.schedule import Schedule

    rest: dict[str, Any] = dict(options)
    name = rest.pop("name", None)

    def register_function(function: F) -> F:
        own_name = name or getattr(function, "__name__", type(function).__name__)
        register(Schedule(Handler(own_name, function), expression, **rest))
        return function

    return register_function
