"""A table's stream as a Python object: its changes in order, as they come or from any time on."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from .handlers.change import RecordChange, Show
from .handlers.python_values import item_to_python
from .reading import Reading
from .streams import After, AtTime, Record, Start, StreamReader, Streams, from_wire
from .streams.lineage import ShardFacts, trace_lineage

if TYPE_CHECKING:
    from .async_stream import AsyncStream

Place = str | int | datetime
"""Where reading starts, as a user writes it: see `Stream.read`."""


class Stream:
    """A stream of a table; `App.stream` gives it. `aio` is the same for callers that await."""

    def __init__(
        self, streams: Streams, arn: str, table_name: str, show: Show = item_to_python
    ) -> None:
        self.streams = streams
        self.arn = arn
        self.table_name = table_name
        self._show = show

    def read(
        self,
        start: Place = "beginning",
        *,
        after: str | int | None = None,
        follow: bool = False,
    ) -> Reading:
        """The changes from `start` on, in the order of their commits, over all the shards.

        `start` is "beginning" (the oldest record kept), "latest" (what is committed from this call
        on), a sequence number (the record that has it comes first), or a time, as a datetime or in
        ISO 8601 with its offset: the first record made then or later. `after` is the sequence
        number of a record behind which to go on instead.

        It ends with what was committed when its first change is asked for. With `follow` it waits
        for more, until the stream is disabled, the app or the reading closed.

        Raises ValueError for a start that is none, and TrimmedDataAccessException, also while it
        is read, where records that come next have been dropped: no record is ever left out.
        """
        reader = StreamReader(self.streams, self.arn, parse_start(start, after))
        return Reading(self.streams, reader, self.present, follow=follow)

    def shards(self) -> list[ShardFacts]:
        """The stream's shards, each behind its parent, with what they hold at this moment."""
        return trace_lineage(self.streams, self.arn)

    def present(self, record: Record) -> RecordChange:
        """A record as readers get it."""
        return RecordChange(record, self.table_name, self._show)

    @cached_property
    def aio(self) -> AsyncStream:
        """The stream for asyncio: `async for change in stream.aio.read(...)`."""
        from .async_stream import AsyncStream

        return AsyncStream(self)

    def __repr__(self) -> str:
        return f"<pelton.Stream {self.arn}>"


def parse_start(start: Place, after: str | int | None = None) -> Start:
    """A start as a reader takes it. Raises ValueError that tells what to write instead."""
    if after is not None:
        if start != "beginning":
            raise ValueError("give start or after, not both")
        return After(_parse_sequence(after))
    if start == "beginning" or start == "latest":
        return start  # type: ignore[return-value]
    if isinstance(start, datetime):
        return AtTime(_milliseconds(start))
    text = str(start)
    if text.isascii() and text.isdigit() and len(text) > 8:  # 20261123 is a day
        return After(_parse_sequence(text) - 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            'start is "beginning", "latest", the sequence number of a record or a time with its '
            f'offset such as "2026-11-23T08:00Z", not {start!r}'
        ) from None
    return AtTime(_milliseconds(moment))


def _parse_sequence(number: str | int) -> int:
    try:
        return from_wire(str(number))
    except ValueError:
        raise ValueError(
            f"a sequence number has 21 digits, as records show it: {number!r} has not"
        ) from None


def _milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset: write it, or Z for UTC, behind it")
    return round(moment.timestamp() * 1000)
