"""Facts: every change of the source, as its stream tells it, in commit order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from pelton.handlers.python_values import item_to_python
from pelton.streams import Record, Shard
from tests.region import Region
from tests.simulation.witness import records_behind

PythonItem = dict[str, Any]


@dataclass
class Fact:
    """One change of one item."""

    sequence: int
    at_ms: int
    shard_number: int
    item: str
    event: str
    old: PythonItem | None
    new: PythonItem | None
    is_trimmed: bool = False

    @property
    def version(self) -> int:
        """The item's version that came to be, or with a minus the one that was removed."""
        if self.new is not None:
            return int(self.new["version"])
        assert self.old is not None
        return -int(self.old["version"])

    @property
    def is_poison(self) -> bool:
        return self.new is not None and "poison" in self.new

    @property
    def is_flaky(self) -> bool:
        """Whether the first call for it fails."""
        return self.new is not None and "flaky" in self.new

    def __str__(self) -> str:
        marks = [name for name in ("poison", "flaky", "trimmed") if getattr(self, f"is_{name}")]
        told = f" ({', '.join(marks)})" if marks else ""
        return f"{self.event} {self.item} version {self.version}, sequence {self.sequence}{told}"


@dataclass
class Facts:
    """What has happened to one table; the log is looked at after each write."""

    table_name: str
    all: list[Fact] = field(default_factory=list)
    by_sequence: dict[int, Fact] = field(default_factory=dict)

    def see_new(self, region: Region) -> list[Fact]:
        """Takes in what was committed since the last look."""
        last = self.all[-1].sequence if self.all else 0
        arn = region.stream_arn(self.table_name)
        found = [fact_of(*each) for each in records_behind(region.streams, arn, last)]
        self.all += found
        self.by_sequence.update({fact.sequence: fact for fact in found})
        return found

    def see_trimmed(self, region: Region) -> None:
        """Marks what has left the stream."""
        shards = region.streams.shards
        trimmed_through = region.database.store.read(
            lambda reader: {
                number: shards.trimmed_of(reader, number)
                for number in {fact.shard_number for fact in self.all if not fact.is_trimmed}
            }
        )
        for fact in self.all:
            if not fact.is_trimmed:
                through = trimmed_through[fact.shard_number]
                fact.is_trimmed = through is None or fact.sequence <= through

    def of_item(self, item: str) -> list[Fact]:
        return [fact for fact in self.all if fact.item == item]


def fact_of(shard: Shard, record: Record) -> Fact:
    data = orjson.loads(record.body)["dynamodb"]
    old, new = (
        item_to_python(data[name]) if name in data else None for name in ("OldImage", "NewImage")
    )
    keys = item_to_python(data["Keys"])
    return Fact(
        record.sequence, record.at_ms, shard.number, keys["id"], record.event_name, old, new
    )
