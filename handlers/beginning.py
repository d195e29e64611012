"""Beginning with what is there: a mapping is fed every item of its table, then all that changes.

The table is read in chunks, in the order of its keys, while writes go on. A chunk is read in a work
of the writer's that gives its items numbers of the region's one sequence: changes with lower
numbers are in what was read, those with higher ones are not. So the chunk takes its place among the
shard's records, and of these only the ones are delivered whose items were read already: no item
comes twice, and no change is missed. How far the table is read is kept with the shard's position.
This is the watermark method of DBLog, with a commit's place in the order for its two watermarks.
Source: Andreakis and Papapanagiotou, "DBLog: A Watermark Based Change-Data-Capture Framework".
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import orjson

from ..engine import Database
from ..engine.changes import Change
from ..engine.item_keys import key_of_item
from ..engine.partitions import Partition
from ..engine.schema import Table
from ..engine.storage import Row, Transaction
from ..streams import Record, Shard, Streams
from ..streams.checkpoints import Frontier, forget_frontier, save_frontier
from ..streams.records import pack_record, unpacker_of
from .checkpoint import Ownership
from .feed import Reading, ShardSource
from .progress import Progress

CHUNK_ITEMS = 100
"""How many items are read in one work of the writer's: about half a millisecond of its time."""

CHUNK_BYTES = 1024 * 1024


class Rows(NamedTuple):
    """Items as the writer read them, with the numbers of the sequence that are theirs."""

    rows: list[Row]
    table: Table | None
    first: int
    last: int
    is_last: bool
    """Whether nothing lies behind them; there may be none of them then, too."""


class Chunk(NamedTuple):
    """Items that were read, as records."""

    records: list[Record]
    end: Frontier
    """How far the table is read when all of them are done."""
    first: int
    last: int
    is_last: bool


