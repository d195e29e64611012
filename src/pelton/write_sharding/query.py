"""A Query of a key that is spread over write shards, as one Query a shard."""

from __future__ import annotations

import math
from typing import Any

from ..engine import DynamoDBError
from ..engine.expressions import Placeholders, bind_key_condition, bind_projection
from ..engine.expressions.parser import parse_condition, parse_projection
from ..engine.expressions.tokens import InvalidExpression
from ..engine.indexes import encode_index_parts
from ..engine.keys import raw_bytes
from ..engine.schema import Index, Table
from ..engine.values import AttributeValue
from ..handlers.python_values import item_to_python
from ..requests import Item, Pages, paging
from .merging import Merging, Place
from .write_shards import BY_SORT_KEY, StoredKeys

Request = dict[str, Any]
Condition = dict[str, tuple[str, list[AttributeValue]]]

KEY = ":pelton_key"
"""The placeholder of the stored key, which differs from shard to shard."""


class ShardedQuery:
    """The Queries of the shards of one key: the same request but for the key, written anew."""

    def __init__(
        self,
        keys: StoredKeys,
        table: Table,
        index: Index | None,
        request: Request,
        condition: Condition,
    ) -> None:
        self._keys = keys
        self._table = table
        self._condition = condition
        _, [value] = condition[keys.partition]
        self._original: str = value["S"]
        own_sorts = () if index is None else index.key.sorts
        self._sorts = (*own_sorts, keys.sort)
        """The attributes that say where an item stands in the order."""
        self._hidden: tuple[str, ...] = ()
        self._request = self._rewritten(request)

    @classmethod
    def of(cls, keys: StoredKeys, table: Table, request: Request) -> ShardedQuery | None:
        """The Queries for a Query of a key that is spread.

        None where one will do: its partition key is another, or it is one that is refused.
        Raises ValueError for an index that has stored keys in another place.
        """
        name = request.get("IndexName")
        index = None if name is None else table.index_named(name)
        if name is not None and index is None:
            return None
        key = table.key if index is None else index.key
        if keys.partition not in key.names:
            return None
        if key.partitions != (keys.partition,):
            raise ValueError(
                f"index {name!r} cannot be queried here: what is stored of {keys.partition!r} is "
                "not what you gave, and it stands beside other attributes of the index's key"
            )
        try:
            bound = bind_key_condition(request["KeyConditionExpression"], _placeholders_of(request))
            operator, values = bound.conditions.get(keys.partition, ("", []))
            if operator != "=" or not keys.has_original({keys.partition: values[0]}):
                return None
            return cls(keys, table, index, request, bound.conditions)
        except (DynamoDBError, InvalidExpression):
            return None  # the engine says so in AWS's words

    def pages(self, limit: int | None) -> Pages:
        """The pages of all the shards that may have items, of at most `limit` items together."""
        number = self._only_number()
        if number is not None:
            return paging("Query", self._of_shard(number), limit, self._shown)
        count = self._keys.shards.count
        request = self._request
        if limit is not None and "FilterExpression" not in request:
            self._request = {**request, "Limit": _share_of(limit, count)}
        return Merging(
            [self._of_shard(number) for number in range(count)],
            self._place_getter(),
            self._shown,
            reverse=request.get("ScanIndexForward") is False,
            limit=limit,
        )

    def _only_number(self) -> int | None:
        """The shard of the only item there can be, where the condition has the table's sort key."""
        if self._keys.shards.by != BY_SORT_KEY:
            return None
        operator, values = self._condition.get(self._keys.sort, ("", []))
        return self._keys.shards.number_of(values[0]) if operator == "=" else None

    def _of_shard(self, number: int) -> Request:
        stored = {"S": self._keys.shards.key(self._original, number)}
        values = {**self._request["ExpressionAttributeValues"], KEY: stored}
        return {**self._request, "ExpressionAttributeValues": values}

    def _place_getter(self) -> Place:
        table, sorts = self._table, self._sorts
        if len(sorts) > 1:
            return lambda item: encode_index_parts(table, sorts, item)
        # A value alone needs no mark of its end to sort by its bytes.
        [name], kind = sorts, table.attribute_types[sorts[0]]
        return lambda item: raw_bytes(kind, item[name][kind])

    def _shown(self, item: Request) -> Item:
        """An item with the key that was asked for, without what was got only to put it in order."""
        shown = item_to_python(item)
        for name in self._hidden:
            shown.pop(name, None)
        if self._keys.partition in shown:
            shown[self._keys.partition] = self._original
        return shown

    # --- the request ---------------------------------------------------------------------------

    def _rewritten(self, request: Request) -> Request:
        """The request with placeholders of its own in the key condition, but for the key's value.

        A placeholder of the caller's may stand for the key and for something else at once.
        """
        parts, names, values = [], *_other_placeholders(request)
        for place, (name, (operator, operands)) in enumerate(self._condition.items()):
            names[f"#pelton_{place}"] = name
            shown = [f":pelton_{place}_{number}" for number in range(len(operands))]
            if name == self._keys.partition:
                shown = [KEY]
            else:
                values |= zip(shown, operands, strict=True)
            parts.append(_part(f"#pelton_{place}", operator, shown))
        changed = {
            "KeyConditionExpression": " AND ".join(parts),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        projection = request.get("ProjectionExpression")
        if projection is not None:
            seen = bind_projection(projection, _placeholders_of(request)).top_level
            self._hidden = tuple(name for name in self._sorts if name not in seen)
            added = {f"#pelton_sort_{n}": name for n, name in enumerate(self._hidden)}
            names |= added
            changed["ProjectionExpression"] = ", ".join((projection, *added))
        return {**request, **changed}


def _share_of(limit: int, count: int) -> int:
    """How many items to get of each of `count` shards, so that few have to be asked twice.

    By chance some shards have more than their share of the first items, as a rule not more than two
    standard deviations. Limits that are refused stay as they are.
    """
    if limit <= 0:
        return limit
    share = limit / count
    return min(limit, math.ceil(share + 2 * math.sqrt(share) + 1))


def _part(name: str, operator: str, values: list[str]) -> str:
    if operator == "BETWEEN":
        return f"{name} BETWEEN {values[0]} AND {values[1]}"
    if operator == "begins_with":
        return f"begins_with({name}, {values[0]})"
    return f"{name} {operator} {values[0]}"


def _other_placeholders(request: Request) -> tuple[dict[str, str], dict[str, AttributeValue]]:
    """The names and values that are not there for the key condition alone."""
    alone = set(parse_condition(request["KeyConditionExpression"]).placeholders)
    if "FilterExpression" in request:
        alone.difference_update(parse_condition(request["FilterExpression"]).placeholders)
    if "ProjectionExpression" in request:
        alone.difference_update(parse_projection(request["ProjectionExpression"]).placeholders)
    names, values = (
        {placeholder: each for placeholder, each in given.items() if placeholder not in alone}
        for given in (
            request.get("ExpressionAttributeNames", {}),
            request.get("ExpressionAttributeValues", {}),
        )
    )
    return names, values


def _placeholders_of(request: Request) -> Placeholders:
    return Placeholders(
        request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    )
