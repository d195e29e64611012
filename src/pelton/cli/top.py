"""`pelton top`: how each handler keeps up, of a running server or by what a file has of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from .asking import DEFAULT_URL, ask
from .failure import CommandError
from .lineage_text import duration_text
from .opening import AsJSON, open_existing
from .output import print_json, print_table
from .stopping import stop_signals

if TYPE_CHECKING:
    from rich.table import Table

    from pelton import App

REDRAW_SECONDS = 1.0
LATE_SECONDS = 60.0
"""From this age on, the oldest record of a handler is told in yellow."""

Row = dict[str, Any]


class Column(NamedTuple):
    name: str
    text: Callable[[Row], str]
    style: Callable[[Row], str] = lambda row: ""
    is_number: bool = False


def top(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="A file, for what it has of its handlers."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help=f"The server whose handlers they are; {DEFAULT_URL} unless given."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Draw them again every second, until Ctrl-C.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Tell how each handler keeps up: of a running server, or from the file beside it.

    A server knows what its handlers do and what went wrong. A file knows where each handler that
    has ever run stands, whoever runs it, and what lies before it.
    """
    if path is not None and url is not None:
        raise CommandError("give a PATH or --url, not both: a server has files of its own")
    if watch and (as_json or not sys.stdout.isatty()):
        raise CommandError("--watch draws on a terminal: leave it out to print them once")
    if path is not None:
        with open_existing(path) as app:
            _show(lambda: _rows_of_file(app), FILE_COLUMNS, watch=watch, as_json=as_json)
        return
    page = f"{(url or DEFAULT_URL).rstrip('/')}/pelton/stats"
    _show(lambda: _rows_of_server(ask(page)), SERVER_COLUMNS, watch=watch, as_json=as_json)


def _show(
    take: Callable[[], list[Row]], columns: Sequence[Column], *, watch: bool, as_json: bool
) -> None:
    if watch:
        from rich.live import Live

        with stop_signals() as stopping, Live(auto_refresh=False) as live:
            while not stopping.is_set():
                live.update(drawn(take(), columns), refresh=True)
                stopping.wait(REDRAW_SECONDS)
        return
    rows = take()
    if as_json:
        print_json(rows)
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(drawn(rows, columns))
    else:
        columns = _shown(rows, columns)
        print_table(
            [column.name for column in columns],
            [[column.text(row) for column in columns] for row in rows],
        )


def drawn(rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    """The rows for a terminal: what has stopped is red, what is late or has failed yellow."""
    from rich.table import Table
    from rich.text import Text

    columns = _shown(rows, columns)
    table = Table(header_style="bold cyan")
    for column in columns:
        table.add_column(column.name, justify="right" if column.is_number else "left")
    for row in rows:
        table.add_row(*(Text(column.text(row), column.style(row)) for column in columns))
    return table


def _shown(rows: Sequence[Row], columns: Sequence[Column]) -> list[Column]:
    """Without the region where there is but one."""
    is_one = len({row.get("region") for row in rows}) < 2
    return [column for column in columns if not (is_one and column.name == "region")]


# --- where the figures come from ------------------------------------------------------------------


def _rows_of_server(told: dict[str, Any]) -> list[Row]:
    try:
        return [
            {"region": region, **stats}
            for region, figures in told.items()
            for stats in figures["handlers"]
        ]
    except (KeyError, TypeError, AttributeError):
        raise CommandError("the server answers as pelton does not: is it one?") from None


def _rows_of_file(app: App) -> list[Row]:
    """Each handler that has ever run, with where it stands in each shard."""
    from pelton.handlers.quarantine import items_set_aside
    from pelton.streams import to_wire

    lags = app.streams.lags()
    set_aside = app.database.store.read(
        lambda reader: {
            lag.follower.name: len(items_set_aside(reader, lag.follower.name)) for lag in lags
        }
    )
    now_ms = app.database.clock.now_ms()
    return [
        {
            "name": lag.follower.name,
            "table_name": lag.follower.table_name,
            "is_paused": lag.follower.paused,
            "pins_records": lag.follower.pins_records,
            "quarantined_keys": set_aside[lag.follower.name],
            "records_behind": lag.records,
            "bytes_behind": lag.size_bytes,
            "oldest_age_ms": None if lag.oldest_ms is None else max(0, now_ms - lag.oldest_ms),
            "shards": [
                {
                    "shard_id": each.shard.shard_id,
                    "sequence_number": to_wire(each.sequence),
                    "records_behind": each.records,
                }
                for each in lag.shards
            ],
        }
        for lag in lags
    ]


# --- what is shown of them ------------------------------------------------------------------------


def _age_text(age_ms: float | None) -> str:
    if age_ms is None:
        return "-"
    return f"{age_ms:.0f}ms" if age_ms < 1000 else duration_text(age_ms / 1000)


def _age_style(row: Row) -> str:
    age_ms = row["oldest_age_ms"]
    return "yellow" if age_ms is not None and age_ms >= LATE_SECONDS * 1000 else ""


def _state_style(row: Row) -> str:
    return {"running": "green", "stopped": "bold red"}.get(row["state"], "yellow")


def _paused_style(row: Row) -> str:
    return "yellow" if row["is_paused"] else ""


def _error_text(row: Row) -> str:
    if row["last_error"] is None:
        return "-"
    at = datetime.fromtimestamp(row["last_error_ms"] / 1000, UTC)
    return f"{at:%H:%M:%S} {row['last_error']}"


OLDEST = Column("oldest", lambda row: _age_text(row["oldest_age_ms"]), _age_style, True)

SERVER_COLUMNS = (
    Column("region", lambda row: str(row["region"])),
    Column("handler", lambda row: str(row["name"])),
    Column("table", lambda row: str(row["table_name"])),
    Column("state", lambda row: str(row["state"]), _state_style),
    OLDEST,
    Column("iterator age", lambda row: _age_text(row["iterator_age_ms"]), is_number=True),
    Column("records/s", lambda row: f"{row['records_per_second']:.1f}", is_number=True),
    Column("in flight", lambda row: str(row["in_flight"]), is_number=True),
    Column(
        "failures",
        lambda row: str(row["failures"]),
        lambda row: "yellow" if row["failures"] else "",
        True,
    ),
    Column("last error", _error_text),
)

FILE_COLUMNS = (
    Column("handler", lambda row: str(row["name"])),
    Column("table", lambda row: str(row["table_name"])),
    Column("paused", lambda row: "yes" if row["is_paused"] else "no", _paused_style),
    Column("behind", lambda row: str(row["records_behind"]), is_number=True),
    Column("bytes", lambda row: str(row["bytes_behind"]), is_number=True),
    OLDEST,
    Column(
        "set aside",
        lambda row: str(row["quarantined_keys"]),
        lambda row: "yellow" if row["quarantined_keys"] else "",
        True,
    ),
    Column("pins", lambda row: "yes" if row["pins_records"] else "no"),
)
