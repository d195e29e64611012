"""Python calls as requests of the DynamoDB API, and its answers as Python values; nothing is sent.

`Table` and its asynchronous view are made from the methods here, so that what a call means is
written once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from .handlers.python_values import item_to_python, item_to_wire, to_wire

R = TypeVar("R")

Names = Mapping[str, str]
Values = Mapping[str, Any]
Item = dict[str, Any]
"""An item as Python values, by the names of its attributes."""

WRITES_MAX = 25
"""The most writes that one BatchWriteItem takes."""


class Call(NamedTuple, Generic[R]):
    """One request, and how its answer becomes the caller's result."""

    operation: str
    request: dict[str, Any]
    decode: Callable[[dict[str, Any]], R]


Steps: TypeAlias = Generator[list[Call[Any]], list[Any], R]
"""Several requests, one set after the other: gives what to ask, takes the results of all of it."""

Asked: TypeAlias = Call[R] | Steps[R]
"""What a method of a table asks."""


class Pages(Protocol):
    """What is left of a Query or Scan: the pages to get now, and what to make of them."""

    @property
    def wanted(self) -> list[tuple[str, dict[str, Any]]]:
        """The operations and their requests, each for one page."""

    def take(self, answers: list[dict[str, Any]]) -> tuple[list[Item], Pages | None]:
        """The items that come next, by the answers to all that was wanted, and what is left."""


class Paging(NamedTuple):
    """A Query or Scan, and how many more items its caller wants (None: all)."""

    operation: str
    request: dict[str, Any]
    items_left: int | None
    shown: Callable[[dict[str, Any]], Item] = item_to_python
    """The item of the caller, by one in wire form."""

    @property
    def wanted(self) -> list[tuple[str, dict[str, Any]]]:
        return [(self.operation, self.request)]

    def take(self, answers: list[dict[str, Any]]) -> tuple[list[Item], Pages | None]:
        """The items of one page, and the request for the next, None when there is no need."""
        [answer] = answers
        items = [self.shown(item) for item in answer["Items"][: self.items_left]]
        left = None if self.items_left is None else self.items_left - len(items)
        behind = answer.get("LastEvaluatedKey")
        if behind is None or left == 0:
            return items, None
        request = {**self.request, "ExclusiveStartKey": behind}
        return items, self._replace(request=request, items_left=left)


