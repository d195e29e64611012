"""`pelton stream`: the changes of a table."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from .items_text import to_json
from .opening import AsJSON, FilePath, open_existing
from .output import print_facts, print_json, print_line, print_table
from .stopping import stop_signals
from .tailing import RENEWAL_SECONDS, StreamTail, all_streams, shards_of, stream_of_table

commands = typer.Typer(help="The changes of a table.", no_args_is_help=True)

TableName = Annotated[str, typer.Argument(metavar="TABLE")]

STYLES = {"INSERT": "green", "MODIFY": "yellow", "REMOVE": "red"}


@commands.command("list")
def list_streams(path: FilePath, as_json: AsJSON = False) -> None:
    """List the streams that can still be read."""
    with open_existing(path) as app:
        streams = all_streams(app)
    if as_json:
        print_json(streams)
        return
    rows = [(each["TableName"], each["StreamLabel"], each["StreamArn"]) for each in streams]
    print_table(("table", "label", "arn"), rows)


@commands.command("describe")
def describe_stream(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """Tell what a table's stream is."""
    with open_existing(path) as app:
        request = {"StreamArn": stream_of_table(app, table)}
        described = app.call("DescribeStream", request)["StreamDescription"]
        shards = shards_of(app, request["StreamArn"])
    if as_json:
        print_json({**described, "Shards": shards})
        return
    open_count = sum("EndingSequenceNumber" not in each["SequenceNumberRange"] for each in shards)
    print_facts(
        {
            "table": described["TableName"],
            "status": described["StreamStatus"],
            "view": described["StreamViewType"],
            "since": _time_text(described["CreationRequestDateTime"]),
            "shards": f"{len(shards)}, {open_count} open",
            "arn": described["StreamArn"],
        }
    )


@commands.command("shards")
def list_shards(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """List the shards of a table's stream, parents before children."""
    with open_existing(path) as app:
        shards = shards_of(app, stream_of_table(app, table))
    if as_json:
        print_json(shards)
        return
    print_table(
        ("shard", "parent", "from", "to"),
        [
            (
                each["ShardId"],
                each.get("ParentShardId", "-"),
                each["SequenceNumberRange"]["StartingSequenceNumber"],
                each["SequenceNumberRange"].get("EndingSequenceNumber", "open"),
            )
            for each in shards
        ],
    )


@commands.command("tail")
def tail(
    path: FilePath,
    table: TableName,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    latest: Annotated[
        bool, typer.Option("--latest", help="Leave out what was recorded before now.")
    ] = False,
    typed: Annotated[bool, typer.Option("--typed", help="Show items as typed JSON.")] = False,
    as_json: AsJSON = False,
) -> None:
    """Print the changes of a table in order, also beside the app that makes them."""
    grown = threading.Event()
    with open_existing(path) as app, stop_signals(wake=grown) as stopping:
        app.streams.on_append(lambda shards: grown.set())
        reader = StreamTail(app, stream_of_table(app, table), latest=latest)
        while not stopping.is_set():
            grown.clear()
            while records := reader.read():
                for record in records:
                    _print_record(record, typed=typed, as_json=as_json)
            if not follow:
                break
            # Iterators expire after fifteen minutes: a round now and then renews them.
            grown.wait(timeout=RENEWAL_SECONDS)


def _print_record(record: dict[str, Any], *, typed: bool, as_json: bool) -> None:
    if as_json:
        print_json(record, at_once=True)
        return
    change = record["dynamodb"]
    name = record["eventName"]
    shown = change.get("NewImage") or change.get("OldImage") or change["Keys"]
    item = orjson.dumps(to_json(shown, typed=typed)).decode()
    at = _time_text(change["ApproximateCreationDateTime"])
    print_line(f"{at} {change['SequenceNumber']} {name} {item}", STYLES[name])


def _time_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
