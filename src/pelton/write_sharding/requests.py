"""The requests on a write-sharded table: original keys in and out, reads of all shards as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any

from ..engine import PeltonError
from ..engine.catalog import Catalog
from ..engine.expressions import Placeholders, bind_update, tree
from ..engine.expressions.parser import Parsed, parse_condition, parse_update
from ..engine.expressions.tokens import InvalidExpression
from ..handlers.python_values import item_to_python
from ..requests import Asked, Call, Item, Names, Pages, Steps, TableRequests, item_of, paging
from .query import ShardedQuery
from .write_shards import StoredKeys, WriteShards

Request = dict[str, Any]
Decode = Callable[[dict[str, Any]], Item | None]

EXPRESSIONS: dict[str, Callable[[str], Parsed[Any]]] = {
    "ConditionExpression": parse_condition,
    "FilterExpression": parse_condition,
    "UpdateExpression": parse_update,
}
EXISTENCE = ("attribute_exists", "attribute_not_exists")


class ShardedRequests(TableRequests):
    """Requests on a table that has write shards; the catalog tells of its indexes."""

    def __init__(
        self,
        name: str,
        key_names: tuple[str, ...],
        shards: WriteShards,
        catalog: Catalog,
        random: Random | None = None,
    ) -> None:
        super().__init__(name)
        partition, sort = key_names
        self.keys = StoredKeys(shards, partition, sort, random or Random())
        self._catalog = catalog

    def stored_item(self, item: Request) -> Request:
        if not self.keys.has_original(item):
            return item
        return self.keys.item_in(item, self.keys.number_of_item(item))

    def stored_key(self, key: Request) -> Request:
        """Raises ValueError where the key does not tell which shard its item is in."""
        number = self.keys.number_of_key(key)
        if number is None:
            raise ValueError(
                f"which write shard of {self.name!r} holds this key is not known without a look: "
                + self._way_to_tell()
            )
        return self.keys.key_in(key, number)

    def original(self, item: Item) -> Item:
        stored = item.get(self.keys.partition)
        if isinstance(stored, str):
            item[self.keys.partition] = self.keys.shards.original(stored)
        return item

    def check_update(self, expression: str, names: Names | None) -> None:
        if not self._makes_whole_items:
            raise ValueError(
                f"an update of {self.name!r} must look for its item first: put the item, or use "
                "the table's own update"
            )
        self._check_expressions(
            {"UpdateExpression": expression, "ExpressionAttributeNames": names or {}}
        )

    def _shown(self, item: Request) -> Item:
        return self.original(item_to_python(item))

    # --- one item ------------------------------------------------------------------------------

    def _asked(self, operation: str, request: Request, decode: Decode) -> Asked[Item | None]:
        self._check_expressions(request)

        def decoded(answer: dict[str, Any]) -> Item | None:
            item = decode(answer)
            return None if item is None else self.original(item)

        if operation == "PutItem":
            self._check_put(request)
            return Call(operation, {**request, "Item": self.stored_item(request["Item"])}, decoded)
        number = self.keys.number_of_key(request["Key"])
        is_sure = number is not None and (operation != "UpdateItem" or self._makes_whole_items)
        if is_sure or not self.keys.has_original(request["Key"]):
            return Call(operation, self._of_shard(request, number or 0), decoded)
        numbers = range(self.keys.shards.count) if number is None else (number,)
        if operation == "GetItem":
            return self._got_from_any(numbers, request, decoded)
        return self._written_where_it_is(numbers, operation, request, decoded)

    def _of_shard(self, request: Request, number: int) -> Request:
        return {**request, "Key": self.keys.key_in(request["Key"], number)}

    @property
    def _makes_whole_items(self) -> bool:
        """Whether an item that an update makes has what its shard follows from: the key has it."""
        return self.keys.spreading == self.keys.sort

    def _check_put(self, request: Request) -> None:
        """Raises ValueError for a condition that would meet any of the shards, as it happens."""
        if self.keys.spreading is None and "ConditionExpression" in request:
            raise ValueError(
                f"a put into {self.name!r} cannot have a condition: its write shard is drawn at "
                "random, and the item that the condition is about may be in another"
            )

    def _got_from_any(
        self, numbers: Sequence[int], request: Request, decode: Decode
    ) -> Steps[Item | None]:
        found = yield [Call("GetItem", self._of_shard(request, each), decode) for each in numbers]
        held = self._held(request, numbers, found)
        return None if held is None else held[1]

    def _written_where_it_is(
        self, numbers: Sequence[int], operation: str, request: Request, decode: Decode
    ) -> Steps[Item | None]:
        """Looks for the item first. Raises LookupError for an update of one that is not there."""
        look = {
            "TableName": self.name,
            "Key": request["Key"],
            "ConsistentRead": True,
            "ProjectionExpression": "#key",
            "ExpressionAttributeNames": {"#key": self.keys.partition},
        }
        found = yield [Call("GetItem", self._of_shard(look, each), item_of) for each in numbers]
        held = self._held(request, numbers, found)
        if held is None and operation == "UpdateItem":
            raise LookupError(
                f"an update of {self.name!r} makes no item, for its key does not tell its write "
                f"shard: put it first; there is none with {self._shown(request['Key'])}"
            )
        number = numbers[0] if held is None else held[0]
        [result] = yield [Call(operation, self._of_shard(request, number), decode)]
        item: Item | None = result
        return item

    def _held(
        self, request: Request, numbers: Sequence[int], found: list[Item | None]
    ) -> tuple[int, Item] | None:
        """The shard that has an item, and the item. Raises PeltonError where several have."""
        held = [
            (number, item) for number, item in zip(numbers, found, strict=True) if item is not None
        ]
        if len(held) > 1:
            holders = " and ".join(str(number) for number, _ in held)
            raise PeltonError(
                f"write shards {holders} of {self.name!r} hold an item of one key: "
                f"{self._shown(request['Key'])}; a key must be put into one shard only"
            )
        return held[0] if held else None

    def _way_to_tell(self) -> str:
        spreading = self.keys.spreading
        if spreading is None:
            return "shards are drawn at random; use the table's own get, update or delete"
        return f"give its {spreading!r} with the key"

    # --- many items ----------------------------------------------------------------------------

    def _paged(self, operation: str, request: Request, limit: int | None) -> Pages:
        self._check_expressions(request)
        if operation == "Query":
            query = ShardedQuery.of(self.keys, self._catalog.table(self.name), request)
            if query is not None:
                return query.pages(limit)
        return paging(operation, request, limit, self._shown)

    # --- expressions ---------------------------------------------------------------------------

    def _check_expressions(self, request: Request) -> None:
        """Raises ValueError where an expression would meet a stored key, or change a shard."""
        names = request.get("ExpressionAttributeNames", {})
        partition = self.keys.partition
        for member, parse in EXPRESSIONS.items():
            text = request.get(member)
            if text is None or not (partition in text or partition in names.values()):
                continue
            try:
                is_used = _uses(parse(text).tree, partition, names)
            except InvalidExpression:
                return  # the engine says so in AWS's words
            if is_used:
                raise ValueError(
                    f"{member} may ask whether {partition!r} exists, not for its value: it is "
                    f"stored with the number of a write shard of {self.name!r}"
                )
        spreading = self.keys.spreading
        if "UpdateExpression" in request and spreading not in (None, self.keys.sort):
            self._check_update(request, spreading)

    def _check_update(self, request: Request, spreading: str | None) -> None:
        placeholders = _placeholders_of(request)
        if spreading in bind_update(request["UpdateExpression"], placeholders).top_level:
            raise ValueError(
                f"an update cannot change {spreading!r}: the item's write shard follows from it; "
                "delete the item and put it anew"
            )


def _uses(node: Any, name: str, names: dict[str, str]) -> bool:
    """Whether a tree asks for the value of an attribute, not only whether it exists."""
    if isinstance(node, tree.Path):
        first = node.elements[0]
        return (names.get(first.placeholder) if isinstance(first, tree.NameRef) else first) == name
    if isinstance(node, tree.Call) and node.function in EXISTENCE:
        return False
    if isinstance(node, tuple):
        return any(_uses(each, name, names) for each in node)
    if is_dataclass(node):
        return any(_uses(getattr(node, field.name), name, names) for field in fields(node))
    return False


def _placeholders_of(request: Request) -> Placeholders:
    return Placeholders(
        request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    )
