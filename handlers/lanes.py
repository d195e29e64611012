"""Lanes: a shard's records divided by item, so that several batches of it run at once.

What happens to one item stays in one lane, and in order. Lanes have positions of their own; the
shard's is the lowest of them.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import deque
from operator import attrgetter
from typing import NamedTuple
from zlib import crc32

from ..engine.storage import Transaction
from ..streams import Record, Shard, Streams
from .feed import EVENT_BYTES_MAX, Reading
from .transaction import OUTBOX

PAGES_PER_LANE = 2
PAGE_RECORDS_MAX = 10_000

# Up to the first member behind the keys. A key attribute may have such a member's name: then this
# ends early, but for every change of an item at the same place.
_KEYS = re.compile(rb'"Keys":(.*?),"(?:NewImage|OldImage|SequenceNumber)":', re.DOTALL)

# Effects of one order are items of their own, with one partition key, which stands first.
_ORDER_KEYS = re.compile(rb'"Keys":\{("order_key":\{"S":"(?:[^"\\]|\\.)*"\})')

_sequence_of = attrgetter("sequence")


def lane_of(record: Record, lanes: int, keys: re.Pattern[bytes] = _KEYS) -> int:
    """The lane of a record's item, by what `keys` finds of it."""
    found = keys.search(record.body)
    return crc32(found[1] if found else b"") % lanes


class _Page(NamedTuple):
    after: int
    through: int
    is_end: bool
    by_lane: list[list[Record]]


class SharedPages:
    """What the lanes of one shard read: each page is read and divided once, not once a lane."""

    def __init__(
        self, streams: Streams, shard: Shard, lanes: int, batch_size: int, until: int | None = None
    ) -> None:
        """`until` is the sequence that these lanes end with, if they do before the shard does."""
        self.lanes = lanes
        self._streams = streams
        self._shard = shard
        self._keys = _ORDER_KEYS if shard.table_name == OUTBOX else _KEYS
        self.until = until
        self._limit = min(PAGE_RECORDS_MAX, batch_size * lanes)
        self._pages: deque[_Page] = deque(maxlen=PAGES_PER_LANE * lanes)
        self._lock = threading.Lock()

    def read(self, lane: int, after: int, limit: int) -> Reading:
        """At most `limit` records of a lane. Raises TrimmedDataAccessException."""
        is_complete = False
        with self._lock:
            page = next((each for each in self._pages if each.after <= after < each.through), None)
            if page is None:
                page, is_complete = self._read(after)
        records = page.by_lane[lane]
        first = bisect_right(records, after, key=_sequence_of)
        rest = len(records) - first
        if rest > limit:
            taken = records[first : first + limit]
            return Reading(taken, taken[-1].sequence, is_end=False, is_complete=False)
        # A page that was kept says nothing about what came since: whoever has it reads again.
        taken = records[first:] if first else records
        is_end = page.is_end
        return Reading(taken, page.through, is_end, is_complete=is_complete or is_end)

    def _read(self, after: int) -> tuple[_Page, bool]:
        if self.until is not None and after >= self.until:
            return _Page(after, after, True, [[] for _ in range(self.lanes)]), True
        records, is_end, is_complete = self._streams.read(
            self._shard, after, self._limit, EVENT_BYTES_MAX
        )
        if self.until is not None and (is_end or not records or records[-1].sequence >= self.until):
            records = [record for record in records if record.sequence <= self.until]
            through, is_end, is_complete = self.until, True, True
        else:
            through = records[-1].sequence if records else after
        by_lane: list[list[Record]] = [[] for _ in range(self.lanes)]
        for record in records:
            by_lane[lane_of(record, self.lanes, self._keys)].append(record)
        page = _Page(after, through, is_end, by_lane)
        if through > after:
            self._pages.append(page)
        return page, is_complete


class LaneSource:
    """One lane of a shard."""

    def __init__(self, pages: SharedPages, lane: int) -> None:
        self.until = pages.until
        self.lane: int | None = lane
        self._pages = pages
        self._number = lane

    def read(self, after_sequence: int, limit: int) -> Reading:
        return self._pages.read(self._number, after_sequence, limit)

    def begin_at(self, position: int) -> None:
        pass

    def finish(self, transaction: Transaction) -> None:
        pass
