"""Handlers: the functions that the changes of tables call, and the dispatcher that calls them.

Stands on `pelton.streams`, which it reads, and `pelton.engine`, where it keeps its positions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    # what is to be called
    "EventSourceMapping",
    "Handler",
    "Shape",
    # what calls it
    "Dispatcher",
    "MappingStats",
    "CycleError",
    "OwnershipLostError",
    "RecordsTrimmedError",
    "DEAD_LETTER_TABLE",
    # what it is called with
    "Context",
    "HandlerTransaction",
    "RecordChange",
]

if TYPE_CHECKING:
    from .change import RecordChange as RecordChange
    from .context import Context as Context
    from .dead_letters import TABLE_NAME as DEAD_LETTER_TABLE  # noqa: F401
    from .dispatcher import Dispatcher as Dispatcher
    from .errors import CycleError as CycleError
    from .errors import OwnershipLostError as OwnershipLostError
    from .errors import RecordsTrimmedError as RecordsTrimmedError
    from .handler import Handler as Handler
    from .handler import Shape as Shape
    from .mapping import EventSourceMapping as EventSourceMapping
    from .stats import MappingStats as MappingStats
    from .transaction import HandlerTransaction as HandlerTransaction

_HOMES = {
    "Context": ".context",
    "DEAD_LETTER_TABLE": ".dead_letters",
    "Dispatcher": ".dispatcher",
    "EventSourceMapping": ".mapping",
    "Handler": ".handler",
    "HandlerTransaction": ".transaction",
    "MappingStats": ".stats",
    "RecordChange": ".change",
    "Shape": ".handler",
}


def __getattr__(name: str) -> Any:
    # An app that only reads and writes tables needs neither the dispatcher nor what it stands on.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(_HOMES.get(name, ".errors"), __name__)
    value = getattr(home, "TABLE_NAME" if name == "DEAD_LETTER_TABLE" else name)
    globals()[name] = value
    return value
