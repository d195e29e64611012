"""What should have happened: the items of each table, and every record of each stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model_writes import Address, Plain


class Broken(AssertionError):
    """A promise about streams that was not kept."""


def demand(is_kept: bool, promise: str) -> None:
    """Raises Broken with what was promised."""
    if not is_kept:
        raise Broken(promise)


@dataclass
class Told:
    """One change as its stream must tell it, and as it did."""

    address: Address
    old: Plain | None
    new: Plain | None
    group: int
    written_ms: int
    # From here on: what the stream made of it, known once it was seen there.
    sequence: int = 0
    at_ms: int = 0
    shard_id: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    is_trimmed: bool = False

    def __str__(self) -> str:
        kind = "INSERT" if self.old is None else "REMOVE" if self.new is None else "MODIFY"
        return f"{kind} {self.address} (sequence {self.sequence}, {self.shard_id})"


@dataclass
class StreamModel:
    """A stream of a table, from when it was enabled."""

    arn: str
    table_name: str
    view_type: str
    disabled_ms: int | None = None
    records: list[Told] = field(default_factory=list)
    by_sequence: dict[int, Told] = field(default_factory=dict)
    by_shard: dict[str, list[Told]] = field(default_factory=dict)
    is_gone: bool = False

    def bind(self, told: Told) -> None:
        """Takes a record that was seen in its place."""
        self.by_sequence[told.sequence] = told
        self.by_shard.setdefault(told.shard_id, []).append(told)

    def of_shard(self, shard_id: str) -> list[Told]:
        return self.by_shard.get(shard_id, [])

    def trimmed_through(self, shard_id: str) -> int:
        """The last sequence of the shard that was trimmed, 0 when none was."""
        return max(
            (told.sequence for told in self.of_shard(shard_id) if told.is_trimmed), default=0
        )

    def between(self, shard_id: str, after: int, before: int | None = None) -> Iterator[Told]:
        """The records of a shard with after < sequence < before."""
        for told in self.of_shard(shard_id):
            if told.sequence > after and (before is None or told.sequence < before):
                yield told


@dataclass
class TableModel:
    """A table with its items; `stream` is the one that is enabled."""

    name: str
    items: dict[Address, Plain] = field(default_factory=dict)
    stream: StreamModel | None = None


class Model:
    """All tables there are and all streams there ever were."""

    def __init__(self) -> None:
        self.tables: dict[str, TableModel] = {}
        self.streams: list[StreamModel] = []
        self.last_sequence = 0
        """The newest sequence of any record that was seen."""
        self._groups = 0

    def group(self) -> int:
        """A number for changes that were made together."""
        self._groups += 1
        return self._groups

    def item(self, address: Address) -> Plain | None:
        return self.tables[address[0]].items.get(address)

    def take(self, address: Address, new: Plain | None, group: int, now_ms: int) -> None:
        """Puts what a write did into the model; a write that changed nothing leaves no record."""
        table = self.tables[address[0]]
        old = table.items.get(address)
        if new == old:
            return
        if new is None:
            del table.items[address]
        else:
            table.items[address] = new
        if table.stream is not None:
            table.stream.records.append(Told(address, old, new, group, now_ms))

    def enable(self, table: TableModel, arn: str, view_type: str) -> None:
        demand(all(stream.arn != arn for stream in self.streams), f"{arn} is given once")
        table.stream = StreamModel(arn, table.name, view_type)
        self.streams.append(table.stream)

    def disable(self, table: TableModel, now_ms: int) -> None:
        if table.stream is not None:
            table.stream.disabled_ms = now_ms
            table.stream = None

    def streams_kept(self) -> list[StreamModel]:
        return [stream for stream in self.streams if not stream.is_gone]
