"""Time, as something that is handed in: no module of pelton asks the operating system itself."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the wall-clock time in whole milliseconds since the epoch."""

    def now_ms(self) -> int: ...


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to, for tests and replays.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(seconds=2)
    >>> clock.now_ms()
    3000
    """

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, *, seconds: float) -> None:
        self._now_ms += int(seconds * 1000)
