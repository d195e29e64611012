"""What a worker has read ahead of its position: the records that its next calls are made of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, takewhile
from typing import NamedTuple, Protocol

from ..engine.storage import Transaction
from ..streams import Record, Shard, Streams
from .handler import ALL_EVENTS
from .mapping import EventSourceMapping
from .windows import Window

EVENT_BYTES_MAX = 6 * 1024 * 1024
"""Lambda's limit of an event; a batch ends before it passes this size."""

EVENT_BYTES = len('{"Records":[]}')
RECORD_BYTES = len(',"eventSourceARN":"",')
"""What an event has beyond its records' bodies, and each record beyond its own and the ARN."""


class Reading(NamedTuple):
    """A run of records behind a position, and how far they reach."""

    records: list[Record]
    through: int
    is_end: bool
    """Whether there can never be any behind `through`."""
    is_complete: bool
    """Whether there were none when it was read."""


class Source(Protocol):
    """Where a feed reads: a shard, the part of it that is one lane's, or more than a shard.

    `until` is the sequence that it ends with, where that is not the shard's end. `lane` is the
    number of the lane, where it is one.
    """

    until: int | None
    lane: int | None

    def read(self, after_sequence: int, limit: int) -> Reading:
        """Raises TrimmedDataAccessException where records behind that sequence are gone."""

    def begin_at(self, position: int) -> None:
        """Goes back to a position that was reached: what was read behind it is read again."""

    def finish(self, transaction: Transaction) -> None:
        """What else the commit of its end does."""


Choose = Callable[[list[Record]], list[Record]]
"""Picks the records, in their order, that the handler is to see."""


def chooser_of(mapping: EventSourceMapping, stream_arn: str) -> Choose:
    """What picks the records of a stream that a mapping's handler is to be called with."""
    names = mapping.event_names
    choose_event = _all if names == ALL_EVENTS else _those_of(names)
    if not mapping.filter_criteria:
        return choose_event
    from .filters import compile_filters

    select = compile_filters(mapping.filter_criteria).select
    return lambda records: select(choose_event(records), stream_arn)


def _those_of(names: frozenset[str]) -> Choose:
    return lambda records: [record for record in records if record.event_name in names]


def _all(records: list[Record]) -> list[Record]:
    return records


class Batch(NamedTuple):
    """What may be delivered at once."""

    records: list[Record]
    through: int
    """The sequence that is reached when all of them are done."""
    window: Window | None = None
    """What has been gathered over their window with them, once they have been delivered."""


class Feed:
    """Reads behind `position` and keeps what is wanted until it is done.

    `read_to` is how far it has read: what lies between and is not kept is not wanted.
    """

    def __init__(
        self, source: Source, choose: Choose, position: int, batch_size: int, stream_arn: str
    ) -> None:
        self.read_to = position
        self.is_complete = False
        """Whether nothing lay behind what was read when it was read."""
        self.is_end = False
        """Whether nothing will ever lie behind it."""
        self._source = source
        self._choose = choose
        self._batch_size = batch_size
        self._record_bytes = RECORD_BYTES + len(stream_arn)
        self._records: list[Record] = []
        self._sizes: list[int] = []
        self._bytes = EVENT_BYTES

    def __len__(self) -> int:
        return len(self._records)

    @property
    def is_full(self) -> bool:
        """Whether a batch of these would be as large as one may be."""
        return len(self._records) >= self._batch_size or self._bytes > EVENT_BYTES_MAX

    @property
    def records(self) -> list[Record]:
        """Those that are kept, in order."""
        return list(self._records)

    @property
    def first(self) -> Record | None:
        return self._records[0] if self._records else None

    def read(self) -> tuple[int, int]:
        """Reads once more, unless it is full; returns how many records that gave, and are wanted.

        Raises TrimmedDataAccessException, with what is kept already still kept.
        """
        if self.is_full:
            self.is_complete = False  # what has come since it was full is not known
            return 0, 0
        # Not only what is missing: few of the next may be wanted, and each read has its price.
        reading = self._source.read(self.read_to, self._batch_size)
        self.read_to, self.is_end, self.is_complete = reading[1:]
        records = reading.records
        if not records:
            return 0, 0
        wanted = self._choose(records)
        self._add(wanted)
        return len(records), len(wanted)

    def batch(self, limit: int) -> Batch:
        """The next records, at most `limit` and as many as an event may hold, but at least one."""
        count = min(limit, len(self._records), self._batch_size)
        if self._bytes > EVENT_BYTES_MAX:
            count = min(count, self._fitting())
        if count == len(self._records):
            return Batch(self._records, self.read_to)
        return Batch(self._records[:count], self._records[count - 1].sequence)

    def count_before(self, at_ms: int) -> int:
        """How many of the next records were made before a time."""
        return sum(1 for _ in takewhile(lambda record: record.at_ms < at_ms, self._records))

    def drop(self, count: int) -> None:
        """Forgets the first records: they are done."""
        self._bytes -= sum(islice(self._sizes, count))
        # New lists: a batch that was given out may be the old one.
        self._records = self._records[count:]
        self._sizes = self._sizes[count:]

    def begin_at(self, position: int) -> None:
        """Forgets everything and reads on from another place."""
        self._source.begin_at(position)
        self.read_to = position
        self.is_complete = self.is_end = False
        self._records, self._sizes, self._bytes = [], [], EVENT_BYTES

    def exchange(self, records: list[Record]) -> None:
        """Keeps these instead of those that it has, without reading anything anew."""
        self._records, self._sizes, self._bytes = [], [], EVENT_BYTES
        self._add(records)

    def _add(self, records: list[Record]) -> None:
        self._records += records
        sizes = [len(record.body) + self._record_bytes for record in records]
        self._sizes += sizes
        self._bytes += sum(sizes)

    def _fitting(self) -> int:
        size = EVENT_BYTES
        for count, more in enumerate(self._sizes):
            size += more
            if size > EVENT_BYTES_MAX and count:
                return count
        return len(self._sizes)


class ShardSource:
    """A whole shard."""

    until: int | None = None
    lane: int | None = None

    def __init__(self, streams: Streams, shard: Shard) -> None:
        self._streams = streams
        self._shard = shard

    def read(self, after_sequence: int, limit: int) -> Reading:
        records, is_end, is_complete = self._streams.read(
            self._shard, after_sequence, limit, EVENT_BYTES_MAX
        )
        through = records[-1].sequence if records else after_sequence
        return Reading(records, through, is_end, is_complete)

    def begin_at(self, position: int) -> None:
        pass

    def finish(self, transaction: Transaction) -> None:
        pass
