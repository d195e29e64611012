"""A process of a handler, as the app sees it: started, spoken to, and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any

from ..handler import Handler
from .channel import Channel
from .reference import reference_of
from .work import Hello

CLOSE_SECONDS = 1.0
"""How long a process may take to end by itself when it is not wanted any more."""

PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pelton.handlers.processes.child import main
main(int(sys.argv[2]), int(sys.argv[3]))
"""


class HandlerProcess:
    """A fresh interpreter that has imported one function; used for one delivery at a time.

    It is no fork: nothing of the app's threads, locks and open files is in it. `handler` is the
    one it was started for. Raises OSError where no process can be started.
    """

    def __init__(self, handler: Handler, hello: Hello) -> None:
        self.handler = handler
        ours, theirs = socket.socketpair()
        # Nothing is ever written to it: that its writing end is closed tells that the app is gone.
        lifeline, self._lifeline = os.pipe()
        try:
            self._popen = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    PROGRAM,
                    json.dumps(sys.path),
                    str(theirs.fileno()),
                    str(lifeline),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), lifeline),
            )
        except BaseException:
            ours.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(lifeline)
        self._channel = Channel(ours)
        self._hello = hello
        self.memory_limit_mb = hello.memory_limit_mb
        self.is_ready = False

    @property
    def pid(self) -> int:
        return self._popen.pid

    def begin(self, deadline: float | None) -> Any:
        """Waits until the function is imported: None, or what is told of the error where it is not.

        Raises ChannelClosedError, TimeoutError behind a deadline of `time.monotonic`.
        """
        self.send(self._hello, deadline)
        answer = self.receive(deadline)
        self.is_ready = answer == ["ready"]
        return None if self.is_ready else answer[-1]

    def send(self, message: Any, deadline: float | None) -> None:
        self._channel.send(message, deadline)

    def receive(self, deadline: float | None) -> list[Any]:
        return self._channel.receive_answer(deadline)

    def is_alive(self) -> bool:
        return self._popen.poll() is None

    # --- its end -------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Tells it that nothing more comes; `close` waits for its end."""
        self._channel.close()

    def close(self) -> None:
        """Lets it end by itself, or ends it."""
        self.let_go()
        try:
            self._popen.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._let_lifeline_go()

    def kill(self) -> None:
        """Ends it at once, whatever it does."""
        self._popen.kill()
        self._popen.wait()
        self.let_go()
        self._let_lifeline_go()

    def death(self) -> str:
        """What it died of, in AWS's words; waits for its end, which must be near, or ends it."""
        try:
            code = self._popen.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            code = 0  # it goes on, but has cut its connection
        self.kill()
        if code == 0:
            return "Runtime exited without providing a reason"
        if code > 0:
            return f"Runtime exited with error: exit status {code}"
        return f"Runtime exited with error: signal: {_signal_name(-code)}"

    def _let_lifeline_go(self) -> None:
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)


def start_process(handler: Handler, memory_limit_mb: int | None) -> HandlerProcess:
    """A process of a handler, which imports its function meanwhile. Raises ValueError, OSError."""
    hello = Hello(
        reference=reference_of(handler.function),
        handler_name=handler.name,
        shape=handler.shape,
        wrap=handler.wrap,
        memory_limit_mb=memory_limit_mb,
        program=sys.argv[0] if sys.argv else "",
    )
    return HandlerProcess(handler, hello)


def _signal_name(number: int) -> str:
    return (signal.strsignal(number) or f"signal {number}").lower()
