"""The streams of a region: they watch the engine, keep its records and let them be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

from ..engine import Change, Database, Table
from ..engine.errors import TrimmedDataAccessException
from ..engine.schema import StreamSettings
from ..engine.storage import Reader, Transaction
from .causes import Causes
from .lags import Lag, list_lags
from .limits import StreamLimits
from .operations import STREAM_OPERATIONS, bind_operations
from .pins import Pin, list_pins, remove_pin
from .records import Record, pack_record, unpacker_of
from .retention import CHUNK_RECORDS, Rest, trim_expired
from .shards import TRIMMED, Shard, ShardMap
from .stream import StreamMap

SLICE_BYTES_MAX = 1024 * 1024


class Slice(NamedTuple):
    """A run of a shard's records."""

    records: list[Record]
    is_end: bool
    """Whether there can never be any behind them: the shard is closed."""
    is_complete: bool
    """Whether there were none behind them when they were read."""


class Streams:
    """The stream side of a database: create one beside it, before its tables are written.

    Records are appended in the transaction of the change they tell of; that is why this object
    observes the database instead of reading behind it.
    """

    def __init__(
        self,
        database: Database,
        limits: StreamLimits | None = None,
    ) -> None:
        self.database = database
        self.limits = limits or StreamLimits()
        self.shards = ShardMap()
        self.streams = StreamMap()
        self.causes = Causes()
        """What the records that handlers made follow from."""
        self._at_ms = 0
        self._timed: set[int] = set()
        """The shards none of whose records is younger than `_at_ms`."""
        self._listeners: dict[object, Callable[[frozenset[int] | None], None]] = {}
        database.change_observers.append(self._append)
        database.catalog.observers.append(self._follow_table)
        database.store.read(self._load)
        database.store.on_foreign_commit(self._load)
        database.operations.update(bind_operations(self, STREAM_OPERATIONS))

    # --- reading -------------------------------------------------------------------------------

    def shards_of(self, stream_arn: str) -> list[Shard]:
        """The shards of a stream in order of their ids, parents before children."""
        return self.shards.of_stream(stream_arn)

    def read(
        self,
        shard: Shard,
        after_sequence: int,
        limit: int,
        size_bytes_max: int = SLICE_BYTES_MAX,
    ) -> Slice:
        """At most `limit` records of a shard behind a sequence, up to about `size_bytes_max`.

        At least one record is given when there is one, however large it is. Raises
        TrimmedDataAccessException where records behind that sequence have been dropped.
        """
        # The shard as it is now is looked up before the snapshot is taken: if it says closed, the
        # snapshot holds everything the shard will ever have.
        current = self.shards.by_number.get(shard.number, shard)
        return self.database.store.read(
            lambda reader: self._slice(reader, current, after_sequence, limit, size_bytes_max)
        )

    def last_sequence(self, shard: Shard) -> int:
        """The sequence of the shard's last record; its start or trim point when it has none."""

        def look(reader: Reader) -> int:
            ends = reader.log_ends(shard.number)
            if ends is not None:
                return max(shard.start_seq, shard.sequence_at(ends[1].position))
            return self._horizon(reader, shard)

        return self.database.store.read(look)

    def trim_horizon(self, shard: Shard) -> int:
        """The sequence behind which all the records stand that a shard still has."""
        return self.database.store.read(lambda reader: self._horizon(reader, shard))

    def _horizon(self, reader: Reader, shard: Shard) -> int:
        trimmed_seq = self.shards.trimmed_of(reader, shard.number)
        return max(shard.start_seq, shard.trimmed_seq if trimmed_seq is None else trimmed_seq)

    def on_append(self, callback: Callable[[frozenset[int] | None], None]) -> Callable[[], None]:
        """Calls back on the writer's thread with the numbers of the shards a commit appended to,
        or ended with their stream.

        None says that another process has committed and any shard may have grown; an empty set, on
        the thread that closes it, that the store takes no more reads. Returns a function that ends
        it.
        """
        end_at_store = self.database.store.on_append(callback)
        listener = object()
        self._listeners[listener] = callback

        def end() -> None:
            end_at_store()
            self._listeners.pop(listener, None)

        return end

    def trim(
        self,
        chunk_records: int = CHUNK_RECORDS,
        rest: Rest | None = None,
    ) -> int:
        """Drops what is older than the retention, in short transactions; returns how many.

        `rest` is called between them with the seconds that others should have for their writes; it
        returns whether to stop.
        """
        return trim_expired(
            self.database,
            self.shards,
            self.streams,
            self._retention_ms,
            chunk_records=chunk_records,
            rest=rest,
        )

    def pins(self) -> list[Pin]:
        """The handlers that pin records, and how much each holds back."""
        before_ms = self.database.clock.now_ms() - self._retention_ms
        return self.database.store.read(
            lambda reader: list_pins(reader, self.shards, self.streams, before_ms)
        )

    def lags(self) -> list[Lag]:
        """How far each handler that has ever run is behind, by its positions in the store."""
        return self.database.store.read(lambda reader: list_lags(reader, self.shards, self.streams))

    def unpin(self, handler: str) -> None:
        """Lets what a handler pins leave with the next trim, until it is started again with a pin.

        Raises ValueError where it pins nothing.
        """
        if not self.database.write(lambda transaction: remove_pin(transaction, handler)):
            raise ValueError(f"no handler {handler!r} pins records")

    @property
    def _retention_ms(self) -> int:
        return round(self.limits.retention_seconds * 1000)

    def roll_aged(self) -> int:
        """Rolls the open shards whose time has come although nobody writes; returns how many."""

        def work(transaction: Transaction) -> int:
            at_ms = self.database.clock.now_ms()
            rolled = 0
            for shard in list(self.shards.open.values()):
                table = self.database.catalog.tables.get(shard.table_name)
                if table is None or table.stream is None:
                    continue
                if at_ms - shard.created_ms < self.limits.shard_seconds_max * 1000:
                    continue
                self._roll(transaction, table, shard, at_ms)
                rolled += 1
            return rolled

        return self.database.write(work)

    def _slice(
        self, reader: Reader, shard: Shard, after_sequence: int, limit: int, size_bytes_max: int
    ) -> Slice:
        trimmed_seq = self.shards.trimmed_of(reader, shard.number)
        if trimmed_seq is None or after_sequence < trimmed_seq:
            raise TrimmedDataAccessException(TRIMMED)
        records: list[Record] = []
        size = 0
        start = shard.start_seq - 1
        after = max(0, after_sequence - start)
        until = shard.position_of(shard.end_seq) if shard.end_seq is not None else 2**40 - 1
        stream = self.streams.by_arn.get(shard.stream_arn)
        view_type = stream.view_type if stream else ""  # a stream that is gone has no rows either
        unpack = unpacker_of(shard.stream_arn, view_type, self.database.region)
        rows = reader.log_read(shard.number, after, until, limit)
        for position, transaction, at_ms, packed in rows:
            body = unpack(packed, start + position, at_ms)
            size += len(body)
            if records and size > size_bytes_max:
                return Slice(records, is_end=False, is_complete=False)
            records.append(Record(start + position, transaction, at_ms, body))
        is_complete = len(records) < limit
        return Slice(records, is_end=is_complete and not shard.is_open, is_complete=is_complete)

    # --- watching the engine -------------------------------------------------------------------

    def _load(self, reader: Reader) -> None:
        self.streams.load(reader)
        self.shards.load(reader)
        self._timed.clear()

    def _append(self, transaction: Transaction, change: Change) -> None:
        settings = change.table.stream
        if settings is None:
            return
        partition = change.table.partition_of(change.token).number
        shard = self.shards.open[settings.arn, partition]
        if shard.number not in self._timed:
            self._take_time_of(transaction, shard)
        # Times do not run back along a shard when the clock does: trimming is not held up, and a
        # time is found by halving.
        self._at_ms = at_ms = max(self._at_ms, change.at_ms)
        if at_ms - shard.created_ms >= self.limits.shard_seconds_max * 1000:
            shard = self._roll(transaction, change.table, shard, at_ms)
        seq = transaction.next_sequence()
        packed = pack_record(change, settings.view_type)
        group = change.transaction or seq
        transaction.log_append(shard.number, shard.position_of(seq), group, at_ms, packed)
        if transaction.cause is not None:
            # Before the commit: a reader may have the record before what follows a commit is done.
            self.causes.note(seq, transaction.cause)
            transaction.after_rollback(lambda: self.causes.forget(seq))

    def _take_time_of(self, transaction: Transaction, shard: Shard) -> None:
        """Has the next record be no older than the shard's last, whichever process wrote that."""
        ends = transaction.log_ends(shard.number)
        if ends is not None:
            self._at_ms = max(self._at_ms, ends[1].at_ms)
        self._timed.add(shard.number)

    def _roll(self, transaction: Transaction, table: Table, shard: Shard, at_ms: int) -> Shard:
        assert table.stream is not None
        closed = self.shards.close_shard(transaction, shard, at_ms)
        return self.shards.open_shard(
            transaction, table, table.stream, shard.partition, at_ms, parent=closed
        )

    def _follow_table(self, transaction: Transaction, old: Table | None, new: Table | None) -> None:
        before = old.stream if old else None
        after = new.stream if new else None
        at_ms = self.database.clock.now_ms()
        if before == after:
            if old and new and after and old.partitions != new.partitions:
                self._follow_splits(transaction, old, new, after, at_ms)
            return
        if before is not None:
            ended = [shard for shard in self.shards_of(before.arn) if shard.is_open]
            for shard in ended:
                self.shards.close_shard(transaction, shard, at_ms)
            self.streams.disable(transaction, before.arn, at_ms)
            numbers = frozenset(shard.number for shard in ended)
            transaction.after_commit(lambda: self._tell(numbers))
        if after is not None and new is not None:
            self.streams.enable(transaction, new, after, at_ms)
            for partition in new.partitions:
                self.shards.open_shard(transaction, new, after, partition.number, at_ms)

    def _tell(self, numbers: frozenset[int]) -> None:
        for listener in list(self._listeners.values()):
            listener(numbers)

    def _follow_splits(
        self, transaction: Transaction, old: Table, new: Table, settings: StreamSettings, at_ms: int
    ) -> None:
        """Closes the shard of each partition that is gone; those in its place get its children."""
        for gone in set(old.partitions) - set(new.partitions):
            parent = self.shards.open[settings.arn, gone.number]
            closed = self.shards.close_shard(transaction, parent, at_ms)
            for partition in new.partitions:
                if gone.holds(partition.token_low):
                    self.shards.open_shard(
                        transaction, new, settings, partition.number, at_ms, parent=closed
                    )


def parse_record(record: Record) -> dict[str, object]:
    """The record as the dictionary GetRecords answers with."""
    parsed: dict[str, object] = orjson.loads(record.body)
    return parsed
