"""`pelton dev`: an app whose source is watched, and which goes on with what is written there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from .failure import CommandError
from .generation import Generation, News, Wanted
from .logs import Log
from .output import print_line
from .stopping import stop_signals

if TYPE_CHECKING:
    from watchfiles import Change

WATCH_MS = 200
"""How soon the watch says that it has begun."""


def dev(
    app_path: Annotated[
        str, typer.Argument(metavar="MODULE[:NAME]", help="Where the app is, as in shop:app.")
    ],
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Serve its tables and functions too; 0 takes any free port."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Let other machines in although requests are not authenticated.",
        ),
    ] = False,
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            help="Watch this file or folder too, all that is in it. May be given several times.",
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="How long calls that run may take to end before their process is killed.",
        ),
    ] = 10.0,
    log: Log = "text",
) -> None:
    """Run an app and watch its source: what is changed runs as soon as it can be imported."""
    with ExitStack() as opened:
        listener = None
        if port is not None:
            from pelton.server.server import listen_at

            listener = opened.enter_context(listen_at(host, port, allow_remote=allow_remote))
        _follow(Wanted(app_path, log, listener), watch or [], grace)


def _follow(wanted: Wanted, more: list[Path], grace_seconds: float) -> None:
    events: SimpleQueue[Event] = SimpleQueue()
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        events.put(None)

    with stop_signals(stop), Watching(more, stopped, events.put):
        lives = Lives(wanted, events, grace_seconds)
        try:
            lives.follow()
        finally:
            lives.end()


class Told(NamedTuple):
    """What a generation says."""

    by: Generation
    news: News


Event = list[str] | Told | BaseException | None
"""The files that changed, what a generation says, what ended the watch, or that it is to end."""


class Lives:
    """The generations of an app: one that runs, and one that is loaded to take its place."""

    def __init__(self, wanted: Wanted, events: SimpleQueue[Event], grace_seconds: float) -> None:
        self._wanted = wanted
        self._events = events
        self._grace_seconds = grace_seconds
        self._running: Generation | None = None
        self._loading: Generation | None = None

    def follow(self) -> None:
        """Goes from one generation to the next until the end."""
        self._load()
        while True:
            event = self._events.get()
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            if isinstance(event, Told):
                self._hear(*event)
            else:
                print_line(f"{', '.join(event)} changed", "cyan")
                self._load()

    def end(self) -> None:
        if self._loading is not None:
            self._loading.kill()
        self._stop_running()

    def _load(self) -> None:
        """Begins to import the source as it is now; what was about to be is out of date."""
        if self._loading is not None:
            self._loading.kill()
        self._loading = Generation(self._wanted, lambda by, news: self._events.put(Told(by, news)))

    def _hear(self, by: Generation, news: News) -> None:
        if by is self._loading:
            self._hear_loading(by, news)
        elif by is self._running:
            self._hear_running(by, news)

    def _hear_loading(self, by: Generation, news: News) -> None:
        if news.kind == "loaded":
            self._stop_running()
            self._running, self._loading = by, None
            by.start()
            return
        by.kill()
        self._loading = None
        goes_on = "the one before goes on" if self._running else "waiting for a change"
        _complain(f"{self._wanted.app_path} cannot be loaded; {goes_on}\n{news.text}")

    def _hear_running(self, by: Generation, news: News) -> None:
        import pelton

        path = self._wanted.app_path
        if news.kind == "running":
            where = f" at {news.text}" if news.text else ""
            print_line(f"pelton {pelton.__version__} running {path}{where}", "green")
            return
        by.kill()
        self._running = None
        what = "cannot be started" if news.kind == "failed" else "has ended"
        _complain(f"{path} {what}; waiting for a change\n{news.text}")

    def _stop_running(self) -> None:
        running, self._running = self._running, None
        if running is not None and not running.stop(self._grace_seconds):
            _complain(
                f"a call did not end within {self._grace_seconds:g} seconds and was killed; what "
                "it was called for is delivered again"
            )


class Watching:
    """Has changes of the source told from before its body begins to its end."""

    def __init__(
        self, more: list[Path], stopped: threading.Event, tell: Callable[[Event], None]
    ) -> None:
        self._more = [path.resolve() for path in more]
        self._stopped = stopped
        self._tell = tell
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._fault: BaseException | None = None

    def __enter__(self) -> None:
        self._thread.start()
        self._begun.wait()
        if self._fault is not None:
            raise self._fault

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            for changes in self._changes():
                # The first, which is empty, says that from here on nothing is overlooked.
                self._begun.set()
                if changes:
                    self._tell(sorted({os.path.relpath(path) for _, path in changes}))
        except BaseException as error:
            if self._begun.is_set():
                self._tell(error)
            self._fault = error
        finally:
            self._begun.set()

    def _changes(self) -> Iterator[set[tuple[Change, str]]]:
        try:
            from watchfiles import PythonFilter, watch
        except ImportError as error:
            raise CommandError(
                "pelton dev needs watchfiles: pip install 'pelton[reload]'"
            ) from error
        is_python = PythonFilter()

        def is_source(change: Change, path: str) -> bool:
            place = Path(path).resolve()
            return is_python(change, path) or any(map(place.is_relative_to, self._more))

        return watch(
            ".",
            *self._more,
            watch_filter=is_source,
            stop_event=self._stopped,
            rust_timeout=WATCH_MS,
            yield_on_timeout=True,
        )


def _complain(text: str) -> None:
    print(f"pelton: {text}", file=sys.stderr, flush=True)
