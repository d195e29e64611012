"""Write sharding: one partition key stored as several, so that no single partition takes it all.

In a table with 10 write shards the items of the key "2026-11-24" stand under "2026-11-24#0" to
"2026-11-24#9". Writes to it spread over the partitions that these fall into; who wants all of the
items asks for each of the ten.
Source: AWS's guide, "Using write sharding to distribute workloads evenly in your DynamoDB table".
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from ..engine.numbers import canonical
from ..engine.values import AttributeValue, Item
from ..handlers.python_values import to_wire

TAG_KEY = "pelton:write-shards"
"""The tag of a table that says how its keys are stored."""

COUNT_MAX = 200
"""The most write shards; AWS's guide has as many."""

BY_SORT_KEY, AT_RANDOM = "sort_key", "random"


@dataclass(frozen=True, slots=True)
class WriteShards:
    """How a table's partition keys are spread, each over `count` write shards (2 to 200).

    `by` says what the shard of an item follows from: its sort key, another attribute (by its name),
    or nothing ("random"). The stored key is the key, the `separator` and the shard's number,
    counted from 0. Raises ValueError for what cannot be told apart again.

    >>> days = WriteShards(10)
    >>> days.calculated("2026-11-24", "order-17"), days.original("2026-11-24#8")
    ('2026-11-24#8', '2026-11-24')
    """

    count: int
    by: str = BY_SORT_KEY
    separator: str = "#"

    def __post_init__(self) -> None:
        if not 2 <= self.count <= COUNT_MAX:
            raise ValueError(f"a key has 2 to {COUNT_MAX} write shards, not {self.count}")
        if not self.by:
            raise ValueError('`by` is "sort_key", "random" or the name of an attribute')
        if not self.separator or any(map(str.isdigit, self.separator)):
            raise ValueError(f"a separator is text without digits, not {self.separator!r}")

    # --- keys ----------------------------------------------------------------------------------

    def calculated(self, key: str, value: str | int | float | Decimal | bytes) -> str:
        """The stored key of an item that has this value in the attribute it is spread by.

        The shard's number is the first 8 bytes, as a big-endian integer, of the SHA-256 of the
        value's bytes, modulo `count`: text as UTF-8, a number as the text DynamoDB gives back for
        it (`150`, `0.5`), bytes as they are. Raises TypeError for other values.
        """
        number = self.number_of(to_wire(value))
        if number is None:
            raise TypeError(f"a write shard follows from str, a number or bytes, not {value!r}")
        return self.key(key, number)

    def random(self, key: str, source: Random) -> str:
        """One of the stored keys of a key, each as likely as the others."""
        return self.key(key, source.randrange(self.count))

    def keys(self, key: str) -> list[str]:
        """All stored keys of a key: who reads everything of it asks for each of them."""
        return [self.key(key, number) for number in range(self.count)]

    def key(self, key: str, number: int) -> str:
        """The stored key of a key in the write shard of that number."""
        return f"{key}{self.separator}{number}"

    def original(self, stored: str) -> str:
        """The key that a stored key was made of; a key that is not a stored one is its own."""
        key, separator, number = stored.rpartition(self.separator)
        is_number = separator and number.isascii() and number.isdecimal()
        if is_number and int(number) < self.count and number == str(int(number)):
            return key
        return stored

    def number_of(self, value: AttributeValue) -> int | None:
        """The number that follows from a value in wire form, as `calculated` says; None if none."""
        ((kind, content),) = value.items()
        raw = _BYTES_OF[kind](content) if kind in _BYTES_OF else None
        if raw is None:
            return None
        return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big") % self.count

    def __str__(self) -> str:
        """As the table's tag says it: a tag takes letters, digits and few other characters."""
        text = f"{self.count} by {_tag_text(self.by)}"
        return text if self.separator == "#" else f"{text} behind {_tag_text(self.separator)}"


_BYTES_OF: dict[str, Any] = {
    "S": lambda text: text.encode(),
    "N": lambda text: canonical(text).encode(),
    "B": b64decode,
}


def _tag_text(text: str) -> str:
    """
    >>> _tag_text("sort_key"), _tag_text("#")
    ('sort_key', '=23=')
    """
    return "".join(each if each.isalnum() or each in "_.-" else f"={ord(each):x}=" for each in text)


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The stored keys of one table's items, which are in wire form."""

    shards: WriteShards
    partition: str
    """The name of the partition key."""
    sort: str
    """The name of the sort key."""
    random: Random

    @property
    def spreading(self) -> str | None:
        """The attribute that the shard of an item follows from; None where it is drawn."""
        if self.shards.by == AT_RANDOM:
            return None
        return self.sort if self.shards.by == BY_SORT_KEY else self.shards.by

    def has_original(self, item: Item) -> bool:
        """Whether there is a key that may be spread; without one the engine refuses the item."""
        return bool(item.get(self.partition, {}).get("S"))

    def number_of_item(self, item: Item) -> int:
        """The number of the shard that an item is put into.

        Raises ValueError where it lacks the attribute that its shard follows from.
        """
        if self.spreading is None:
            return self.random.randrange(self.shards.count)
        number = self.number_of_key(item)
        if number is None:
            raise ValueError(
                f"an item's write shard follows from its {self.spreading!r}, a str, a number or "
                "bytes: this item has none"
            )
        return number

    def number_of_key(self, key: Item) -> int | None:
        """The number of the shard that holds the item of a key; None where the key cannot tell."""
        value = None if self.spreading is None else key.get(self.spreading)
        number = None if value is None else self.shards.number_of(value)
        if number is None and self.spreading == self.sort:
            return 0  # a key without a sort key, or with a wrong one, is refused in any shard
        return number

    def item_in(self, item: Item, number: int) -> Item:
        """An item as it is stored in the shard of that number."""
        if not self.has_original(item):
            return item
        stored = self.shards.key(item[self.partition]["S"], number)
        return {**item, self.partition: {"S": stored}}

    def key_in(self, key: Item, number: int) -> Item:
        """The key of an item in that shard, without what only told which shard it is."""
        if self.spreading not in (None, self.sort):
            key = {name: value for name, value in key.items() if name != self.spreading}
        return self.item_in(key, number)
