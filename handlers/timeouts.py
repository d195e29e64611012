"""Timeouts of calls: whoever waits for a call goes on when its time is up.

A thread cannot be ended from outside. One whose call takes too long is left to itself: its delivery
has failed, its transaction is closed, and it is counted until it returns.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, NamedTuple

from .context import CallContext
from .errors import HungCallsError, TaskTimedOutError

HUNG_MAX = 10
"""Calls of one handler that may be left running; it is not called again until one of them ends."""

STACK_CHARACTERS_MAX = 4_000

_HERE = os.path.dirname(os.path.abspath(__file__))


class TimedCall(NamedTuple):
    """One of the calls of a delivery, and what there was before it."""

    context: CallContext
    done: int
    """Records that are done."""
    mark: int
    """Writes that were kept."""


class Watch:
    """Counts the time of each call of one delivery; the result is the delivery's or the watch's."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._changed = threading.Condition()
        self._call: TimedCall | None = None
        self._deadline = now() + seconds
        self._thread_id = 0
        self._is_ended = False
        self._is_over = False

    # --- for what runs the delivery ------------------------------------------------------------

    def begin(self, call: TimedCall) -> bool:
        """Has the time of a call begin; False when nobody waits any more: it may not be made."""
        with self._changed:
            if self._call is None:
                self._changed.notify_all()
            self._call = call
            self._thread_id = threading.get_ident()
            self._deadline = self._now() + self.seconds
            return not self._is_over

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self._is_over

    def end(self) -> bool:
        """Tells whoever waits that the delivery has ended; False when nobody does any more."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
            return not self._is_over

    # --- for what waits ------------------------------------------------------------------------

    def wait(self, extra_seconds: float, begin_seconds: float | None) -> bool:
        """Whether the delivery ends in time; if not, it is over.

        `extra_seconds` are granted behind each deadline. A first call that has not begun has
        `begin_seconds`, or as long as it takes.
        """
        started = self._now()
        with self._changed:
            while not self._is_ended:
                if self._call is not None:
                    left = self._deadline + extra_seconds - self._now()
                elif begin_seconds is None:
                    left = None
                else:
                    left = started + begin_seconds - self._now()
                if left is not None and left <= 0:
                    self._is_over = True
                    return False
                self._changed.wait(left)
            return True

    @property
    def call(self) -> TimedCall | None:
        """The call that began last."""
        return self._call

    def stack(self) -> str:
        """Where the call stands, from the handler on."""
        frame = sys._current_frames().get(self._thread_id)
        frames = traceback.extract_stack(frame) if frame is not None else []
        first = 0
        for place, each in enumerate(frames):
            if each.filename.startswith(_HERE):
                first = place + 1
        return "".join(traceback.format_list(frames[first:]))[-STACK_CHARACTERS_MAX:]


class HungCalls:
    """Calls whose time was up and that still run, by the name of their handler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def check(self, name: str) -> None:
        """Raises HungCallsError where no further call of a handler may begin."""
        if self._counts.get(name, 0) >= HUNG_MAX:
            raise HungCallsError(
                f"{HUNG_MAX} calls of handler {name!r} have timed out and still run: it is called "
                'again when one of them ends (run_in="process" would end them)'
            )

    def add(self, name: str) -> None:
        self._change(name, 1)

    def remove(self, name: str) -> None:
        """Takes note that one has ended, which it may do just before it is counted."""
        self._change(name, -1)

    def counts(self) -> dict[str, int]:
        """How many there are of each handler that has any."""
        with self._lock:
            return dict(self._counts)

    def _change(self, name: str, by: int) -> None:
        with self._lock:
            count = self._counts.pop(name, 0) + by
            if count:
                self._counts[name] = count


class SpareThreads:
    """Daemon threads for work that whoever hands it over may give up; idle ones are used again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Callable[[], Any] | None]] = []
        self._is_closed = False
        self._started = 0

    def run(self, work: Callable[[], None]) -> None:
        """Has a thread do it, with the context variables of the caller; `work` may not raise."""
        work_here = copy_context().run
        with self._lock:
            queue = self._idle.pop() if self._idle else None
            if queue is None:
                queue = SimpleQueue()
                self._started += 1
                name = f"pelton-handlers-timed-{self._started}"
                threading.Thread(target=self._work, args=(queue,), name=name, daemon=True).start()
        queue.put(lambda: work_here(work))

    def close(self) -> None:
        """Ends the idle threads; others end with their work."""
        with self._lock:
            self._is_closed = True
            for queue in self._idle:
                queue.put(None)
            self._idle.clear()

    def _work(self, queue: SimpleQueue[Callable[[], Any] | None]) -> None:
        while (work := queue.get()) is not None:
            work()
            del work
            with self._lock:
                if self._is_closed:
                    return
                self._idle.append(queue)


def timed_out(context: CallContext, seconds: float, now_ms: int) -> TaskTimedOutError:
    """The error of a call that took too long, in AWS's words."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return TaskTimedOutError(
        f"{at.removesuffix('+00:00')}Z {context.aws_request_id} "
        f"Task timed out after {seconds:.2f} seconds"
    )
