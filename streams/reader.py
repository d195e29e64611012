"""Reading a whole stream as one run of records in commit order, over all shards it has had."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..engine.errors import ResourceNotFoundException, TrimmedDataAccessException
from ..engine.storage import Reader
from .records import Record, unpacker_of
from .shards import Shard
from .start import sequence_before
from .stream import Stream

if TYPE_CHECKING:
    from .streams import Streams

LANE_RECORDS = 512
LANE_BYTES_MAX = 512 * 1024
READ_RECORDS = 1000

TRIMMED = (
    "records that were to be read next have been dropped, for they were older than the stream "
    'keeps them: start at "beginning", which is the oldest record that is left'
)


class After(NamedTuple):
    """Reading starts with the first record behind this sequence."""

    sequence: int


class AtTime(NamedTuple):
    """Reading starts with the first record made at this time or later; older ones that were
    committed behind it, where a clock was set back, are read too.
    """

    at_ms: int


Start = Literal["beginning", "latest"] | After | AtTime

_sequence_of = itemgetter(0)
_UNBOUNDED = 2**63


class _Lane:
    """How far one shard has been read, and what was fetched of it but not given yet."""

    __slots__ = ("after", "is_ended", "shard", "waiting")

    def __init__(self, shard: Shard, after: int) -> None:
        self.shard = shard
        self.after = after
        self.is_ended = False
        """Whether the shard can have no record behind those fetched."""
        self.waiting: list[Record] = []


class StreamReader:
    """A place in a stream; `read` moves it on. For one thread at a time.

    Sequences are given in commit order over the whole region and all processes on its file. So a
    snapshot holds every record up to the newest it holds, and the records of all shards, merged by
    sequence, are the stream in commit order: rolls, splits and merges of lineages do not matter.

    All that a round goes by comes from its one snapshot: which shards there are, whether they have
    ended, how far they were trimmed, and their records. No mirror in memory is asked, which can be
    behind a commit or ahead of a snapshot, so that nothing can happen between the look at the
    shards and the look at their records.

    Raises ResourceNotFoundException for a stream that is not there, TrimmedDataAccessException for
    a start from which on records have been dropped, ValueError for one that has not come yet.
    """

    def __init__(
        self,
        streams: Streams,
        stream_arn: str,
        start: Start = "beginning",
        *,
        lane_records: int = LANE_RECORDS,
    ) -> None:
        self._streams = streams
        self._lane_records = lane_records
        self.stream_arn = stream_arn
        self.position = 0
        """The sequence that reading goes on behind; a reader started after it goes on the same."""
        self.is_end = False
        """Whether the stream was disabled and all its records have been given."""
        self._ready: deque[Record] = deque()
        self._merged_seq = 0
        """The last sequence that was merged into what is ready."""
        self._lanes: list[_Lane] = []
        self._numbers: frozenset[int] = frozenset()
        self._newest_number = 0
        streams.database.store.read(lambda reader: self._start_at(reader, start))

    def read(self, limit: int = READ_RECORDS) -> list[Record]:
        """The next records, at most `limit`; empty when there are none behind them now.

        Raises TrimmedDataAccessException where records that come next have been dropped.
        """
        if not self._ready and not self.is_end:
            self._ready.extend(self._streams.database.store.read(self._merge))
        ready = self._ready
        records = [ready.popleft() for _ in range(min(limit, len(ready)))]
        if records:
            self.position = records[-1].sequence
        return records

    def newest(self) -> int:
        """A sequence behind which no record of the stream stands that is committed by now."""

        def look(reader: Reader) -> int:
            shards = self._streams.shards.stored_of(reader, self.stream_arn)
            return _newest(reader, self._stored_stream(reader), shards)

        return self._streams.database.store.read(look)

    def is_concerned(self, shards: frozenset[int] | None) -> bool:
        """Whether there may be something to read after what `Streams.on_append` has told.

        Any thread may ask.
        """
        if not shards:
            return True
        numbers, newest = self._numbers, self._newest_number
        return any(number in numbers or number > newest for number in shards)

    # --- where to start ------------------------------------------------------------------------

    def _start_at(self, reader: Reader, start: Start) -> None:
        stream = self._stored_stream(reader)
        shards = self._streams.shards.stored_of(reader, self.stream_arn)
        after = self._after(reader, stream, shards, start)
        trimmed_seq = max([stream.trimmed_seq, *(shard.trimmed_seq for shard in shards)])
        if isinstance(start, After):
            if trimmed_seq > after:
                raise TrimmedDataAccessException(TRIMMED)
            self._merged_seq = after
        else:
            # What is gone by now is not asked for; what goes from now on would be missed.
            self._merged_seq = max(after, trimmed_seq)
        self.position = self._merged_seq
        for shard in shards:
            if shard.end_seq is None or shard.end_seq > after:
                self._add_lane(shard, max(shard.start_seq - 1, shard.trimmed_seq, after))
        self._newest_number = self._streams.shards.newest_number(reader)

    def _after(self, reader: Reader, stream: Stream, shards: list[Shard], start: Start) -> int:
        if start == "beginning":
            return 0
        newest = _newest(reader, stream, shards)
        if isinstance(start, After):
            if start.sequence > newest:
                raise ValueError("the stream has not come to this sequence number: it is another's")
            return start.sequence
        if isinstance(start, AtTime):
            if start.at_ms > self._streams.database.clock.now_ms():
                raise ValueError('a start is not in the future: "latest" is what comes from now on')
            found = [sequence_before(reader, shard, start.at_ms) for shard in shards]
            return min((each for each in found if each is not None), default=newest)
        return newest

    def _stored_stream(self, reader: Reader) -> Stream:
        stream = self._streams.streams.stored(reader, self.stream_arn)
        if stream is None:
            raise ResourceNotFoundException(
                f"Requested resource not found: Stream: {self.stream_arn} not found"
            )
        return stream

    # --- a round -------------------------------------------------------------------------------

    def _merge(self, reader: Reader) -> list[Record]:
        """Every record up to the first sequence at which a shard may have some not fetched yet."""
        stream = self._streams.streams.stored(reader, self.stream_arn)
        # Shards that went as a whole are known by the last record they had alone.
        if stream is None or stream.trimmed_seq > self._merged_seq:
            raise TrimmedDataAccessException(TRIMMED)
        self._add_new_lanes(reader)
        until = _UNBOUNDED
        for lane in self._lanes:  # in the order of their first sequences
            if lane.shard.start_seq > until:
                break
            until = min(until, self._fetch(reader, lane, stream))
        merged: list[Record] = []
        for lane in self._lanes:
            count = bisect_right(lane.waiting, until, key=_sequence_of)
            merged += lane.waiting[:count]
            del lane.waiting[:count]
        merged.sort(key=_sequence_of)
        self._drop_ended_lanes()
        if merged:
            self._merged_seq = max(self._merged_seq, merged[-1].sequence)
        self.is_end = not self._lanes and stream.disabled_ms is not None
        return merged

    def _add_new_lanes(self, reader: Reader) -> None:
        newest = self._streams.shards.newest_number(reader)
        for number in range(self._newest_number + 1, newest + 1):
            shard = self._streams.shards.stored(reader, number)
            if shard is not None and shard.stream_arn == self.stream_arn:
                self._add_lane(shard, shard.start_seq - 1)
        self._newest_number = newest

    def _fetch(self, reader: Reader, lane: _Lane, stream: Stream) -> int:
        """Fetches a lane's next records if none are waiting; returns the sequence up to which all
        of the lane's are known.
        """
        if lane.waiting:
            # Fetched from an earlier snapshot: there may be more behind them in this one.
            return _UNBOUNDED if lane.is_ended else lane.waiting[-1].sequence
        shard = self._streams.shards.stored(reader, lane.shard.number)
        if shard is None:  # with nothing that was to be read, or `_merge` had raised
            lane.is_ended = True
            return _UNBOUNDED
        if shard.trimmed_seq > lane.after:
            raise TrimmedDataAccessException(TRIMMED)
        unpack = unpacker_of(stream.arn, stream.view_type, self._streams.database.region)
        start = shard.start_seq - 1
        rows = reader.log_read(shard.number, lane.after - start, 2**40 - 1, self._lane_records)
        size = count = 0
        for position, transaction, at_ms, packed in rows:
            sequence = start + position
            body = unpack(packed, sequence, at_ms)
            lane.waiting.append(Record(sequence, transaction, at_ms, body))
            size += len(body)
            count += 1
            if size > LANE_BYTES_MAX:
                break
        if lane.waiting:
            lane.after = lane.waiting[-1].sequence
        if count == self._lane_records or size > LANE_BYTES_MAX:
            return lane.after
        lane.is_ended = not shard.is_open
        return _UNBOUNDED

    def _add_lane(self, shard: Shard, after: int) -> None:
        insort(self._lanes, _Lane(shard, after), key=lambda lane: lane.shard.start_seq)
        self._numbers |= {shard.number}

    def _drop_ended_lanes(self) -> None:
        if any(lane.is_ended and not lane.waiting for lane in self._lanes):
            self._lanes = [lane for lane in self._lanes if lane.waiting or not lane.is_ended]
            self._numbers = frozenset(lane.shard.number for lane in self._lanes)


def _newest(reader: Reader, stream: Stream, shards: list[Shard]) -> int:
    """The greatest sequence that is known of a stream: of a record, or where a shard ends."""
    newest = stream.trimmed_seq
    for shard in shards:
        ends = None if shard.end_seq is not None else reader.log_ends(shard.number)
        last = 0 if ends is None else shard.sequence_at(ends[1].position)
        newest = max(newest, shard.start_seq, shard.trimmed_seq, shard.end_seq or 0, last)
    return newest
