"""Tumbling windows: what a handler gathers over spans of time, handed from call to call.

A shard has one window open at a time. What the handler makes of its records is kept in the commits
that move the position on behind them, so that nothing is counted twice or lost. When the window's
time has passed a last call, without records, gets what was gathered. A shard that rolls hands its
window on to the one that follows; one that is split, or whose stream ends, ends it early.
Source: "Tumbling windows" in the AWS Lambda developer guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson

from ..engine import Database
from ..engine.storage import Reader, Transaction
from ..streams import Record, Shard, Streams
from ..streams.checkpoints import forget_window, read_window, save_window
from .mapping import EventSourceMapping

if TYPE_CHECKING:
    from .feed import Feed, Source

STATE_BYTES_MAX = 1024 * 1024
"""Lambda's limit of a state: a window that gathers more is ended early."""

ANSWER_BYTES_MAX = 6 * 1024 * 1024
"""Lambda's limit of an answer."""

NOTHING_GATHERED = b"{}"

Work = Callable[[Transaction], None]


class WindowStateError(ValueError):
    """Raised for an answer that has no state that can be kept: the call counts as failed."""


@dataclass(frozen=True)
class Window:
    """A span of time, from `start_ms` until before `end_ms`, and the JSON of what was gathered."""

    start_ms: int
    end_ms: int
    state: bytes = NOTHING_GATHERED

    @property
    def is_too_large(self) -> bool:
        return len(self.state) > STATE_BYTES_MAX

    def members(
        self, shard: Shard, *, is_final: bool = False, is_early: bool = False
    ) -> dict[str, Any]:
        """What the event of a call has beyond its records."""
        return {
            "window": {"start": _iso(self.start_ms), "end": _iso(self.end_ms)},
            "state": orjson.loads(self.state),
            "shardId": shard.shard_id,
            "eventSourceARN": shard.stream_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_early,
        }


class Turn(Enum):
    """What is to be done about the window of a shard before more of its records are delivered."""

    NONE = "nothing"
    SETTLE = "let the writes in the queue pass and read once more"
    CLOSE = "the last call: its time has passed"
    CUT_SHORT = "the last call, although its time has not passed"


