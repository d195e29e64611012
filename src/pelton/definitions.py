"""How a table is described in Python: as a CreateTable request, and against what exists already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from .write_sharding import TAG_KEY, WriteShards

KeyAttribute = str | tuple[str, str | type]
"""A key attribute: its name alone when it is a string, else `("year", int)` or `("year", "N")`."""

StreamView = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]

_KEY_TYPES: dict[object, str] = {str: "S", int: "N", float: "N", Decimal: "N", bytes: "B"}


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index of a table; `projection` is ALL, KEYS_ONLY or the names to keep besides.

    A local index has the table's partition key, so only its `sort_key` is given. Either key of a
    global index may be a list of up to four attributes.
    """

    name: str
    partition_key: KeyAttribute | list[KeyAttribute] | None = None
    sort_key: KeyAttribute | list[KeyAttribute] | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | Sequence[str] = "ALL"

    @property
    def is_local(self) -> bool:
        return self.partition_key is None


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """What `App.table` was asked for. `indexes` and `stream` None: as they are, or none."""

    name: str
    partition_key: KeyAttribute
    sort_key: KeyAttribute | None = None
    stream: StreamView | None = None
    indexes: tuple[Index, ...] | None = None
    write_shards: WriteShards | None = None

    def __post_init__(self) -> None:
        if self.write_shards is not None:
            self._check_can_be_spread(self.write_shards.by)

    def _check_can_be_spread(self, by: str) -> None:
        """Raises ValueError where a stored key could not stand for the key."""
        name, kind = split_key(self.partition_key)
        if kind != "S":
            raise ValueError(f"only str keys can have write shards: {name!r} is {kind}")
        if self.sort_key is None:
            raise ValueError(
                f"table {self.name!r} has one item a key, which no write shards can spread: they "
                "need a sort key"
            )
        if by == name:
            raise ValueError(f"the write shard of an item cannot follow from {name!r}, its key")
        for index in self.indexes or ():
            partitions = [split_key(each)[0] for each in _listed(index.partition_key)]
            sorts = [split_key(each)[0] for each in _listed(index.sort_key)]
            if name in sorts or (name in partitions and len(partitions) > 1):
                raise ValueError(
                    f"index {index.name!r} cannot have {name!r} beside other attributes of its "
                    "key: it is stored with the number of a write shard"
                )

    def create_request(self) -> dict[str, Any]:
        """The CreateTable request; capacity is on demand."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "AttributeDefinitions": self._attribute_definitions(),
            "KeySchema": _key_schema(self.partition_key, self.sort_key),
            "BillingMode": "PAY_PER_REQUEST",
        }
        request |= self._index_members()
        if self.stream is not None:
            request |= {"StreamSpecification": self.stream_specification()}
        if self.write_shards is not None:
            request["Tags"] = [{"Key": TAG_KEY, "Value": str(self.write_shards)}]
        return request

    def stream_specification(self) -> dict[str, Any]:
        return {"StreamEnabled": True, "StreamViewType": self.stream}

    def difference_from(self, description: dict[str, Any], tags: Mapping[str, str]) -> str | None:
        """How an existing table, as DescribeTable tells of it, differs; None if it does not."""
        return (
            _difference(
                "keys",
                _typed_keys(self.create_request(), self.create_request()["KeySchema"]),
                _typed_keys(description, description["KeySchema"]),
            )
            or self._shard_difference(tags)
            or self._index_difference(description)
            or self._stream_difference(description)
        )

    def _shard_difference(self, tags: Mapping[str, str]) -> str | None:
        asked = "none" if self.write_shards is None else str(self.write_shards)
        return _difference("write shards", asked, tags.get(TAG_KEY, "none"))

    def _index_difference(self, description: dict[str, Any]) -> str | None:
        if self.indexes is None:
            return None
        return _difference("indexes", _comparable(self.create_request()), _comparable(description))

    def _stream_difference(self, description: dict[str, Any]) -> str | None:
        specification = description.get("StreamSpecification")
        if self.stream is None or specification is None:
            return None
        return _difference("stream view", self.stream, specification["StreamViewType"])

    def _attribute_definitions(self) -> list[dict[str, str]]:
        keys = [*_listed(self.partition_key), *_listed(self.sort_key)]
        for index in self.indexes or ():
            keys += [*_listed(index.partition_key), *_listed(index.sort_key)]
        types = dict(map(split_key, keys))
        return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]

    def _index_members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for index in self.indexes or ():
            member = "LocalSecondaryIndexes" if index.is_local else "GlobalSecondaryIndexes"
            members.setdefault(member, []).append(self._index_member(index))
        return members

    def _index_member(self, index: Index) -> dict[str, Any]:
        projection: dict[str, Any] = {"ProjectionType": index.projection}
        if not isinstance(index.projection, str):
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projection)}
        return {
            "IndexName": index.name,
            "KeySchema": _key_schema(index.partition_key or self.partition_key, index.sort_key),
            "Projection": projection,
        }


def split_key(key: KeyAttribute) -> tuple[str, str]:
    """The name and type (S, N or B) of a key attribute. Raises TypeError for other types.

    >>> split_key("user_id"), split_key(("year", int)), split_key(("digest", "B"))
    (('user_id', 'S'), ('year', 'N'), ('digest', 'B'))
    """
    if isinstance(key, str):
        return key, "S"
    name, kind = key
    if kind in ("S", "N", "B"):
        return name, str(kind)
    if kind not in _KEY_TYPES:
        raise TypeError(f"key {name!r}: a key is str, int, Decimal or bytes (S, N, B), not {kind}")
    return name, _KEY_TYPES[kind]


def _listed(key: KeyAttribute | list[KeyAttribute] | None) -> list[KeyAttribute]:
    if key is None:
        return []
    return key if isinstance(key, list) else [key]


def _key_schema(
    partition_key: KeyAttribute | list[KeyAttribute],
    sort_key: KeyAttribute | list[KeyAttribute] | None,
) -> list[dict[str, str]]:
    return [
        {"AttributeName": split_key(each)[0], "KeyType": kind}
        for key, kind in ((partition_key, "HASH"), (sort_key, "RANGE"))
        for each in _listed(key)
    ]


def _typed_keys(description: dict[str, Any], schema: Iterable[dict[str, str]]) -> list[str]:
    types = {
        each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]
    }
    return [f"{each['AttributeName']} ({types[each['AttributeName']]})" for each in schema]


def _comparable(description: dict[str, Any]) -> dict[str, Any]:
    """The indexes by name, without what a description tells beyond a definition."""
    found = {}
    for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for index in description.get(member, ()):
            projection = index["Projection"]
            found[index["IndexName"]] = (
                member.removesuffix("SecondaryIndexes").lower(),
                _typed_keys(description, index["KeySchema"]),
                [each["KeyType"] for each in index["KeySchema"]],
                projection["ProjectionType"],
                sorted(projection.get("NonKeyAttributes", ())),
            )
    return found


def _difference(what: str, asked: object, found: object) -> str | None:
    return None if asked == found else f"{what} {found}, not {asked}"
