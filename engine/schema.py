"""What a table is: its keys, indexes, partitions and settings, as immutable values.

A change of a table makes a new `Table`; identity (`is`) therefore tells whether a table that a
request was prepared against is still the current one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from typing import Any

from .partitions import Partition, divide_tokens

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class KeySchema:
    """The names of the key attributes of a table or an index, in order.

    A table or a local index has one partition attribute and at most one sort attribute; a global
    index may have up to four of each.
    """

    partitions: tuple[str, ...]
    sorts: tuple[str, ...] = ()
    partition: str = field(init=False, repr=False, compare=False)
    """The only partition attribute, or the first."""
    sort: str | None = field(init=False, repr=False, compare=False)
    """The only sort attribute, or the first, or None."""
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, not computed: every write and every read asks for them.
        object.__setattr__(self, "partition", self.partitions[0])
        object.__setattr__(self, "sort", self.sorts[0] if self.sorts else None)
        object.__setattr__(self, "names", self.partitions + self.sorts)

    @property
    def is_plain(self) -> bool:
        """Whether it is as a table's may be: one partition attribute, at most one to sort by."""
        return len(self.partitions) == 1 and len(self.sorts) <= 1

    def describe(self) -> list[dict[str, str]]:
        """As `KeySchema` on the wire."""
        return [
            {"AttributeName": name, "KeyType": kind}
            for names, kind in ((self.partitions, "HASH"), (self.sorts, "RANGE"))
            for name in names
        ]

    def to_json(self) -> dict[str, Any]:
        return {"partitions": self.partitions, "sorts": self.sorts}

    @staticmethod
    def from_json(data: dict[str, Any]) -> KeySchema:
        if "partition" in data:  # written before a key could have more than two attributes
            sort = data["sort"]
            return KeySchema((data["partition"],), () if sort is None else (sort,))
        return KeySchema(tuple(data["partitions"]), tuple(data["sorts"]))


@dataclass(frozen=True, slots=True)
class Throughput:
    """Provisioned capacity, in units a second; zeros when a table is billed on demand."""

    read_units: int = 0
    write_units: int = 0
    decreases_today: int = 0
    """On the UTC day of the last decrease."""
    increased_ms: int | None = None
    decreased_ms: int | None = None

    def changed(self, read_units: int, write_units: int, at_ms: int) -> Throughput:
        """The capacity from now on; one change may both increase and decrease it."""
        if self.read_units == 0:  # billed on demand until now
            return Throughput(read_units, write_units)
        increases = read_units > self.read_units or write_units > self.write_units
        decreases = read_units < self.read_units or write_units < self.write_units
        return Throughput(
            read_units,
            write_units,
            self.decreases_on_day_of(at_ms) + 1 if decreases else self.decreases_today,
            at_ms if increases else self.increased_ms,
            at_ms if decreases else self.decreased_ms,
        )

    def decreases_on_day_of(self, at_ms: int) -> int:
        if self.decreased_ms is None or self.decreased_ms // DAY_MS != at_ms // DAY_MS:
            return 0
        return self.decreases_today


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index; `space` is where its rows live."""

    name: str
    is_local: bool
    key: KeySchema
    projection: str
    """ALL, KEYS_ONLY or INCLUDE."""
    non_key_attributes: tuple[str, ...]
    space: int
    throughput: Throughput = Throughput()
    settings: dict[str, Any] = field(default_factory=dict)
    """What only DescribeTable tells back, in wire form."""
    is_backfilling: bool = False
    """Whether items that were there before it may still lack their entries; nobody reads it yet."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The stream of a table that is enabled now; `label` names it among the table's streams."""

    view_type: str
    label: str
    arn: str


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """The attribute by which items expire; `space` is where their expiries stand in order."""

    attribute: str
    space: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalog keeps it."""

    name: str
    arn: str
    id: str
    created_ms: int
    space: int
    key: KeySchema
    attribute_types: dict[str, str]
    """The types (S, N or B) of all attributes that are part of some key."""
    indexes: tuple[Index, ...] = ()
    partitions: tuple[Partition, ...] = divide_tokens(1)
    """In the order of their tokens, of which together they hold all."""
    stream: StreamSettings | None = None
    last_stream: StreamSettings | None = None
    """The latest stream, enabled or not: DescribeTable keeps telling its ARN."""
    billing_mode: str = "PROVISIONED"
    on_demand_ms: int | None = None
    """When it was last switched to billing on demand; None when it never was."""
    throughput: Throughput = Throughput()
    deletion_protection: bool = False
    time_to_live: TimeToLive | None = None
    collection_space: int | None = None
    """Where the sizes of item collections stand; None for a table without local indexes."""
    tags: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """What only DescribeTable tells back, in wire form (TableClassSummary, SSEDescription, ...)."""
    _high_tokens: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, not computed: every write asks for the partition of its token.
        highs = tuple(partition.token_high for partition in self.partitions)
        object.__setattr__(self, "_high_tokens", highs)

    def partition_of(self, token: int) -> Partition:
        return self.partitions[bisect_left(self._high_tokens, token)]

    def index_named(self, name: str) -> Index | None:
        return next((index for index in self.indexes if index.name == name), None)

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        del data["_high_tokens"]
        data["key"] = self.key.to_json()
        for described, index in zip(data["indexes"], self.indexes, strict=True):
            described["key"] = index.key.to_json()
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> Table:
        time_to_live = data.get("time_to_live")
        is_on_demand = data["billing_mode"] == "PAY_PER_REQUEST"

        def stream(value: dict[str, Any] | None) -> StreamSettings | None:
            return None if value is None else StreamSettings(**value)

        return Table(
            **{
                **data,
                "key": KeySchema.from_json(data["key"]),
                "indexes": tuple(_index_from_json(index) for index in data["indexes"]),
                "partitions": tuple(Partition(**each) for each in data["partitions"]),
                "stream": stream(data["stream"]),
                "last_stream": stream(data["last_stream"]),
                "throughput": Throughput(**data["throughput"]),
                "on_demand_ms": data.get(
                    "on_demand_ms", data["created_ms"] if is_on_demand else None
                ),
                "time_to_live": TimeToLive(**time_to_live) if time_to_live else None,
            }
        )


def _index_from_json(data: dict[str, Any]) -> Index:
    return Index(
        **{
            **data,
            "key": KeySchema.from_json(data["key"]),
            "non_key_attributes": tuple(data["non_key_attributes"]),
            "throughput": Throughput(**data["throughput"]),
        }
    )
