"""`pelton run`: an app as a long-lived process."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from .logs import Log, set_up_log
from .output import print_line
from .stopping import stop_signals


def run(
    app_path: Annotated[
        str, typer.Argument(metavar="MODULE[:NAME]", help="Where the app is, as in shop:app.")
    ],
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Serve its tables and functions too; 0 takes any free port."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    allow_remote: Annotated[
        bool,
        typer.Option(
            "--allow-remote",
            help="Let other machines in although requests are not authenticated.",
        ),
    ] = False,
    log: Log = "text",
) -> None:
    """Run an app: its functions are called for every change until SIGTERM or Ctrl-C."""
    import pelton

    from .importing import import_app

    set_up_log(log, logging.INFO)
    app = import_app(app_path)
    if log == "json":
        app.note_calls()
    with stop_signals() as stopping, app:
        if port is None:
            print_line(f"pelton {pelton.__version__} running {app_path}", "green")
            stopping.wait()
            return
        from pelton.server import Server

        server = Server(
            app.database,
            host=host,
            port=port,
            allow_remote=allow_remote,
            apps=[app],
        )
        with server:
            print_line(f"pelton {pelton.__version__} running {app_path} at {server.url}", "green")
            stopping.wait()
