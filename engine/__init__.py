"""Tables: values, keys, expressions, items, indexes, transactions and storage.

Nothing here knows of streams or handlers; they watch through `Database.change_observers` and
`Catalog.observers`, inside the transactions that make the changes.
"""

from .changes import Change
from .clock import Clock, ManualClock, SystemClock
from .database import Database
from .errors import DynamoDBError, PeltonError, StoreError
from .partitions import Partition, PartitionLimits
from .schema import Table
from .strictness import Strictness

__all__ = [
    # the region
    "Database",
    "Table",
    "Partition",
    "PartitionLimits",
    # how hard it is on its clients
    "Strictness",
    # what observers see
    "Change",
    # time
    "Clock",
    "ManualClock",
    "SystemClock",
    # errors
    "DynamoDBError",
    "PeltonError",
    "StoreError",
]
