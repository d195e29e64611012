"""The operations of the DynamoDB API: one module each, named as the operation is.

Each module has one function that takes the request apart on the caller's thread and returns the
work that answers it inside a transaction.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .batch_get_item import batch_get_item
from .batch_write_item import batch_write_item
from .create_table import create_table
from .delete_item import delete_item
from .delete_table import delete_table
from .describe_continuous_backups import describe_continuous_backups
from .describe_endpoints import describe_endpoints
from .describe_limits import describe_limits
from .describe_table import describe_table
from .describe_time_to_live import describe_time_to_live
from .get_item import get_item
from .list_tables import list_tables
from .list_tags_of_resource import list_tags_of_resource
from .operation import Mode, Operation
from .put_item import put_item
from .query import query
from .scan import scan
from .tag_resource import tag_resource
from .transact_get_items import transact_get_items
from .transact_write_items import transact_write_items
from .untag_resource import untag_resource
from .update_continuous_backups import update_continuous_backups
from .update_item import update_item
from .update_table import update_table
from .update_time_to_live import update_time_to_live


def _imported(module: str, name: str) -> Callable[..., Any]:
    """A function of an operation's module that is imported when it is called for the first time."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f".{module}", __name__), name)(*arguments)

    return call


def _of_partiql(module: str, mode_of: str) -> Operation:
    # Its grammar is a tenth of all there is to import, and most apps have no statements.
    return Operation(Mode.WRITE, _imported(module, module), _imported(module, mode_of))


ITEM_OPERATIONS: dict[str, Operation] = {
    "BatchExecuteStatement": _of_partiql("batch_execute_statement", "batch_mode"),
    "BatchGetItem": Operation(Mode.READ, batch_get_item),
    "BatchWriteItem": Operation(Mode.WRITE, batch_write_item),
    "DeleteItem": Operation(Mode.WRITE, delete_item),
    "ExecuteStatement": _of_partiql("execute_statement", "statement_mode"),
    "ExecuteTransaction": _of_partiql("execute_transaction", "transaction_mode"),
    "GetItem": Operation(Mode.LOOK_UP, get_item),
    "PutItem": Operation(Mode.WRITE, put_item),
    "Query": Operation(Mode.READ, query),
    "Scan": Operation(Mode.READ, scan),
    "TransactGetItems": Operation(Mode.READ, transact_get_items),
    "TransactWriteItems": Operation(Mode.WRITE, transact_write_items),
    "UpdateItem": Operation(Mode.WRITE, update_item),
}

TABLE_OPERATIONS: dict[str, Operation] = {
    "CreateTable": Operation(Mode.CATALOG, create_table),
    "DeleteTable": Operation(Mode.CATALOG, delete_table),
    "DescribeContinuousBackups": Operation(Mode.LOOK_UP, describe_continuous_backups),
    "DescribeEndpoints": Operation(Mode.LOOK_UP, describe_endpoints),
    "DescribeLimits": Operation(Mode.LOOK_UP, describe_limits),
    "DescribeTable": Operation(Mode.READ, describe_table),
    "DescribeTimeToLive": Operation(Mode.LOOK_UP, describe_time_to_live),
    "ListTables": Operation(Mode.LOOK_UP, list_tables),
    "ListTagsOfResource": Operation(Mode.LOOK_UP, list_tags_of_resource),
    "TagResource": Operation(Mode.CATALOG, tag_resource),
    "UntagResource": Operation(Mode.CATALOG, untag_resource),
    "UpdateContinuousBackups": Operation(Mode.LOOK_UP, update_continuous_backups),
    "UpdateTable": Operation(Mode.CATALOG, update_table),
    "UpdateTimeToLive": Operation(Mode.CATALOG, update_time_to_live),
}

__all__ = ["ITEM_OPERATIONS", "TABLE_OPERATIONS", "Mode", "Operation"]
