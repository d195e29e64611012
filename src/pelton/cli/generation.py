"""One life of an app under `pelton dev`: a process that imports the source as it is then.

Its parent tells it by a pipe when to start the handlers and when to stop; it ends with its parent.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Literal, NamedTuple

from .failure import CommandError
from .logs import LogForm, set_up_log

if TYPE_CHECKING:
    from pelton import App

START, STOP = "start", "stop"
LAST_WORDS_SECONDS_MAX = 1.0
_HERE = __file__.rpartition("cli")[0]


class News(NamedTuple):
    """What a generation tells: it is loaded, its handlers run (`text` is where), or why not."""

    kind: Literal["loaded", "running", "failed", "ended"]
    text: str = ""


@dataclass(frozen=True)
class Wanted:
    """What every generation runs."""

    app_path: str
    log: LogForm
    listener: socket.socket | None
    """Where it serves clients, if it is to; it stays open from one to the next."""


class Generation:
    """A process that has begun to import the app; `tell` is called on a thread of its own."""

    def __init__(self, wanted: Wanted, tell: Callable[[Generation, News], None]) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_live, args=(wanted, theirs), name="pelton-app")
        self._process.start()
        theirs.close()
        self._ended = threading.Event()
        listener = threading.Thread(target=self._listen, args=(tell,), daemon=True)
        listener.start()
        # One thread alone waits for the process: of two, one would not be told that it has ended.
        threading.Thread(target=self._reap, args=(tell, listener), daemon=True).start()

    def start(self) -> None:
        """Has its handlers run."""
        self._send(START)

    def stop(self, seconds_max: float) -> bool:
        """Has it stop what it does and keep its positions; False where it had to be killed."""
        self._send(STOP)
        is_ended = self._ended.wait(seconds_max)
        self.kill()
        return is_ended

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        if not self._ended.is_set():
            self._process.kill()
        self._ended.wait()

    def _send(self, order: str) -> None:
        try:
            self._pipe.send(order)
        except OSError:
            pass  # it has ended, which is told in its own time

    def _listen(self, tell: Callable[[Generation, News], None]) -> None:
        try:
            while True:
                tell(self, self._pipe.recv())
        except (EOFError, OSError):
            pass

    def _reap(self, tell: Callable[[Generation, News], None], listener: threading.Thread) -> None:
        self._process.join()
        self._ended.set()
        # What it said last comes first; a child of its own may hold the pipe open, though.
        listener.join(LAST_WORDS_SECONDS_MAX)
        tell(self, News("ended", f"exit code {self._process.exitcode}"))


# --- in the process -------------------------------------------------------------------------------


def _live(wanted: Wanted, pipe: Connection) -> None:
    # Ctrl-C in a terminal reaches the parent too, which stops this process in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Two edits within a second leave the same time, and a file that was compiled before the second.
    sys.dont_write_bytecode = True
    set_up_log(wanted.log, logging.INFO)
    with wanted.listener or nullcontext():
        _load_and_run(wanted, pipe)


def _load_and_run(wanted: Wanted, pipe: Connection) -> None:
    try:
        from .importing import import_app

        app = import_app(wanted.app_path)
    except BaseException as error:
        pipe.send(News("failed", _told(error)))
        return
    pipe.send(News("loaded"))
    try:
        if pipe.recv() == START:
            _run(app, wanted, pipe)
        else:
            app.close()
    except EOFError:
        app.close()  # there is no parent any more
    except BaseException as error:
        pipe.send(News("failed", _told(error)))


def _run(app: App, wanted: Wanted, pipe: Connection) -> None:
    if wanted.log == "json":
        app.note_calls()
    with app:
        if wanted.listener is None:
            pipe.send(News("running"))
            _wait_for_end(pipe)
            return
        from pelton.server import Server

        with Server(app.database, listener=wanted.listener, apps=[app]) as server:
            pipe.send(News("running", server.url))
            _wait_for_end(pipe)


def _wait_for_end(pipe: Connection) -> None:
    try:
        pipe.recv()
    except EOFError:
        pass


def _told(error: BaseException) -> str:
    """The error as its user wants it: with the frames of the user's code."""
    if isinstance(error, CommandError):
        return str(error)
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [
            frame
            for frame in told.stack
            if not frame.filename.startswith((_HERE, "<frozen importlib"))
            and "/importlib/" not in frame.filename
        ]
    )
    return "".join(told.format()).rstrip("\n")
