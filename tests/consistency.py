"""What must hold of every table, whatever was done to it: an index is what its table makes it."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from itertools import chain
from typing import Any

import orjson

from pelton.engine.keys import TOKEN_MAX, TOKEN_MIN, encode_part
from pelton.engine.values import item_size
from tests.region import Answer, Item, Region


def index_faults(region: Region, name: str) -> list[str]:
    """Everything in which the table's indexes and counts differ from a rebuild out of its items."""
    items = region.items("Scan", TableName=name)
    table = region.describe(name)
    faults = []
    if table["ItemCount"] != len(items):
        faults.append(f"{name} counts {table['ItemCount']} items and has {len(items)}")
    indexes = [
        *table.get("LocalSecondaryIndexes", ()),
        *table.get("GlobalSecondaryIndexes", ()),
    ]
    for each in indexes:
        faults += _faults_of(region, table, each, items)
    if "LocalSecondaryIndexes" in table and _stored_collections(region, name) != _collections(
        region, name, items
    ):
        faults.append(f"the sizes of item collections of {name} are not those of its items")
    return faults


def _stored_collections(region: Region, name: str) -> dict[bytes, int]:
    """The kept sizes of a table's item collections, by partition key."""
    space = region.database.catalog.table(name).collection_space
    assert space is not None
    rows = region.database.store.read(
        lambda reader: list(reader.scan(space, token_low=TOKEN_MIN, token_high=TOKEN_MAX))
    )
    return {row.pk: row.size for row in rows}


def _collections(region: Region, name: str, items: list[Item]) -> dict[bytes, int]:
    """The same, added up from the items and what each local index shows of them."""
    table = region.database.catalog.table(name)
    partition = table.key.partition
    kind = table.attribute_types[partition]
    entries = [
        region.items("Scan", TableName=name, IndexName=each.name, Select="ALL_PROJECTED_ATTRIBUTES")
        for each in table.indexes
        if each.is_local
    ]
    sizes: dict[bytes, int] = {}
    for item in chain(items, *entries):
        pk = encode_part(kind, item[partition][kind])
        sizes[pk] = sizes.get(pk, 0) + item_size(item)
    return sizes


def _faults_of(region: Region, table: Answer, index: Answer, items: list[Item]) -> list[str]:
    where = {"TableName": table["TableName"], "IndexName": index["IndexName"]}
    names = [element["AttributeName"] for element in index["KeySchema"]]
    shown = _projection_of(table, index)
    expected = [
        item if shown is None else {name: value for name, value in item.items() if name in shown}
        for item in items
        if all(name in item for name in names)
    ]
    faults = []
    if index["ItemCount"] != len(expected):
        faults.append(f"{where} counts {index['ItemCount']} entries, not {len(expected)}")
    if _as_a_bag(region.items("Scan", **where)) != _as_a_bag(expected):
        faults.append(f"a scan of {where} does not give what its table holds")
    partitions = [each["AttributeName"] for each in index["KeySchema"] if each["KeyType"] == "HASH"]
    for partition in {orjson.dumps([item[name] for name in partitions]) for item in expected}:
        values = orjson.loads(partition)
        found = region.items(
            "Query",
            **where,
            KeyConditionExpression=" AND ".join(f"#k{n} = :v{n}" for n in range(len(values))),
            ExpressionAttributeNames={f"#k{n}": name for n, name in enumerate(partitions)},
            ExpressionAttributeValues={f":v{n}": value for n, value in enumerate(values)},
        )
        mine = [item for item in expected if [item[name] for name in partitions] == values]
        if _as_a_bag(found) != _as_a_bag(mine):
            faults.append(f"a query of {where} for {values} does not give what its table holds")
        order = [tuple(sortable(item[name]) for name in names[len(partitions) :]) for item in found]
        if order != sorted(order):
            faults.append(f"a query of {where} for {values} is out of order")
    return faults


def _projection_of(table: Answer, index: Answer) -> set[str] | None:
    kind = index["Projection"]["ProjectionType"]
    if kind == "ALL":
        return None
    schema = (*table["KeySchema"], *index["KeySchema"])
    names = {element["AttributeName"] for element in schema}
    return names | set(index["Projection"].get("NonKeyAttributes", ()))


def _as_a_bag(items: list[Item]) -> list[bytes]:
    return sorted(orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in items)


def sortable(value: dict[str, Any]) -> Any:
    """A key value as something that Python sorts in DynamoDB's order."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    return content.encode() if kind == "S" else b64decode(content)
