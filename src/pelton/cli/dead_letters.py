"""`pelton dead-letters`: records that handlers could not do, and how to deliver them again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from .failure import CommandError
from .importing import import_app
from .items_text import parse_item, to_json
from .opening import AsJSON, FilePath, open_existing
from .output import print_facts, print_json, print_line, print_table

if TYPE_CHECKING:
    from pelton.handlers.letters import Letter

commands = typer.Typer(help="Records that handlers could not do, kept whole.", no_args_is_help=True)

Handler = Annotated[str | None, typer.Option(help="Only this handler's.")]
Key = Annotated[str | None, typer.Option(help='Only those about one item, as in \'{"id": "u1"}\'.')]


@commands.command("list")
def list_letters(
    path: FilePath, handler: Handler = None, key: Key = None, as_json: AsJSON = False
) -> None:
    """List dead letters, each handler's in the order in which the changes happened."""
    with open_existing(path) as app:
        letters = app.dead_letters.list(handler, key=_python_key(key))
    if as_json:
        print_json([_summary(each) for each in letters])
        return
    print_table(
        ("handler", "sequence number", "event", "key", "attempts", "failed at", "error"),
        [
            (
                each.handler_name,
                each.sequence_number,
                each.event_name,
                orjson.dumps(_plain_key(each)).decode(),
                _attempts_text(each),
                _time_text(each.failed_at_ms),
                _error_text(each),
            )
            for each in letters
        ],
    )


@commands.command("show")
def show_letter(
    path: FilePath,
    handler: Annotated[str, typer.Argument(metavar="HANDLER")],
    sequence_number: Annotated[str, typer.Argument(metavar="SEQUENCE")],
    as_json: AsJSON = False,
) -> None:
    """Show one whole: its record, every attempt that is kept, and the tracebacks."""
    with open_existing(path) as app:
        try:
            letter = app.dead_letters.show(handler, sequence_number)
        except ValueError as error:
            raise CommandError(f"{error}; see `pelton dead-letters list {path}`") from error
    if as_json:
        print_json(_whole(letter))
        return
    print_facts(
        {
            "handler": letter.handler_name,
            "sequence number": letter.sequence_number,
            "table": letter.table_name,
            "shard": letter.shard_id,
            "event": letter.event_name,
            "key": orjson.dumps(_plain_key(letter)).decode(),
            "changed at": _time_text(letter.changed_at_ms),
            "given up at": _time_text(letter.failed_at_ms),
            "condition": letter.condition or "-",
            "attempts": _attempts_text(letter),
            "error": _error_text(letter),
            "record": letter.record.body.decode(),
        }
    )
    if not letter.failures and letter.traceback:
        print_line(f"\n{letter.traceback.rstrip()}")
    for number, attempt in enumerate(letter.failures, 1):
        with_others = f", with {attempt.records - 1} more" if attempt.records > 1 else ""
        print_line(f"\n{number}. {_time_text(attempt.at_ms)}{with_others}", "bold")
        if attempt.traceback:
            print_line(attempt.traceback.rstrip("\n"))
        else:
            print_line(f"{attempt.error_type}: {attempt.error_message}")


@commands.command("redrive")
def redrive(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE[:NAME]|PATH",
            help="The app, as in shop:app; or its file, which the app that runs then does it in.",
        ),
    ],
    handler: Handler = None,
    key: Key = None,
    as_json: AsJSON = False,
) -> None:
    """Deliver them to their handlers again, in order; also beside the app that runs.

    Of each item they go in order, up to the first that fails again. Exits with 1 if one has. With
    a file, the app that runs is asked to do it; if none does, the next that is started.
    """
    if Path(target).is_file():
        _ask(Path(target), handler, key, as_json)
        return
    app = import_app(target)
    try:
        result = app.dead_letters.redrive(handler, key=_python_key(key))
    except ValueError as error:
        raise CommandError(str(error)) from error
    finally:
        app.close()
    if as_json:
        print_json(
            {
                "delivered": result.delivered,
                "failed": [_summary(each) for each in result.failed],
                "waiting": result.waiting,
            }
        )
    else:
        print_line(f"delivered {result.delivered}", "green")
    if result.failed:
        first = result.failed[0]
        behind = f", {result.waiting} more wait behind them" if result.waiting else ""
        raise CommandError(
            f"{len(result.failed)} failed again{behind}; the first is {first.sequence_number} of "
            f"handler {first.handler_name!r}: {_error_text(first)}"
        )


def _ask(path: Path, handler: str | None, key: str | None, as_json: bool) -> None:
    with open_existing(path) as app:
        asked = app.dead_letters.ask_for_redrive(handler, key=_python_key(key))
    if as_json:
        print_json({"asked": asked})
    else:
        print_line(f"asked for {asked}", "green")


# --- texts ----------------------------------------------------------------------------------------


def _python_key(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    from pelton.handlers.python_values import item_to_python

    return item_to_python(parse_item(text, typed=False))


def _plain_key(letter: Letter) -> Any:
    return to_json(letter.whole_record["dynamodb"]["Keys"], typed=False)


def _attempts_text(letter: Letter) -> str:
    return str(letter.attempts) if letter.attempts or not letter.is_held else "held"


def _error_text(letter: Letter) -> str:
    if letter.error_type is None:
        return "-"
    return f"{letter.error_type}: {letter.error_message}"


def _summary(letter: Letter) -> dict[str, Any]:
    return {
        "handler": letter.handler_name,
        "sequence_number": letter.sequence_number,
        "table": letter.table_name,
        "event": letter.event_name,
        "key": _plain_key(letter),
        "condition": letter.condition,
        "attempts": letter.attempts,
        "is_held": letter.is_held,
        "changed_at_ms": letter.changed_at_ms,
        "failed_at_ms": letter.failed_at_ms,
        "error_type": letter.error_type,
        "error_message": letter.error_message,
    }


def _whole(letter: Letter) -> dict[str, Any]:
    return {
        **_summary(letter),
        "stream_arn": letter.stream_arn,
        "shard_id": letter.shard_id,
        "record": orjson.Fragment(letter.record.body),
        "traceback": letter.traceback,
        "failures": [each._asdict() for each in letter.failures],
    }


def _time_text(at_ms: int) -> str:
    """
    >>> _time_text(1_657_720_081_250)
    '2022-07-13 13:48:01.250Z'
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)
    return at.isoformat(" ", timespec="milliseconds") + "Z"
