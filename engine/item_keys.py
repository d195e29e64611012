"""The key of an item: its row's address, found and checked for a put or for a request's Key."""

from __future__ import annotations

from typing import NamedTuple

from .errors import ValidationException
from .keys import (
    PARTITION_KEY_BYTES_MAX,
    SORT_KEY_BYTES_MAX,
    TERMINATOR,
    escape,
    raw_bytes,
    token_of,
)
from .schema import Table
from .values import Item, item_size, normalise_item


class ItemKey(NamedTuple):
    """Where an item stands: its row's address, and its key attributes as on the wire."""

    address: tuple[int, bytes, bytes]
    attributes: Item
    size: int

    @property
    def token(self) -> int:
        return self.address[0]

    @property
    def pk(self) -> bytes:
        return self.address[1]


def key_of_item(table: Table, item: Item) -> ItemKey:
    """The key of an item that is to be put. Raises ValidationException in PutItem's words."""
    types = table.attribute_types
    for name in table.key.names:
        value = item.get(name)
        if value is None:
            raise ValidationException(
                f"One or more parameter values were invalid: Missing the key {name} in the item"
            )
        if types[name] not in value:
            raise ValidationException(
                f"One or more parameter values were invalid: Type mismatch for key {name} "
                f"expected: {types[name]} actual: {next(iter(value))}"
            )
    return _encode_key(table, item, "One or more parameter values are not valid.")


_NO_VALUE: dict[str, str] = {}


def key_of_request(table: Table, key: Item) -> ItemKey:
    """The key of a request's `Key` member. Raises ValidationException in GetItem's words."""
    names, types = table.key.names, table.attribute_types
    fits = len(key) == len(names)
    is_canonical = True
    for name in names:
        value = key.get(name, _NO_VALUE)
        if not fits or types[name] not in value:
            raise ValidationException("The provided key element does not match the schema")
        if len(value) != 1 or type(value.get("S")) is not str:
            is_canonical = False  # or not known to be: strings are, and most keys are strings
    if not is_canonical:
        key, _ = normalise_item(key)
    return _encode_key(table, key, "One or more parameter values were invalid:")


def _encode_key(table: Table, item: Item, when_empty: str) -> ItemKey:
    """The key in an item; `when_empty` is how AWS begins its words of an empty attribute there."""
    partition, sort = table.key.partition, table.key.sort
    raw, size = _key_part(table, partition, item, when_empty)
    if len(raw) > PARTITION_KEY_BYTES_MAX:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Size of hashkey has exceeded the maximum size limit of2048 bytes"
        )
    pk = escape(raw) + TERMINATOR
    if sort is None:
        return ItemKey((token_of(pk), pk, b""), {partition: item[partition]}, size)
    raw, sort_size = _key_part(table, sort, item, when_empty)
    if len(raw) > SORT_KEY_BYTES_MAX:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
    attributes = {partition: item[partition], sort: item[sort]}
    address = (token_of(pk), pk, escape(raw) + TERMINATOR)
    return ItemKey(address, attributes, size + sort_size)


def _key_part(table: Table, name: str, item: Item, when_empty: str) -> tuple[bytes, int]:
    """The raw bytes of a key attribute, and its size (name and value) by DynamoDB's rule."""
    attribute_type = table.attribute_types[name]
    value = item[name]
    content = value[attribute_type]
    raw = content.encode() if attribute_type == "S" else raw_bytes(attribute_type, content)
    if not raw:
        kind = "string" if attribute_type == "S" else "binary"
        raise ValidationException(
            f"{when_empty} The AttributeValue for a key attribute cannot contain an empty {kind} "
            f"value. Key: {name}"
        )
    if attribute_type == "N":
        return raw, item_size({name: value})
    return raw, (len(name) if name.isascii() else len(name.encode())) + len(raw)
