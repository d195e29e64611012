"""Changes of tables with write shards, shown with the keys that the table was given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any, cast

from ..engine import Database
from ..handlers.change import RecordChange, Show
from ..handlers.handler import Handler, Shape
from ..handlers.processes.here import Unopened
from ..handlers.python_values import item_to_python
from ..table import Table
from .write_shards import WriteShards


def show_original(table: Table) -> Show:
    """How a change shows an item of the table: as it was put into it."""
    return lambda item: table.original(item_to_python(item))


def with_original_keys(handler: Handler, table: Table) -> Handler:
    """The handler, called with items as they were put into `table`.

    One that takes Lambda's events is left as it is: an event is what AWS would send.
    """
    if handler.shape is Shape.BATCH:
        return handler
    function: Callable[[Any, Any], Any] = handler.function
    shown = show_original(table)

    def original(argument: Any) -> Any:
        if isinstance(argument, RecordChange):
            return argument.shown_by(shown)
        return table.original(argument)

    @wraps(function)
    async def called_on_loop(argument: Any, context: Any) -> Any:
        return await function(original(argument), context)

    @wraps(function)
    def called(argument: Any, context: Any) -> Any:
        return function(original(argument), context)

    return replace(
        handler,
        function=called_on_loop if handler.is_async else called,
        wrap=partial(_wrap, table.name, table.key_names, table.write_shards),
    )


def _wrap(
    name: str, key_names: tuple[str, ...], write_shards: WriteShards | None, handler: Handler
) -> Handler:
    """The same in a process of the handler, which has no file open."""
    database = cast(Database, Unopened())
    return with_original_keys(handler, Table(database, name, key_names, write_shards))
