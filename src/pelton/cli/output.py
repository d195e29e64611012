"""Printing: tables and colour on a terminal, tab-separated text in a pipe, JSON when asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson


def print_json(value: Any, *, at_once: bool = False) -> None:
    """One JSON document, indented on a terminal and on one line in a pipe.

    `at_once` is for readers that wait for the line, not for the end of the output.
    """
    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    print(orjson.dumps(value, option=option).decode(), flush=at_once)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows of text under column names."""
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(_on_one_line(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold cyan")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and values, one a line."""
    if not sys.stdout.isatty():
        for name, value in facts.items():
            print(f"{name}\t{_on_one_line(value)}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        grid.add_row(Text(name, style="bold cyan"), Text(value))
    Console().print(grid)


def print_line(text: str, style: str = "") -> None:
    """A line at once, whoever reads it; `style` is rich's and shows on a terminal."""
    if style and sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(text, style=style))
    else:
        print(text, flush=True)


@contextmanager
def progress(items: Sequence[Any], what: str) -> Iterator[Iterable[Any]]:
    """The items, with a bar on the terminal's error output while they are gone through."""
    if not sys.stderr.isatty():
        yield items
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        yield bar.track(items, description=what)


def _on_one_line(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