class TableRequests:
    """The requests on one table, and what each of them does when it is sent."""

    def __init__(self, name: str) -> None:
        self.name = name

    # --- what a table may do in its own way ----------------------------------------------------

    def stored_item(self, item: dict[str, Any]) -> dict[str, Any]:
        """An item as the table keeps it, both in wire form."""
        return item

    def stored_key(self, key: dict[str, Any]) -> dict[str, Any]:
        """The key of an item as the table keeps it, both in wire form."""
        return key

    def original(self, item: Item) -> Item:
        """An item as it was given to the table; it may be the same, changed."""
        return item

    def check_update(self, expression: str, names: Names | None) -> None:
        """Raises ValueError for an update that the table does not allow, whatever its item is."""

    def _asked(
        self,
        operation: str,
        request: dict[str, Any],
        decode: Callable[[dict[str, Any]], Item | None],
    ) -> Asked[Item | None]:
        """What to ask for a request on one item."""
        return Call(operation, request, decode)

    def _paged(self, operation: str, request: dict[str, Any], limit: int | None) -> Pages:
        """What to ask for a Query or Scan of at most `limit` items."""
        return paging(operation, request, limit)

    # --- the requests --------------------------------------------------------------------------

    def put(
        self,
        item: Mapping[str, Any],
        *,
        condition: str | None = None,
        names: Names | None = None,
        values: Values | None = None,
        returns: Literal["NONE", "ALL_OLD"] = "NONE",
    ) -> Asked[Item | None]:
        """Replaces an item whole, or creates it; `returns="ALL_OLD"` gives what stood there.

        Raises ConditionalCheckFailedException when `condition` does not hold.
        """
        request = self._request(
            names,
            values,
            Item=item_to_wire(item),
            ConditionExpression=condition,
            ReturnValues=returns,
        )
        return self._asked("PutItem", request, attributes_of)

    def get(
        self,
        key: Mapping[str, Any],
        *,
        projection: str | None = None,
        names: Names | None = None,
        consistent: bool = False,
    ) -> Asked[Item | None]:
        """The item of a key, or the part of it that `projection` names; None if there is none."""
        request = self._request(
            names,
            None,
            Key=item_to_wire(key),
            ProjectionExpression=projection,
            ConsistentRead=consistent or None,
        )
        return self._asked("GetItem", request, item_of)

    def update(
        self,
        key: Mapping[str, Any],
        expression: str,
        *,
        condition: str | None = None,
        names: Names | None = None,
        values: Values | None = None,
        returns: Literal["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] = "NONE",
    ) -> Asked[Item | None]:
        """Changes parts of an item by an update expression, or creates it.

        `returns` says which of its attributes to give: all or the updated ones, old or new.
        Raises ConditionalCheckFailedException when `condition` does not hold.
        """
        request = self._request(
            names,
            values,
            Key=item_to_wire(key),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ReturnValues=returns,
        )
        return self._asked("UpdateItem", request, attributes_of)

    def delete(
        self,
        key: Mapping[str, Any],
        *,
        condition: str | None = None,
        names: Names | None = None,
        values: Values | None = None,
        returns: Literal["NONE", "ALL_OLD"] = "NONE",
    ) -> Asked[Item | None]:
        """Removes an item if it is there; `returns="ALL_OLD"` gives what it was.

        Raises ConditionalCheckFailedException when `condition` does not hold.
        """
        request = self._request(
            names,
            values,
            Key=item_to_wire(key),
            ConditionExpression=condition,
            ReturnValues=returns,
        )
        return self._asked("DeleteItem", request, attributes_of)

    def describe(self) -> Call[dict[str, Any]]:
        """The table as DescribeTable tells of it."""
        return Call("DescribeTable", {"TableName": self.name}, _table_of)

    def query(
        self,
        key_condition: str,
        *,
        values: Values | None = None,
        names: Names | None = None,
        filter: str | None = None,
        projection: str | None = None,
        index: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        consistent: bool = False,
    ) -> Pages:
        """The items of one partition key in the order of the sort key, page after page.

        `limit` bounds the items given. Errors come with the first item asked for.
        """
        request = self._request(
            names,
            values,
            KeyConditionExpression=key_condition,
            FilterExpression=filter,
            ProjectionExpression=projection,
            IndexName=index,
            ScanIndexForward=False if reverse else None,
            ConsistentRead=consistent or None,
        )
        return self._paged("Query", request, limit)

    def scan(
        self,
        *,
        filter: str | None = None,
        values: Values | None = None,
        names: Names | None = None,
        projection: str | None = None,
        index: str | None = None,
        limit: int | None = None,
        consistent: bool = False,
        segment: tuple[int, int] | None = None,
    ) -> Pages:
        """All items, page after page; `segment=(0, 4)` gives the first of four disjoint parts.

        `limit` bounds the items given. Errors come with the first item asked for.
        """
        part, parts = (None, None) if segment is None else segment
        request = self._request(
            names,
            values,
            FilterExpression=filter,
            ProjectionExpression=projection,
            IndexName=index,
            Segment=part,
            TotalSegments=parts,
            ConsistentRead=consistent or None,
        )
        return self._paged("Scan", request, limit)

    def write_batch(self, writes: Iterable[dict[str, Any]]) -> Call[list[dict[str, Any]]]:
        """At most 25 puts and deletes in wire form; gives back those that were not done."""
        request = {"RequestItems": {self.name: list(writes)}}
        return Call("BatchWriteItem", request, self._unprocessed_of)

    def _unprocessed_of(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        left: list[dict[str, Any]] = answer.get("UnprocessedItems", {}).get(self.name, [])
        return left

    def _request(
        self, names: Names | None, values: Values | None, **members: Any
    ) -> dict[str, Any]:
        """A request on this table with those members that are not None."""
        request: dict[str, Any] = {"TableName": self.name}
        request |= {name: member for name, member in members.items() if member is not None}
        if names is not None:
            request["ExpressionAttributeNames"] = dict(names)
        if values is not None:
            request["ExpressionAttributeValues"] = {
                placeholder: to_wire(value) for placeholder, value in values.items()
            }
        return request


def attributes_of(answer: dict[str, Any]) -> Item | None:
    """The `Attributes` of a write's answer, None when there are none."""
    attributes = answer.get("Attributes")
    return None if attributes is None else item_to_python(attributes)


def item_of(answer: dict[str, Any]) -> Item | None:
    """The `Item` of a read's answer, None when there is none."""
    item = answer.get("Item")
    return None if item is None else item_to_python(item)


def _table_of(answer: dict[str, Any]) -> dict[str, Any]:
    description: dict[str, Any] = answer["Table"]
    return description


def paging(
    operation: str,
    request: dict[str, Any],
    limit: int | None,
    shown: Callable[[dict[str, Any]], Item] = item_to_python,
) -> Paging:
    """The pages of one Query or Scan, of at most `limit` items."""
    # DynamoDB counts its Limit before the filter; callers count what they are given.
    if limit is not None and "FilterExpression" not in request:
        request["Limit"] = limit
    return Paging(operation, request, limit, shown)


class BatchWrites:
    """Puts and deletes waiting to be sent; of several on one key only the last is kept."""

    def __init__(self, requests: TableRequests, key_names: tuple[str, ...]) -> None:
        self._requests = requests
        self._key_names = key_names
        self._waiting: dict[tuple[Hashable, ...], dict[str, Any]] = {}

    def put(self, item: Mapping[str, Any]) -> None:
        wire = item_to_wire(item)
        self._add(wire, {"PutRequest": {"Item": self._requests.stored_item(wire)}})

    def delete(self, key: Mapping[str, Any]) -> None:
        wire = item_to_wire(key)
        self._add(wire, {"DeleteRequest": {"Key": self._requests.stored_key(wire)}})

    def _add(self, wire: dict[str, Any], write: dict[str, Any]) -> None:
        key = tuple(_comparable(wire.get(name)) for name in self._key_names)
        self._waiting.pop(key, None)
        self._waiting[key] = write

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= WRITES_MAX

    def take(self) -> Call[list[dict[str, Any]]] | None:
        """The request for what waits, None when nothing does."""
        if not self._waiting:
            return None
        writes, self._waiting = self._waiting, {}
        return self._requests.write_batch(writes.values())

    def again(self, left: list[dict[str, Any]]) -> Call[list[dict[str, Any]]] | None:
        """The request for what a request before left undone, None when it left nothing."""
        return self._requests.write_batch(left) if left else None


def _comparable(value: dict[str, Any] | None) -> Hashable:
    """A key value such that equal numbers are equal, however they are written."""
    if value is not None and "N" in value:
        return Decimal(value["N"])
    return repr(value)
