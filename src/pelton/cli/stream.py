"""`pelton stream`: the changes of a table."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from .failure import CommandError
from .items_text import to_json
from .lineage_text import describe_facts, duration_text, lineage_tree, print_lineage
from .opening import AsJSON, FilePath, open_existing
from .output import print_facts, print_json, print_line, print_table
from .stopping import stop_signals

if TYPE_CHECKING:
    from pelton import App, RecordChange, Stream
    from pelton.streams.lineage import ShardFacts

commands = typer.Typer(help="The changes of a table.", no_args_is_help=True)

TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A table, or a stream's ARN.")]

STYLES = {"INSERT": "green", "MODIFY": "yellow", "REMOVE": "red"}
REDRAW_SECONDS = 0.5


@commands.command("list")
def list_streams(path: FilePath, as_json: AsJSON = False) -> None:
    """List the streams that can still be read."""
    with open_existing(path) as app:
        streams = app.streams.streams.of_table(None)
    status = {each.arn: "ENABLED" if each.disabled_ms is None else "DISABLED" for each in streams}
    if as_json:
        print_json(
            [
                {
                    "StreamArn": each.arn,
                    "TableName": each.table_name,
                    "StreamLabel": each.label,
                    "StreamStatus": status[each.arn],
                }
                for each in streams
            ]
        )
        return
    print_table(
        ("table", "label", "status", "arn"),
        [(each.table_name, each.label, status[each.arn], each.arn) for each in streams],
    )


@commands.command("describe")
def describe_stream(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """Tell what a table's stream is and what it holds."""
    with open_existing(path) as app:
        stream = _stream_of(app, table)
        described = app.call("DescribeStream", {"StreamArn": stream.arn})["StreamDescription"]
        lineage = stream.shards()
        now_ms = app.database.clock.now_ms()
    records = sum(each.records for each in lineage)
    oldest_ms = min((each.first_ms for each in lineage if each.first_ms is not None), default=None)
    latest_ms = max((each.last_ms for each in lineage if each.last_ms is not None), default=None)
    if as_json:
        shards = [describe_facts(each) for each in lineage]
        totals = {"records": records, "oldest_ms": oldest_ms, "latest_ms": latest_ms}
        print_json({**described, **totals, "Shards": shards})
        return
    open_count = sum(each.shard.is_open for each in lineage)
    print_facts(
        {
            "table": described["TableName"],
            "status": described["StreamStatus"],
            "view": described["StreamViewType"],
            "since": _time_text(datetime.fromtimestamp(described["CreationRequestDateTime"], UTC)),
            "shards": f"{len(lineage)}, {open_count} open",
            "records": str(records),
            "oldest": _age_text(oldest_ms, now_ms),
            "latest": _age_text(latest_ms, now_ms),
            "arn": described["StreamArn"],
        }
    )


@commands.command("shards")
def list_shards(
    path: FilePath,
    table: TableName,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Draw them again as they change, until Ctrl-C.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """Draw the lineage of a stream's shards: which came of which, and what each holds."""
    if watch and (as_json or not sys.stdout.isatty()):
        raise CommandError("--watch draws on a terminal: leave it out to print the shards once")
    with open_existing(path) as app:
        stream = _stream_of(app, table)
        if watch:
            _watch_lineage(stream)
            return
        lineage = stream.shards()
    if as_json:
        print_json([describe_facts(each) for each in lineage])
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(lineage_tree(lineage, _title_of(stream, lineage)))
    else:
        print_lineage(lineage)


@commands.command("tail")
def tail(
    path: FilePath,
    table: TableName,
    start: Annotated[
        str,
        typer.Option(
            help='"beginning", "latest", a time such as 2026-11-23T08:00Z, or a sequence.'
        ),
    ] = "beginning",
    after: Annotated[
        str | None, typer.Option(metavar="SEQUENCE", help="Go on behind this record instead.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="How many changes at the most.")
    ] = None,
    commits: Annotated[
        bool, typer.Option("--commits", help="Tell each change's transaction and place, too.")
    ] = False,
    typed: Annotated[bool, typer.Option("--typed", help="Show items as typed JSON.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Print the changes of a table in order, also beside the app that makes them."""
    with open_existing(path) as app:
        try:
            reading = _stream_of(app, table).read(start, after=after, follow=follow)
        except ValueError as error:
            raise typer.BadParameter(
                str(error), param_hint="--after" if after else "--start"
            ) from None
        with reading, stop_signals(reading.close):
            for change in islice(reading, limit):
                _print_change(change, commits=commits, typed=typed, as_json=as_json)


def _stream_of(app: App, table: str) -> Stream:
    try:
        return app.stream(table)
    except ValueError:
        app.call("DescribeTable", {"TableName": table})  # raises where there is none
        raise CommandError(
            f"table {table} has no stream: create tables with --stream to have one"
        ) from None


def _watch_lineage(stream: Stream) -> None:
    from rich.live import Live

    with stop_signals() as stopping, Live(auto_refresh=False) as live:
        while not stopping.is_set():
            lineage = stream.shards()
            live.update(lineage_tree(lineage, _title_of(stream, lineage)), refresh=True)
            stopping.wait(REDRAW_SECONDS)


def _title_of(stream: Stream, lineage: list[ShardFacts]) -> str:
    records = sum(each.records for each in lineage)
    open_count = sum(each.shard.is_open for each in lineage)
    return f"{stream.table_name}: {len(lineage)} shards, {open_count} open, {records} records"


def _print_change(change: RecordChange, *, commits: bool, typed: bool, as_json: bool) -> None:
    record = change.record
    if as_json:
        commit: dict[str, Any] = {"commit": change.commit._asdict()} if commits else {}
        print_json({**record, **commit}, at_once=True)
        return
    images = record["dynamodb"]
    shown = images.get("NewImage") or images.get("OldImage") or images["Keys"]
    item = orjson.dumps(to_json(shown, typed=typed)).decode()
    place = f"{change.commit.transaction}/{change.commit.position} " if commits else ""
    print_line(
        f"{_time_text(change.at)} {change.sequence_number} {place}{change.event} {item}",
        STYLES[change.event],
    )


def _time_text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _age_text(at_ms: int | None, now_ms: int) -> str:
    if at_ms is None:
        return "-"
    at = _time_text(datetime.fromtimestamp(at_ms / 1000, UTC))
    return f"{at}, {duration_text(max(0, now_ms - at_ms) / 1000)} ago"
