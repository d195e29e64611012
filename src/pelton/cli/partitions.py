"""`pelton partitions`: how a table is divided, and how hot its parts are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from .asking import DEFAULT_URL, ask
from .opening import AsJSON, FilePath, open_existing
from .output import print_json, print_line, print_table

if TYPE_CHECKING:
    from pelton.engine.partitions.sizes import SizedPartition

commands = typer.Typer(help="The partitions of a table.", no_args_is_help=True)

TableName = Annotated[str, typer.Argument(metavar="TABLE")]

BAR_WIDTH = 20
SHOWN_KEYS_MAX = 3
SHOWN_SHARE_MIN = 0.01


@commands.command("list")
def list_partitions(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """List the partitions with their tokens, items and bytes."""
    with open_existing(path) as app:
        partitions = app.partitions(table)
    if as_json:
        print_json([_described(each) for each in partitions])
        return
    most = max(each.size_bytes for each in partitions)
    print_table(
        ("partition", "tokens from", "to", "items", "bytes", *_bar_column("share")),
        [
            (
                str(each.partition.number),
                str(each.partition.token_low),
                str(each.partition.token_high),
                str(each.items),
                str(each.size_bytes),
                *_bar(each.size_bytes, most),
            )
            for each in partitions
        ],
    )


@commands.command("split")
def split(
    path: FilePath,
    table: TableName,
    partition: Annotated[
        int | None, typer.Option(help="Its number; the largest unless it is given.")
    ] = None,
    at_token: Annotated[
        int | None,
        typer.Option(metavar="TOKEN", help="The last of the lower half; the middle by default."),
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Divide a partition in two, also beside the processes that write to it."""
    with open_existing(path) as app:
        halves = app.split_partition(table, partition, last_low_token=at_token)
        sized = [each for each in app.partitions(table) if each.partition in halves]
    if as_json:
        print_json([_described(each) for each in sized])
        return
    parts = " and ".join(f"{each.partition.number} ({each.items} items)" for each in sized)
    print_line(f"split into {parts}", "green")


@commands.command("heat")
def heat(
    table: TableName,
    url: Annotated[
        str, typer.Option(help="The server whose heat it is; it is kept nowhere else.")
    ] = DEFAULT_URL,
    region: Annotated[str | None, typer.Option(help="One of the server's regions.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="The time to look back.")] = 60.0,
    as_json: AsJSON = False,
) -> None:
    """Tell what the partitions and the hottest keys of a server's table take."""
    query = {"table": table, "seconds": seconds, **({"region": region} if region else {})}
    told = ask(f"{url.rstrip('/')}/pelton/heat?{urlencode(query)}")
    if as_json:
        print_json(told)
        return
    for name, each in told.items():
        if len(told) > 1:
            print_line(name, "bold")
        _print_heat(each)


def _print_heat(heat: dict[str, Any]) -> None:
    most = max(
        each["read_units_per_second"] + each["write_units_per_second"]
        for each in heat["partitions"]
    )
    print_table(
        ("partition", "read units/s", "write units/s", *_bar_column("heat")),
        [
            (
                str(each["partition"]["number"]),
                _rate(each["read_units_per_second"]),
                _rate(each["write_units_per_second"]),
                *_bar(each["read_units_per_second"] + each["write_units_per_second"], most),
            )
            for each in heat["partitions"]
        ],
    )
    for what, hottest in (("reads", heat["hottest_reads"]), ("writes", heat["hottest_writes"])):
        for key in [key for key in hottest if key["share"] >= SHOWN_SHARE_MIN][:SHOWN_KEYS_MAX]:
            print_line(
                f"{_key_text(key)} takes {key['share']:.0%} of the {what}, "
                f"{_rate(key['units_per_second'])} units/s"
            )


def _key_text(key: dict[str, Any]) -> str:
    if key["value"] is None:
        return f"token {key['token']}"
    ((_, content),) = key["value"].items()
    return str(content)


def _rate(units: float) -> str:
    return f"{units:.1f}"


def _bar_column(name: str) -> tuple[str, ...]:
    return (name,) if sys.stdout.isatty() else ()


def _bar(value: float, most: float) -> tuple[str, ...]:
    if not sys.stdout.isatty():
        return ()
    return ("█" * round(BAR_WIDTH * value / most) if most else "",)


def _described(each: SizedPartition) -> dict[str, Any]:
    partition = each.partition
    return {
        "partition": partition.number,
        "token_low": partition.token_low,
        "token_high": partition.token_high,
        "items": each.items,
        "size_bytes": each.size_bytes,
    }