class ShardWindows:
    """The windows of one shard, or of a lane of it, one after the other."""

    def __init__(
        self,
        database: Database,
        streams: Streams,
        mapping: EventSourceMapping,
        shard: Shard,
        source: Source,
    ) -> None:
        self._database = database
        self._streams = streams
        self._name = mapping.name
        self._shard = shard
        self._source = source
        self._lane = source.lane or 0
        self._length_ms = mapping.tumbling_window_in_seconds * 1000
        self._settled_ms = 0
        """The end of the window for which the queue of writes has passed since its time was over.
        """
        self.failures = 0
        """How often the last call of the window has failed."""
        self.is_timed = False
        """Whether there is a timer that wakes whoever has these."""
        self.current = database.store.look_up(self._read)

    def window_of(self, record: Record) -> Window:
        """The window that a record belongs to: the open one, unless the record is behind it."""
        if self.current is not None and record.at_ms < self.current.end_ms:
            return self.current
        start_ms = record.at_ms - record.at_ms % self._length_ms
        return Window(start_ms, start_ms + self._length_ms)

    def turn(self, feed: Feed) -> Turn:
        """What is to be done before more is delivered."""
        window = self.current
        if window is None:
            return Turn.NONE
        if window.is_too_large:
            return Turn.CUT_SHORT
        if feed.first is not None:
            return Turn.CLOSE if feed.first.at_ms >= window.end_ms else Turn.NONE
        if not feed.is_complete:
            return Turn.NONE
        if feed.is_end:
            return self._turn_at_end(window)
        if self._database.clock.now_ms() < window.end_ms:
            return Turn.NONE
        return Turn.CLOSE if self._settled_ms == window.end_ms else Turn.SETTLE

    def settle(self) -> None:
        """Waits for the writes in the queue: their time may be that of a window that is over."""
        self._database.write(_nothing)
        if self.current is not None:
            self._settled_ms = self.current.end_ms

    def seconds_left(self) -> float | None:
        """How long until the time of the open window has passed; None where none is open."""
        if self.current is None:
            return None
        return (self.current.end_ms - self._database.clock.now_ms()) / 1000

    # --- the last call -------------------------------------------------------------------------

    @property
    def occasion(self) -> str:
        """What the last call, which has no record, is known by."""
        window = self._opened()
        return f"window-{window.start_ms // 1000}-{window.end_ms // 1000}"

    def last_members(self, turn: Turn) -> dict[str, Any]:
        """What the event of the last call has beyond its empty list of records."""
        is_early = turn is Turn.CUT_SHORT
        return self._opened().members(self._shard, is_final=True, is_early=is_early)

    def check_last(self, answer: Any) -> None:
        """Raises WindowStateError as for every other call, although nothing is kept any more."""
        gathered(self._opened(), answer)

    def _opened(self) -> Window:
        assert self.current is not None, "there is no last call of no window"
        return self.current

    # --- what is kept --------------------------------------------------------------------------

    def keeping(self, window: Window | None, work: Work) -> Work:
        """Work that makes a window the one that is kept as open, or none, beside `work`."""

        def keep(transaction: Transaction) -> None:
            work(transaction)
            self._keep(transaction, window)

        return keep

    def open(self, window: Window | None) -> None:
        """Takes note that what is kept has been committed."""
        if window is None or self.current is None or window.end_ms != self.current.end_ms:
            self.failures = 0
        self.current = window

    def handing_on(self, work: Work) -> Work:
        """Work that gives the open window to the shard that goes on from here, beside `work`.

        On AWS every shard begins with a fresh state.
        """

        def hand_on(transaction: Transaction) -> None:
            work(transaction)
            heir = self._heir(transaction)
            if self.current is not None and heir is not None:
                self._save(transaction, heir, self.current)
                self._keep(transaction, None)

        return hand_on

    # --- inside --------------------------------------------------------------------------------

    def _turn_at_end(self, window: Window) -> Turn:
        if self._source.until is not None:
            # The shard goes on: as a whole with this very window, or in other lanes with new ones.
            return Turn.NONE if self._source.lane is None else Turn.CUT_SHORT
        heir, closed_ms = self._database.store.look_up(
            lambda reader: (self._heir(reader), self._closed_ms(reader))
        )
        if heir is not None:
            return Turn.NONE
        return Turn.CUT_SHORT if closed_ms < window.end_ms else Turn.CLOSE

    def _heir(self, reader: Reader) -> Shard | None:
        """The one shard that has all that this one would have had, if there is one."""
        siblings = self._streams.shards.stored_of(reader, self._shard.stream_arn)
        children = [each for each in siblings if each.parent_id == self._shard.shard_id]
        if len(children) == 1 and children[0].partition == self._shard.partition:
            return children[0]
        return None

    def _closed_ms(self, reader: Reader) -> int:
        stored = self._streams.shards.stored(reader, self._shard.number)
        closed_ms = None if stored is None else stored.closed_ms
        return self._database.clock.now_ms() if closed_ms is None else closed_ms

    def _keep(self, transaction: Transaction, window: Window | None) -> None:
        if window is None:
            forget_window(transaction, self._name, self._shard.number, self._lane)
        else:
            self._save(transaction, self._shard, window)

    def _save(self, transaction: Transaction, shard: Shard, window: Window) -> None:
        save_window(transaction, self._name, shard.number, self._lane, _packed(window))

    def _read(self, reader: Reader) -> Window | None:
        packed = read_window(reader, self._name, self._shard.number, self._lane)
        return None if packed is None else _unpacked(packed)


def gathered(window: Window, answer: Any) -> Window:
    """A window after a call that answered `{"state": ...}`.

    Raises WindowStateError for an answer without one, or with one that is not JSON.
    """
    if not isinstance(answer, Mapping) or "state" not in answer:
        raise WindowStateError(
            'a handler with tumbling windows returns {"state": what it has gathered}, not '
            f"{answer!r:.200}"
        )
    try:
        state = orjson.dumps(answer["state"])
    except TypeError as error:
        raise WindowStateError(f"the state of a window is JSON: {error}") from error
    if len(state) > ANSWER_BYTES_MAX:
        raise WindowStateError(f"the state of a window has {len(state):,} bytes, more than 6 MB")
    return replace(window, state=state)


def _packed(window: Window) -> bytes:
    return b"%d %d %b" % (window.start_ms, window.end_ms, window.state)


def _unpacked(packed: bytes) -> Window:
    start, end, state = packed.split(b" ", 2)
    return Window(int(start), int(end), state)


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing(transaction: Transaction) -> None:
    pass
