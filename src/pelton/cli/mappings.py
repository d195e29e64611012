"""`pelton mappings`: handlers seen and controlled from outside, whether they run or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from .failure import CommandError
from .opening import AsJSON, FilePath, open_existing
from .output import print_json, print_table

if TYPE_CHECKING:
    from pelton.handlers.control import ShardMove

commands = typer.Typer(
    help="Handlers' places in their streams: seen, paused, moved.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The handler's name, or a UUID.")]
To = Annotated[
    str,
    typer.Option(
        help="A time such as 2026-05-01T12:00:00Z or 15m (ago), a sequence number, or "
        "TRIM_HORIZON or LATEST.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@commands.command("list")
def list_mappings(path: FilePath, as_json: AsJSON = False) -> None:
    """List every handler that has ever run on a file, and how far it is behind."""
    with open_existing(path) as app:
        lags = app.streams.lags()
    rows = [
        {
            "name": lag.follower.name,
            "table_name": lag.follower.table_name,
            "paused": lag.follower.paused,
            "behind_records": lag.records,
            "oldest_ms": lag.oldest_ms,
        }
        for lag in lags
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("handler", "table", "paused", "behind", "oldest"),
        [
            (
                str(row["name"]),
                str(row["table_name"]),
                "yes" if row["paused"] else "no",
                str(row["behind_records"]),
                "-" if row["oldest_ms"] is None else _time_text(int(str(row["oldest_ms"]))),
            )
            for row in rows
        ],
    )


@commands.command("pause")
def pause(path: FilePath, name: Name) -> None:
    """Call a handler no more, whoever runs it, until it is resumed."""
    with open_existing(path) as app:
        app.mapping(name).pause()


@commands.command("resume")
def resume(path: FilePath, name: Name) -> None:
    """Have a paused handler go on where it was."""
    with open_existing(path) as app:
        app.mapping(name).resume()


@commands.command("rewind")
def rewind(
    path: FilePath,
    name: Name,
    to: To = "TRIM_HORIZON",
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Have records delivered again, from a time or a sequence number on."""
    target = _target_of(to)
    with open_existing(path) as app, _explained():
        moves = app.mapping(name).rewind(target, dry_run=dry_run)
    _print_moves(moves, "again", as_json)


@commands.command("skip")
def skip(
    path: FilePath,
    name: Name,
    to: To = "LATEST",
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Leave records out, up to a time or a sequence number."""
    target = _target_of(to)
    with open_existing(path) as app, _explained():
        moves = app.mapping(name).skip(target, dry_run=dry_run)
    _print_moves(moves, "left out", as_json)


@commands.command("forget")
def forget(path: FilePath, name: Name) -> None:
    """Forget a handler's positions: its next start is its first."""
    with open_existing(path) as app:
        app.mapping(name).forget()


@commands.command("replace")
def replace(
    path: FilePath,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The version that is to go.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one that takes its place.")],
) -> None:
    """Retire a version of a handler once another one is as far as it is."""
    with open_existing(path) as app:
        app.mapping(new).replace(old)


@contextmanager
def _explained() -> Iterator[None]:
    """Has a target that is none be the user's mistake."""
    try:
        yield
    except ValueError as error:
        raise CommandError(str(error)) from None


def _print_moves(moves: list[ShardMove], what: str, as_json: bool) -> None:
    from pelton.streams import to_wire

    if as_json:
        print_json(
            [
                {
                    "shard_id": move.shard_id,
                    "before": to_wire(move.before),
                    "after": to_wire(move.after),
                    "records": move.records,
                    "first_sequence_numbers": move.first,
                }
                for move in moves
            ]
        )
        return
    print_table(
        ("shard", what, "first sequence number"),
        [(move.shard_id, str(move.records), (move.first or ["-"])[0]) for move in moves],
    )


def _target_of(text: str) -> datetime | str:
    """A time, if the text is one; else the text, which the mapping makes sense of.

    >>> _target_of("2026-05-01T12:00:00Z")
    datetime.datetime(2026, 5, 1, 12, 0, tzinfo=datetime.timezone.utc)
    >>> _target_of("LATEST")
    'LATEST'
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if text.isdigit() or not text[:1].isdigit():
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"--to {text} is no time: write it as 2026-05-01T12:00:00Z, or 15m for 15 minutes ago"
        ) from None
    return at if at.tzinfo else at.astimezone()


def _time_text(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
