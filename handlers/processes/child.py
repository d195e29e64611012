"""What runs in a process of a handler: it imports a function, and calls it for what is sent."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from ...engine import SystemClock
from ..answers import encode_answer
from ..attempts import TRACEBACK_CHARACTERS_MAX, format_traceback
from ..calling import run_to_end
from ..context import Source
from ..delivery import Calls
from ..handler import Handler
from ..outcome import Outcome
from ..timeouts import TimedCall
from . import here
from .channel import Channel, ChannelClosedError
from .remote_transaction import RemoteTransaction
from .work import Hello, Work


def main(connection_fd: int, lifeline_fd: int) -> None:
    """Serves the app at the other end until it is gone."""
    _die_with(lifeline_fd)
    # Ctrl-C goes to the app too, which ends this process when it has done with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=connection_fd))
    here.note_handler_process()
    try:
        hello: Hello = channel.receive()
        sys.argv = [hello.program]
        if hello.memory_limit_mb is not None:
            _limit_memory(hello.memory_limit_mb)
        try:
            handler = Handler(hello.handler_name, hello.reference.resolve(), hello.shape)
            if hello.wrap is not None:
                handler = hello.wrap(handler)
        except BaseException as error:
            channel.send_answer("failed", _told(error))
            return
        channel.send_answer("ready")
        _Server(channel, handler).serve()
    except ChannelClosedError:
        return  # the app has ended, or wants no more


class _Server:
    """Calls one handler for all that comes."""

    def __init__(self, channel: Channel, handler: Handler) -> None:
        self._channel = channel
        self._handler = handler
        self._run: Callable[[Coroutine[Any, Any, Outcome]], Outcome] = run_to_end
        if handler.is_async:
            import asyncio

            self._run = asyncio.Runner().run

    def serve(self) -> None:
        while True:
            work: Any = self._channel.receive()
            self._channel.send_answer(*self._done(work))
            for stream in (sys.stdout, sys.stderr):
                stream.flush()

    def _done(self, work: Any) -> tuple[Any, ...]:
        """Does what was sent; the answer that tells how far it came."""
        try:
            outcome = self._deliver(work) if isinstance(work, Work) else self._invoke(work)
            answer = None if outcome.answer is None else encode_answer(outcome.answer)
        except ChannelClosedError:
            raise
        except BaseException as failure:
            outcome, answer = Outcome(0, failure), None
        told = None if outcome.error is None else _told(outcome.error)
        return "done", outcome.done, told, answer

    def _deliver(self, work: Work) -> Outcome:
        source = Source(
            self._handler.name,
            work.shard,
            SystemClock(),
            limits=work.limits,
            version=work.version,
        )
        transaction = RemoteTransaction(self._channel)
        calls = Calls(
            self._handler,
            source,
            transaction,
            work.attempt,
            more=work.more,
            occasion=work.occasion,
            begin=self._tell_begin,
        )
        try:
            return self._run(calls.of(work.records, _never))
        finally:
            transaction.close()

    def _invoke(self, errand: Any) -> Outcome:
        # Imported where somebody invokes functions.
        from ..invocations.process import run_errand

        async def run() -> Outcome:
            answer = await run_errand(errand, self._handler, transaction, SystemClock(), begin)
            return Outcome(0, None, answer)

        def begin() -> None:
            self._channel.send_answer("begin", 0)

        transaction = RemoteTransaction(self._channel)
        try:
            return self._run(run())
        finally:
            transaction.close()

    def _tell_begin(self, call: TimedCall) -> bool:
        self._channel.send_answer("begin", call.done)
        return True


def _told(error: BaseException) -> list[str]:
    """What the app is told of an error: its class, its text and where it was raised."""
    kind = type(error)
    try:
        text = str(error)
    except Exception:
        text = "an error that cannot be told"
    return [kind.__module__, kind.__name__, text, format_traceback(error, TRACEBACK_CHARACTERS_MAX)]


def _limit_memory(limit_mb: int) -> None:
    """Has what goes beyond raise MemoryError, where the system counts what is writable."""
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    limit = limit_mb * 1024 * 1024
    resource.setrlimit(kind, (limit, limit))


def _die_with(lifeline_fd: int) -> None:
    """Ends this process when nobody holds the other end of the lifeline any more."""
    set_signal = getattr(fcntl, "F_SETSIG", None)
    if set_signal is None:
        threading.Thread(target=_wait_for_end, args=(lifeline_fd,), daemon=True).start()
        return
    # The kernel sends it, so that a call which never lets go of Python ends too.
    fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline_fd, set_signal, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline_fd, fcntl.F_GETFL)
    fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
    try:
        os.read(lifeline_fd, 1)
    except BlockingIOError:
        return
    os._exit(1)  # it was cut before the kernel knew


def _wait_for_end(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)
    os._exit(1)


def _never() -> bool:
    return False
