"""An app that is only declared: in a process of a handler, whose module has made one.

The module of a function names tables and registers handlers when it is imported, and so it does in
the process that runs the function. There the app opens no file and starts nothing; its tables are
there for `context.transaction`.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast

from .app import App
from .definitions import TableDefinition
from .engine import Database
from .handlers import EventSourceMapping
from .handlers.processes.here import Unopened
from .handlers.schedule import Schedule
from .streams import Streams


class DeclaredApp(App):
    """Takes every declaration, and refuses whatever needs the file."""

    def _open(self, *arguments: Any, **options: Any) -> None:
        self.database = cast(Database, Unopened())
        self.streams = cast(Streams, self.database)

    def _create_or_verify(self, definition: TableDefinition) -> None:
        pass

    def _register(self, mapping: EventSourceMapping) -> None:
        pass

    def _register_schedule(self, schedule: Schedule) -> None:
        pass

    def effect(self, name: Any = None, **options: Any) -> Any:
        return name if callable(name) else _unchanged

    def start(self, *arguments: Any, **options: Any) -> NoReturn:
        raise RuntimeError(
            "the module of a handler that runs in a process starts the app when it is imported: "
            'put that under `if __name__ == "__main__"`'
        )

    def close(self) -> None:
        pass


def declared(kind: type[App]) -> type[App]:
    """What an app of a kind is in a process of a handler."""
    return type(kind.__name__, (DeclaredApp, kind), {})


def _unchanged(function: Any) -> Any:
    return function
