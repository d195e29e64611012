"""The `pelton` command: its verbs put together, and every error as one line with an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import pelton

from . import dead_letters, dev, item, mappings, partitions, pins, run, serve, stream, table, top
from .failure import CommandError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

commands = typer.Typer(
    name="pelton",
    help="DynamoDB tables in one file whose every change calls a function.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
commands.command("serve")(serve.serve)
commands.command("run")(run.run)
commands.command("dev")(dev.dev)
commands.command("top")(top.top)
commands.add_typer(table.commands, name="table")
commands.add_typer(item.commands, name="item")
commands.add_typer(stream.commands, name="stream")
commands.add_typer(partitions.commands, name="partitions")
commands.add_typer(mappings.commands, name="mappings")
commands.add_typer(pins.commands, name="pins")
commands.add_typer(dead_letters.commands, name="dead-letters")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pelton {pelton.__version__}")
        raise typer.Exit


@commands.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say which one."),
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 not understood."""
    command = typer.main.get_command(commands)
    try:
        result = command.main(arguments, prog_name="pelton", standalone_mode=False)
    except CommandError as error:
        return _fail(str(error), EXIT_FAILURE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except Exception as error:
        # typer's errors about usage have no public base class: typer carries a click of its own.
        if hasattr(error, "format_message"):
            return _explain_usage(error)
        # The engine is imported by the commands that need it, not to print help.
        if isinstance(error, pelton.PeltonError):
            return _fail(str(error), EXIT_FAILURE)
        raise
    return result if isinstance(result, int) else 0


def _explain_usage(error: Exception) -> int:
    message: str = error.format_message()  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return EXIT_USAGE
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "pelton"
    return _fail(f"{message.rstrip('.')}; see `{command} --help`", EXIT_USAGE)


def _fail(message: str, code: int) -> int:
    print(f"pelton: {message}", file=sys.stderr)
    return code
