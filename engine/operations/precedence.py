"""Which of a request's faults AWS tells, where it has several.

An operation checks what it needs in the order that is cheapest for requests without a fault. When
it found one, the checks that AWS makes before are made here, in AWS's order, and the first of them
that fails is told instead.

Source: answers of AWS as recorded in the test suites of dynalite and dynamodb-conformance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..catalog import Catalog
from ..errors import DynamoDBError, ValidationException
from ..expressions import NOT_SUPPORTED, Placeholders
from ..key_paths import ENTERED_KEY
from ..legacy import filter_condition, projection_from_names
from ..model import check_types
from ..schema import Table
from ..values import Item, normalise_item
from ..writes import PutWrite
from .expressions import check_placeholders_wanted, filter_of
from .get_item import projection_of, requested_projection
from .operation import Request
from .query import QUERY_EXPRESSIONS, content_of, key_condition_of
from .reading import INVALID_START, check_shows_all, check_start_count, check_start_member, index_of
from .scan import SCAN_EXPRESSIONS, segment_of

_TOLD_AT_ONCE = (
    "Can not use both expression and non-expression parameters",
    "ExpressionAttributeNames can only be specified",
    "ExpressionAttributeValues can only be specified",
)
"""How the errors begin that come before all that is checked here."""

_TOLD_WITHOUT_START = (
    "contains duplicates",
    "number set",
    "numeric value",
    "significant digits",
    "number with magnitude",
)
"""What the errors of a start key's values say that AWS tells without naming the start key."""


def raise_earlier_fault(
    catalog: Catalog, operation: str, request: Request, found: DynamoDBError
) -> None:
    """Raises the fault that AWS tells instead of `found`; returns where `found` comes first."""
    check_types(operation, request)
    if found.message.startswith(_TOLD_AT_ONCE) or operation not in _CHECKS:
        return
    expressions, check = _CHECKS[operation]
    if expressions:
        check_placeholders_wanted(request, *expressions)
    if not found.message.startswith("ConditionalOperator c"):
        check(catalog, request, found)


def _check_key(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    normalise_item(request["Key"])


def _check_item(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    PutWrite(request["Item"], None)


def _check_query(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    if request.get("QueryFilter") is not None:
        filter_condition(request["QueryFilter"], request.get("ConditionalOperator"))
    if request.get("AttributesToGet") is not None:
        projection_from_names(request["AttributesToGet"])
    _check_start_values(request)
    placeholders = _placeholders_of(request)
    _check_key_expression(request, placeholders)
    filter_of(request, placeholders)
    projection_of(request, placeholders)
    key_condition_of(request, placeholders)
    if request["TableName"] in catalog.tables:
        _check_query_keys(catalog.tables[request["TableName"]], request, placeholders, found)


def _check_key_expression(request: Request, placeholders: Placeholders) -> None:
    """Raises what is wrong with the expression itself; what no key can be asked comes later."""
    try:
        key_condition_of(request, placeholders)
    except ValidationException as error:
        if error.message.startswith("Invalid KeyConditionExpression"):
            raise


def _check_query_keys(
    table: Table, request: Request, placeholders: Placeholders, found: DynamoDBError
) -> None:
    """The start key and the condition, for one attribute of the key after the other."""
    index = index_of(table, request)
    key = table.key if index is None else index.key
    start = request.get("ExclusiveStartKey")
    conditions = key_condition_of(request, placeholders).conditions
    if start is not None:
        check_start_count(table, index, start, gives_reason=False)
    for name in key.names:
        if start is not None:
            check_start_member(table, start, name)
        if len(conditions) > len(key.names) or (name in key.partitions and name not in conditions):
            return
        for value in conditions[name][1] if name in conditions else ():
            if found.message == NOT_SUPPORTED:
                content_of(table.attribute_types[name], value)
    if index is not None and found.message.startswith(ENTERED_KEY):
        check_shows_all(index, request)


def _check_scan(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    if request.get("AttributesToGet") is not None:
        projection_from_names(request["AttributesToGet"])
    if request.get("ScanFilter") is not None:
        filter_condition(request["ScanFilter"], request.get("ConditionalOperator"))
    _check_start_values(request)
    segment_of(request)
    placeholders = _placeholders_of(request)
    filter_of(request, placeholders)
    projection_of(request, placeholders)
    start, table = request.get("ExclusiveStartKey"), catalog.tables.get(request["TableName"])
    index = None if table is None else index_of(table, request)
    if start is not None and table is not None and index is not None:
        check_start_count(table, index, start, gives_reason=False)
        for name in index.key.names:
            check_start_member(table, start, name)
        check_shows_all(index, request)


def _check_batch_get(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    for each in request["RequestItems"].values():
        requested_projection(each)
        keys = [normalise_item(key)[0] for key in each["Keys"]]
        if any(key in keys[:position] for position, key in enumerate(keys)):
            raise ValidationException("Provided list of item keys contains duplicates")


def _check_batch_write(catalog: Catalog, request: Request, found: DynamoDBError) -> None:
    for requests in request["RequestItems"].values():
        for each in requests:
            if each.get("PutRequest") is not None:
                _check_item(catalog, each["PutRequest"], found)
            elif each.get("DeleteRequest") is not None:
                _check_key(catalog, each["DeleteRequest"], found)


def _check_start_values(request: Request) -> None:
    start: Item | None = request.get("ExclusiveStartKey")
    try:
        normalise_item(start or {})
    except ValidationException as error:
        if any(words in error.message for words in _TOLD_WITHOUT_START):
            raise
        raise ValidationException(f"{INVALID_START}: {error.message}") from None


def _placeholders_of(request: Request) -> Placeholders:
    return Placeholders(
        request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    )


_CHECKS: dict[
    str, tuple[tuple[str, ...], Callable[[Catalog, dict[str, Any], DynamoDBError], None]]
] = {
    "GetItem": (("ProjectionExpression",), _check_key),
    "DeleteItem": (("ConditionExpression",), _check_key),
    "UpdateItem": (("UpdateExpression", "ConditionExpression"), _check_key),
    "PutItem": (("ConditionExpression",), _check_item),
    "Query": (QUERY_EXPRESSIONS, _check_query),
    "Scan": (SCAN_EXPRESSIONS, _check_scan),
    "BatchGetItem": ((), _check_batch_get),
    "BatchWriteItem": ((), _check_batch_write),
}
"""The expressions of an operation that may use placeholders, and its checks."""
