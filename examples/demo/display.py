"""What the demo shows: bars on a terminal, plain lines in a pipe, a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from pelton.handlers import MappingStats


class Display:
    """Shows how far the load and the handlers are; `with` draws the bars, where there are bars.

    `expected` is how many records each handler will get, `stats` how many it has.
    """

    def __init__(
        self,
        console: Console,
        expected: dict[str, int],
        stats: Callable[[], dict[str, MappingStats]],
    ) -> None:
        self._console = console
        self._bars = _HandlerBars(console, expected, stats)

    def track(self, label: str, items: list[Any]) -> Iterator[Any]:
        """Gives back the items one by one and shows how many are done."""
        if self._console.is_terminal:
            task = self._bars.add_task(label, total=len(items))
            for item in items:
                yield item
                self._bars.advance(task)
            return
        start = time.perf_counter()
        yield from items
        self._console.print(f"{label}: {len(items):,} in {time.perf_counter() - start:.1f} s")

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()


class _HandlerBars(Progress):
    """A bar for each handler, read from its statistics whenever the screen is drawn."""

    def __init__(
        self,
        console: Console,
        expected: dict[str, int],
        stats: Callable[[], dict[str, MappingStats]],
    ) -> None:
        # Set first: making a Progress draws it once.
        self._stats = stats
        self._handlers: dict[str, TaskID] = {}
        super().__init__(
            TextColumn("{task.description:>26}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        for name, total in expected.items():
            self._handlers[name] = self.add_task(name, total=total)

    def get_renderables(self) -> Iterable[RenderableType]:
        current = self._stats()
        for name, task in self._handlers.items():
            self.update(task, completed=current[name].records)
        yield from super().get_renderables()


def report(console: Console, stats: dict[str, MappingStats]) -> None:
    """What each handler did and how long after the commit it was called."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("handler", no_wrap=True)
    for heading in ("records", "batches", "retries", "failed", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for name, each in stats.items():
        table.add_row(
            name,
            f"{each.records:,}",
            f"{each.batches:,}",
            f"{each.retries:,}",
            f"{each.dead_letters:,}",
            f"{each.latency_p50_ms or 0:.2f}",
            f"{each.latency_p99_ms or 0:.2f}",
        )
    console.print(table)
