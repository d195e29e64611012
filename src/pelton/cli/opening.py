"""Opening files for a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .failure import CommandError

if TYPE_CHECKING:
    from pelton import App

FilePath = Annotated[Path, typer.Argument(metavar="PATH", help="The file of a region.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def open_existing(path: Path) -> Iterator[App]:
    """The region in a file that exists, also while another process has it open.

    Raises CommandError where there is no such file: looking must not create one.
    """
    if not path.is_file():
        raise CommandError(f"there is no file {path}: create it with `pelton table create {path}`")
    with open_file(path) as app:
        yield app


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[App]:
    """The region in a file, created unless it exists."""
    from pelton import App

    app = App(path)
    try:
        yield app
    finally:
        app.close()
