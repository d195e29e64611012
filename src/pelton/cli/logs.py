"""What a long-running command tells in its log, on the error output."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import typer

LogForm = Literal["text", "json"]
Log = Annotated[
    LogForm,
    typer.Option(
        "--log",
        help="text for people, or a line of JSON each, with the handler, the record and the call "
        "that it is about.",
    ),
]


def set_up_log(form: LogForm, level: int) -> None:
    """Has the log written, from `level` on."""
    if form == "text":
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
        return
    from pelton.handlers.logs import CallFilter, JSONLines

    writer = logging.StreamHandler()
    writer.addFilter(CallFilter())
    writer.setFormatter(JSONLines())
    logging.basicConfig(level=level, handlers=[writer])