class BeginningSource:
    """The records of a shard and the items of its partition, as one sequence, until all are read.

    It ends with `until` when the last item is in it, or with the shard: then those that follow the
    shard go on with the rest of the items.
    """

    def __init__(
        self, streams: Streams, shard: Shard, ownership: Ownership, frontier: Frontier
    ) -> None:
        self.until: int | None = None
        self.lane: int | None = None
        self._streams = streams
        self._database = streams.database
        self._shard = shard
        self._ownership = ownership
        self._log = ShardSource(streams, shard)
        self._known = self._frontier = frontier
        self._chunk: Chunk | None = None
        self._marks: list[tuple[int, Frontier]] = []
        """How far the table is read when a number of the sequence is reached, in order. The
        writer's thread alone touches them."""

    def read(self, after_sequence: int, limit: int) -> Reading:
        if self.until is not None and after_sequence >= self.until:
            return Reading([], after_sequence, is_end=True, is_complete=True)
        chunk = self._chunk
        if chunk is None:
            chunk = self._chunk = self._read_chunk()
        if chunk is None or after_sequence < chunk.first - 1:
            reading = self._read_log(after_sequence, limit, chunk)
            if chunk is None or reading.through < chunk.first - 1 or reading.records:
                return reading
            after_sequence = reading.through
        rest = chunk.records[max(0, after_sequence - chunk.first + 1) :]
        if len(rest) > limit:
            return Reading(rest[:limit], rest[limit - 1].sequence, False, False)
        self._chunk = None
        self._frontier = chunk.end
        if chunk.is_last:
            self.until = chunk.last
        return Reading(rest, chunk.last, is_end=chunk.is_last, is_complete=chunk.is_last)

    def frontier_at(self, sequence: int) -> Frontier | None:
        """How far the table is read when a number is reached; None: no further than is known."""
        found = bisect_right(self._marks, sequence, key=itemgetter(0))
        return self._marks[found - 1][1] if found else None

    def forget_marks(self, sequence: int) -> None:
        """Lets go of what lies before a number that can no longer be undone, but for the last."""
        del self._marks[: max(0, bisect_right(self._marks, sequence, key=itemgetter(0)) - 1)]

    def begin_at(self, position: int) -> None:
        """Items that were read and not done are read again, as they are by then."""
        self._chunk = self.until = None
        self._frontier = self.frontier_at(position) or self._known
        reached = bisect_right(self._marks, position, key=itemgetter(0))
        self._marks = self._marks[:reached]  # the rest gets other numbers

    def finish(self, transaction: Transaction) -> None:
        """What the commit of the end does: the items are all read, or others go on with them."""
        name = self._ownership.mapping
        if self.until is None:
            for shard in self._successors():
                save_frontier(transaction, name, shard.number, self._frontier)
        forget_frontier(transaction, name, self._shard.number)
        self._marks.clear()  # or the position that is saved next would bring it back

    # --- inside --------------------------------------------------------------------------------

    def _read_log(self, after_sequence: int, limit: int, chunk: Chunk | None) -> Reading:
        """The shard's records before the chunk, or to its end, of items that were read before."""
        records, through, is_end, is_complete = self._log.read(after_sequence, limit)
        if chunk is not None:
            records = [record for record in records if record.sequence < chunk.first]
            is_complete = is_complete or through >= chunk.first
            through, is_end = min(through, chunk.first - 1), False
            if is_complete:
                through = chunk.first - 1
        table = self._table()
        if table is not None:
            records = [each for each in records if self._was_read(table, each)]
        return Reading(records, through, is_end, is_complete=False if chunk else is_complete)

    def _was_read(self, table: Table, record: Record) -> bool:
        keys = orjson.loads(record.body)["dynamodb"]["Keys"]
        return key_of_item(table, keys).address <= self._frontier

    def _read_chunk(self) -> Chunk | None:
        rows = self._database.write(self._read_rows)
        return None if rows is None else self._chunk_of(rows)

    def _read_rows(self, transaction: Transaction) -> Rows | None:
        """The next items; None where the shard has ended and others go on with its partition."""
        table, partition = self._table(), self._partition()
        current = self._streams.shards.stored(transaction, self._shard.number)
        if current is None or (not current.is_open and self._successors()):
            return None
        first = transaction.next_sequence()
        if table is None or partition is None:
            return Rows([], table, first, first, True)
        found = transaction.scan(
            table.space,
            # Half of a partition that was divided may lie behind what was read of the whole.
            after=self._frontier if self._frontier.token >= partition.token_low else None,
            token_low=partition.token_low,
            token_high=partition.token_high,
        )
        rows, size, sequence = [], 0, first
        for row in islice(found, CHUNK_ITEMS):
            rows.append(row)
            self._marks.append((sequence, Frontier(row.token, row.pk, row.sk)))
            size += len(row.body)
            if size > CHUNK_BYTES:
                break
            sequence = transaction.next_sequence()
        is_last = size <= CHUNK_BYTES and len(rows) < CHUNK_ITEMS
        return Rows(rows, table, first, max(first, sequence), is_last)

    def _chunk_of(self, read: Rows) -> Chunk:
        """The records of rows: made by the worker, for the writer has others to serve."""
        rows, table, first, last, is_last = read
        if table is None or not rows:
            return Chunk([], self._frontier, first, last, is_last)
        streams, at_ms = self._streams, self._database.clock.now_ms()
        stream = streams.streams.by_arn[self._shard.stream_arn]
        unpack = unpacker_of(stream.arn, stream.view_type, self._database.region)
        records = []
        for sequence, row in enumerate(rows, first):
            key = key_of_item(table, orjson.loads(row.body))
            change = Change(
                table,
                row.token,
                key.attributes,
                key.size,
                None,
                0,
                row.body,
                row.size,
                at_ms,
                0,
                None,
            )
            body = unpack(pack_record(change, stream.view_type), sequence, at_ms)
            records.append(Record(sequence, sequence, at_ms, body))
        return Chunk(records, Frontier(*rows[-1][:3]), first, last, is_last)

    def _table(self) -> Table | None:
        return self._database.catalog.tables.get(self._shard.table_name)

    def _partition(self) -> Partition | None:
        table = self._table()
        if table is None:
            return None
        numbered = {each.number: each for each in table.partitions}
        return numbered.get(self._shard.partition)

    def _successors(self) -> list[Shard]:
        """The shards that go on where this one has ended: its children, or a later stream's."""
        streams, shard = self._streams, self._shard
        siblings = streams.shards.of_stream(shard.stream_arn)
        children = [each for each in siblings if each.parent_id == shard.shard_id]
        if children:
            return children
        later = [
            each
            for stream in streams.streams.of_table(shard.table_name)
            if stream.arn != shard.stream_arn
            for each in streams.shards.of_stream(stream.arn)
            if each.start_seq > shard.start_seq
        ]
        ids = {each.shard_id for each in later}
        return [each for each in later if each.parent_id not in ids]


class BeginningProgress(Progress):
    """A position among records and items, kept with how far the table is read there."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        shard_number: int,
        source: BeginningSource,
        *,
        start: int,
        stored: int | None,
    ) -> None:
        super().__init__(database, ownership, shard_number, start=start, stored=stored)
        self._source = source

    def _save(self, transaction: Transaction, sequence: int) -> None:
        if self._stored is not None:
            self._source.forget_marks(self._stored)
        super()._save(transaction, sequence)
        frontier = self._source.frontier_at(sequence)
        if frontier is not None:
            save_frontier(transaction, self._ownership.mapping, self._shard_number, frontier)
