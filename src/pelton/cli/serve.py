"""`pelton serve`: a server for DynamoDB clients."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .failure import CommandError
from .importing import import_app
from .limits import limits_of
from .logs import Log, LogForm, set_up_log
from .output import print_line
from .regions import files_of_regions
from .stopping import stop_signals

if TYPE_CHECKING:
    from pelton import App, Strictness

Durability = Literal["FULL", "NORMAL"]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ORIGIN",
        help="Let web pages of this origin, such as https://app.example.com, use the server "
        "from a browser; * lets all. May be given several times.",
    ),
]
Switches = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SWITCH",
        help="Be as hard on clients as AWS is, for tests: throttles, or a switch with its value, "
        "such as unprocessed_probability=0.2. May be given several times.",
    ),
]

Limits = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Change one of AWS's limits, for tests: shard_seconds_max=1 rolls shards every "
        "second, retention_seconds=10 keeps records for ten. May be given several times.",
    ),
]
RegionNames = Annotated[
    list[str] | None,
    typer.Option(
        help="The name of PATH's region, or NAME=FILE for one more region. One region alone "
        "answers for all names; of several, the one a request is signed for answers.",
    ),
]
AppPath = Annotated[
    str | None,
    typer.Option(
        "--app",
        metavar="MODULE[:NAME]",
        help="Serve the file of an app instead, with its functions: they are called for every "
        "change, and Lambda's API manages them.",
    ),
]


def serve(
    path: Annotated[
        str | None,
        typer.Argument(help="The file to serve, created unless it exists; :memory: keeps nothing."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    region: RegionNames = None,
    durability: Annotated[
        Durability,
        typer.Option(
            help="FULL: a write that was answered survives power loss. NORMAL: it survives the "
            "end of the process.",
        ),
    ] = "FULL",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Let other machines in although requests are not authenticated.",
        ),
    ] = False,
    cors: Origins = None,
    strict: Switches = None,
    limit: Limits = None,
    app: AppPath = None,
    log: Log = "text",
) -> None:
    """Serve a file to every client that speaks DynamoDB's protocol, until SIGTERM or Ctrl-C."""
    import pelton
    from pelton.server import Server

    set_up_log(log, logging.WARNING)
    strictness = _strictness_of(strict or [])
    with ExitStack() as opened:
        if app is not None:
            if path or region or limit:
                raise CommandError("--app goes without PATH, --region and --limit: the app says")
            apps = _started_app(app, strictness, log, opened)
            what = app
        else:
            files = files_of_regions(path, region or [])
            apps = _opened_files(files, durability, strictness, limit or [], opened)
            named = (f"{name}={file}" for name, file in files.items())
            what = next(iter(files.values())) if len(files) == 1 else ", ".join(named)
        with stop_signals() as stopping:
            server = Server(
                {name: each.database for name, each in apps.items()},
                host=host,
                port=port,
                allow_remote=allow_remote,
                cors_origins=cors or [],
                apps=apps.values(),
            )
            with server:
                print_line(f"pelton {pelton.__version__} serving {what} at {server.url}", "green")
                stopping.wait()


def _opened_files(
    files: dict[str, str],
    durability: Durability,
    strictness: Strictness,
    limits: list[str],
    opened: ExitStack,
) -> dict[str, App]:
    """Files by their regions, each as an app without functions; `opened` closes them."""
    from pelton import App

    partition_limits, stream_limits = limits_of(limits)
    apps = {}
    for name, file in files.items():
        app = App(
            file,
            region=name,
            durability=durability,
            strictness=strictness,
            partition_limits=partition_limits,
            stream_limits=stream_limits,
        )
        opened.callback(app.close)
        apps[name] = app
    return apps


def _started_app(
    app_path: str, strictness: Strictness, log: LogForm, opened: ExitStack
) -> dict[str, App]:
    """An app by its region, its functions at work."""
    app = import_app(app_path)
    if log == "json":
        app.note_calls()
    if strictness != type(strictness)():
        app.strictness = strictness
    opened.enter_context(app)
    return {app.database.region: app}


def _strictness_of(options: list[str]) -> Strictness:
    from pelton import Strictness

    try:
        return Strictness.from_options(options)
    except ValueError as error:
        raise CommandError(f"--strict: {error}") from error
