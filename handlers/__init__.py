"""Handlers: the functions that the changes of tables call, and the dispatcher that calls them.

Stands on `pelton.streams`, which it reads, and `pelton.engine`, where it keeps its positions.
"""

from .change import RecordChange
from .context import Context
from .dead_letters import TABLE_NAME as DEAD_LETTER_TABLE
from .dispatcher import Dispatcher
from .errors import CycleError, OwnershipLostError, RecordsTrimmedError
from .handler import Handler, Shape
from .mapping import EventSourceMapping
from .stats import MappingStats
from .transaction import HandlerTransaction

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
