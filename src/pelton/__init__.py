"""DynamoDB tables in one SQLite file; every change of a table calls the functions that wait for it.

>>> import pelton
>>> app = pelton.App(":memory:")
>>> users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")
>>> @app.on_insert(users)
... def welcome(user, context):
...     print("welcome,", user["name"])
>>> with app:
...     users.put({"user_id": "u1", "name": "Ada"})
...     app.drain()
welcome, Ada
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    # the face
    "App",
    "Index",
    "Stream",
    "Table",
    "WriteShards",
    # what handlers are called with
    "Context",
    "Item",
    "RecordChange",
    # time
    "ManualClock",
    # for tests
    "PartitionLimits",
    "Strictness",
    "StreamLimits",
    # errors
    "ConditionalCheckFailedException",
    "CycleError",
    "DynamoDBError",
    "PeltonError",
    "RecordsTrimmedError",
    "ResourceNotFoundException",
    "TransactionCanceledException",
    "TrimmedDataAccessException",
    "ValidationException",
    # about this package
    "__version__",
]

if TYPE_CHECKING:
    from .app import App as App
    from .definitions import Index as Index
    from .engine.clock import ManualClock as ManualClock
    from .engine.errors import ConditionalCheckFailedException as ConditionalCheckFailedException
    from .engine.errors import DynamoDBError as DynamoDBError
    from .engine.errors import PeltonError as PeltonError
    from .engine.errors import ResourceNotFoundException as ResourceNotFoundException
    from .engine.errors import TransactionCanceledException as TransactionCanceledException
    from .engine.errors import TrimmedDataAccessException as TrimmedDataAccessException
    from .engine.errors import ValidationException as ValidationException
    from .engine.partitions import PartitionLimits as PartitionLimits
    from .engine.strictness import Strictness as Strictness
    from .handlers import Context as Context
    from .handlers import CycleError as CycleError
    from .handlers import RecordChange as RecordChange
    from .handlers import RecordsTrimmedError as RecordsTrimmedError
    from .requests import Item as Item
    from .stream import Stream as Stream
    from .streams.limits import StreamLimits as StreamLimits
    from .table import Table as Table
    from .write_sharding import WriteShards as WriteShards

_HOMES = {
    "App": ".app",
    "Context": ".handlers",
    "CycleError": ".handlers",
    "Index": ".definitions",
    "Item": ".requests",
    "ManualClock": ".engine.clock",
    "PartitionLimits": ".engine.partitions",
    "RecordChange": ".handlers",
    "RecordsTrimmedError": ".handlers",
    "Stream": ".stream",
    "StreamLimits": ".streams.limits",
    "Strictness": ".engine.strictness",
    "Table": ".table",
    "WriteShards": ".write_sharding",
}


def __getattr__(name: str) -> Any:
    # Names are imported when they are first used: `import pelton` stays quick for the command line.
    if name not in __all__:
        raise AttributeError(f"module 'pelton' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, ".engine.errors"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
