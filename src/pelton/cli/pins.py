"""`pelton pins`: the handlers whose undone records stay in the streams."""

from __future__ import annotations

from typing import Annotated

import typer

from .failure import CommandError
from .opening import AsJSON, FilePath, open_existing
from .output import print_json, print_table

commands = typer.Typer(
    help="Handlers whose undone records stay, however old they are.", no_args_is_help=True
)


@commands.command("list")
def list_pins(path: FilePath, as_json: AsJSON = False) -> None:
    """List who pins records, and how much that is older than the retention each holds back."""
    with open_existing(path) as app:
        pins = app.streams.pins()
        now_ms = app.database.clock.now_ms()
    if as_json:
        print_json([pin._asdict() for pin in pins])
        return
    rows = [
        (
            pin.name,
            pin.table_name,
            str(pin.records),
            str(pin.size_bytes),
            "-" if pin.oldest_ms is None else _age_text((now_ms - pin.oldest_ms) // 1000),
        )
        for pin in pins
    ]
    print_table(("handler", "table", "held back", "bytes", "oldest"), rows)


@commands.command("remove")
def remove_pin(
    path: FilePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The handler's name.")],
) -> None:
    """Let go of what a handler pins that will not come back; started again, it pins again."""
    with open_existing(path) as app:
        try:
            app.unpin(name)
        except ValueError as error:
            raise CommandError(f"{error}; see `pelton pins list {path}`") from error


def _age_text(seconds: int) -> str:
    """
    >>> _age_text(90_061), _age_text(59)
    ('1d 1h 1m', '0m')
    """
    minutes = seconds // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [f"{days}d" if days else "", f"{hours}h" if days or hours else "", f"{minutes % 60}m"]
    return " ".join(part for part in parts if part)
