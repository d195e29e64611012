"""Answers that are held back, as if they came from far away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

CallLater = Callable[[float, Callable[[], None]], object]
"""Calls a function on the event loop's thread, so many seconds later."""

Done = Callable[[Any, BaseException | None], None]


class Delayed:
    """Hands an answer on after `delay_ms`; called on any thread, as what it stands for."""

    def __init__(
        self, done: Done, delay_ms: int, loop: asyncio.AbstractEventLoop, call_later: CallLater
    ) -> None:
        self._done = done
        self._delay_ms = delay_ms
        self._loop = loop
        self._call_later = call_later

    def __call__(self, answer: Any, error: BaseException | None) -> None:
        hand_on = partial(self._done, answer, error)
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            self._loop.call_soon_threadsafe(self._call_later, self._delay_ms / 1000, hand_on)
