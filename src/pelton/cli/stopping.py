"""Waiting for the signal that ends a long-running command."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals(stop_work: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; `stop_work` is called with it, on another thread.

    A second signal does what it would have done without this.
    """
    stopping = threading.Event()

    def tell() -> None:
        stopping.set()
        if stop_work is not None:
            stop_work()

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, previous[signal.Signals(number)])
        # On a thread of its own: the signal may have come while this one held the event's lock.
        _thread.start_new_thread(tell, ())

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
