"""The figures as people read them: a table on the terminal, a page in docs/."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from .figure import Figure, show

PAGE = Path("docs/benchmarks.md")
TITLES = {
    "http": "Over HTTP, beside DynamoDB Local 1.25.1",
    "inprocess": "In process, beside a bare apsw loop",
    "filters": "Filters of handlers",
    "handlers": "Handlers",
    "ministack": "Triggers over HTTP, beside MiniStack 1.5.33",
    "records": "Stream records",
    "scale": "Large tables",
    "start": "Start",
    "trimming": "Trimming a million records",
    "write_sharding": "Write shards",
}
NOTES = {
    "filters": (
        "Batches of 100 real records, a third each of puts, changes and deletes, through patterns "
        "and through a bare `orjson.loads` of every record in the same rounds."
    ),
    "http": (
        "Items of 0.9 KB, stream NEW_AND_OLD_IMAGES on, 16 connections from `wrk` on the same "
        "machine. All servers run, each operation loads them in turn, three times; a ratio is the "
        "median of the rounds. pelton fsyncs every commit before it answers."
    ),
    "inprocess": (
        "The loop reads the old item, writes the new one and a record with both images, with fsync "
        "on commit; pelton's client asks for as many puts at a time and waits for all of them. The "
        "loop never moves its WAL into the file, which grows for as long as it runs; the one with "
        "checkpoints leaves that to SQLite's default. pelton checkpoints while it is measured."
    ),
    "handlers": (
        "Writes of 0.9 KB by one client, fsync on commit. The backlogs, of items of 0.2 KB, are on "
        "disk when their handler starts: the one that does nothing gets batches of 100; the "
        "counter, of 1,000, updates one of 100 items for each record, through its transaction."
    ),
    "ministack": (
        "The same function by the same client, boto3, one write after the other, to each server in "
        "turn. pelton fsyncs what MiniStack keeps in memory."
    ),
    "records": (
        "Puts of 0.9 KB into three tables in turn, fsync on commit. The records that are read over "
        "HTTP are of small items, so that 1,000 fit in a page of 1 MB; one connection reads page "
        "after page, and its answers are counted, not parsed."
    ),
    "scale": (
        "Random puts over items that are there, 16 waiting at a time, stream on, fsync on commit."
    ),
    "start": "Medians of seven processes.",
    "trimming": (
        "One client writes an item of 0.3 KB every 5 ms, fsync on commit, while a million records "
        "of such items leave the stream as upkeep trims them, rests included. Spells of two "
        "seconds without trimming and of eight with it take turns, so that noise falls on both."
    ),
    "write_sharding": (
        "A table of 4 partitions with AWS's limits of a partition switched on: 1,000 write units a "
        "second. 16 clients ask for 8,000 a second under one key; a throttled put is given up for "
        "the next, or tried again until it is taken: then the fullest partition sets the pace. "
        "Each of three rounds has another key, for where its shards fall is chance. Queries are "
        "without limits."
    ),
}
OPENING = """# Benchmarks

`make bench` runs all of this again and writes this page; `python -m benchmarks http` runs one part.
The machines are shared and noisy: the ratios within one run count, not the absolute figures.
"""


def print_machine(machine: dict[str, str]) -> None:
    Console(highlight=False).print(", ".join(f"{what} {value}" for what, value in machine.items()))


def print_report(noun: str, figures: list[Figure]) -> None:
    table = Table("figure", "value", "target", "", title=TITLES[noun], title_justify="left")
    table.columns[1].justify = "right"
    for figure in figures:
        colour = {"met": "green", "missed": "red"}.get(figure.verdict, "")
        value = f"{show(figure.value)} {figure.unit}"
        verdict = f"[{colour}]{figure.verdict}[/]" if colour else ""
        table.add_row(figure.what, value, figure.target, verdict)
    Console().print(table)


def write_report(machine: dict[str, str], results: dict[str, list[Figure]]) -> None:
    """Writes docs/benchmarks.md; parts that did not run this time are left out."""
    lines = [OPENING, "| | |", "| --- | --- |"]
    lines += [f"| {what} | {value} |" for what, value in machine.items()]
    for noun, figures in results.items():
        lines += ["", f"## {TITLES[noun]}", "", NOTES[noun], ""]
        lines += ["| figure | measured | target | |", "| --- | ---: | --- | --- |"]
        for figure in figures:
            note = f" ({figure.note})" if figure.note else ""
            value = f"{show(figure.value)} {figure.unit}"
            lines.append(f"| {figure.what}{note} | {value} | {figure.target} | {figure.verdict} |")
    PAGE.write_text("\n".join(lines) + "\n")
