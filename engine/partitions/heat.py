"""Heat: how many units a second each partition and each key takes, from what was read and written.

Kept in the memory of the process that answers the requests: another process has heat of its own,
and a new one begins cold. Up to `noted_per_second_max` requests a second are counted one by one;
of more a part is drawn by lot, and what is drawn stands for the rest.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from ..capacity import read_units, write_units
from ..clock import Clock
from ..item_keys import ItemKey
from ..schema import Table
from .heavy_keys import HeavyKey, HeavyKeys
from .partition import Partition, PartitionLimits

SHOWN_SECONDS = 60.0
"""The time that `Heat.of` tells of, unless it is asked for another."""

SLOT_SECONDS_MAX = 10.0
SLOTS_MIN = 6
"""A slot is that part of the time over which a partition must be hot, or ten seconds."""

NOTED_PER_SECOND_MAX = 250
"""To note a request takes some microseconds, as long as a tenth of a small GetItem over HTTP."""
CHANCE_MIN = 1 / 256
HOTTEST_MAX = 10

Kind = Literal["Read", "Write"]
KINDS: tuple[Kind, Kind] = ("Read", "Write")


@dataclass(frozen=True, slots=True)
class KeyHeat:
    """What one partition key takes."""

    token: int
    value: dict[str, Any] | None
    """As on the wire, as in {"S": "a"}; None where only its token is known."""
    units_per_second: float
    share: float
    """Of all units of its kind that the table takes, 0 to 1; at least so much."""


@dataclass(frozen=True, slots=True)
class PartitionHeat:
    """What one partition takes."""

    partition: Partition
    read_units_per_second: float
    write_units_per_second: float


@dataclass(frozen=True, slots=True)
class TableHeat:
    """What a table took in the last `seconds`; a split partition's halves begin cold."""

    table_name: str
    seconds: float
    read_units_per_second: float
    write_units_per_second: float
    partitions: tuple[PartitionHeat, ...]
    """In the order of their tokens."""
    hottest_reads: tuple[KeyHeat, ...]
    """The partition keys that were read most, the hottest first."""
    hottest_writes: tuple[KeyHeat, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class QueriedKey(NamedTuple):
    """The partition key of a Query."""

    token: int
    value: dict[str, Any]


class Heat:
    """Notes what requests take of tables; safe on any thread.

    Callers draw first: `if heat.random() < heat.chance: heat.note_write(...)`, which costs what is
    not noted next to nothing.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Callable[[], PartitionLimits] = PartitionLimits,
        *,
        draw: Callable[[], float] = random.random,
        noted_per_second_max: int = NOTED_PER_SECOND_MAX,
    ) -> None:
        self.random = draw
        self.chance = 1.0
        """How likely a request is to be noted."""
        self._clock = clock
        self._limits = limits
        self._noted_per_second_max = noted_per_second_max
        self._lock = threading.Lock()
        self._windows: dict[tuple[int, Kind], _Window] = {}
        self._noted = 0
        self._noted_since_ms = clock.now_ms()

    def note_get(
        self, table: Table, key: ItemKey, size_bytes: int, *, consistent: bool, factor: int = 1
    ) -> None:
        """One item read by its key, or not found there; `factor` is 2 in transactions."""
        units = read_units(size_bytes, consistent=consistent) * factor
        self._note("Read", table, key.token, _value_of(table, key), units)

    def note_query(
        self, table: Table, key: QueriedKey, size_bytes: int, *, consistent: bool
    ) -> None:
        """One page of the items of one partition key."""
        units = read_units(size_bytes, consistent=consistent)
        self._note("Read", table, key.token, key.value, units)

    def note_scan(
        self, table: Table, tokens: tuple[int, int], size_bytes: int, *, consistent: bool
    ) -> None:
        """One page of items between two tokens, both included; taken as evenly spread."""
        units = read_units(size_bytes, consistent=consistent)
        low, high = tokens
        for each in table.partitions:
            width = min(high, each.token_high) - max(low, each.token_low) + 1
            if width > 0:
                share = width / (high - low + 1)
                self._note("Read", table, each.token_low, None, units * share, is_key=False)

    def note_write(
        self, table: Table, key: ItemKey, old_bytes: int, new_bytes: int, factor: int = 1
    ) -> None:
        """One item written, or one whose condition failed."""
        units = write_units(old_bytes, new_bytes) * factor
        self._note("Write", table, key.token, _value_of(table, key), units)

    def note_refused(self, kind: Kind, table: Table, token: int, units: float) -> None:
        """What was asked for and throttled: who is refused wants it all the same."""
        self._note(kind, table, token, None, units)

    def of(self, table: Table, seconds: float = SHOWN_SECONDS) -> TableHeat:
        """What a table took in the last seconds, or since the first request if that is less."""
        with self._lock:
            now_ms = self._clock.now_ms()
            reads, writes = (self._sums(table, kind, seconds, now_ms) for kind in KINDS)
        elapsed = max(reads.seconds, writes.seconds)
        return TableHeat(
            table.name,
            elapsed,
            reads.total / elapsed,
            writes.total / elapsed,
            tuple(
                PartitionHeat(
                    each,
                    reads.by_partition.get(each.number, 0.0) / elapsed,
                    writes.by_partition.get(each.number, 0.0) / elapsed,
                )
                for each in table.partitions
            ),
            reads.hottest(elapsed),
            writes.hottest(elapsed),
        )

    def sums(self, table: Table, kind: Kind, seconds: float) -> Sums:
        """The units of the last seconds, by partition and by key."""
        with self._lock:
            return self._sums(table, kind, seconds, self._clock.now_ms())

    def _sums(self, table: Table, kind: Kind, seconds: float, now_ms: int) -> Sums:
        window = self._windows.get((table.space, kind))
        return Sums(1.0, {}, {}) if window is None else window.sums(seconds, now_ms)

    def _note(
        self,
        kind: Kind,
        table: Table,
        token: int,
        value: dict[str, Any] | None,
        units: float,
        *,
        is_key: bool = True,
    ) -> None:
        number = table.partition_of(token).number
        with self._lock:
            now_ms = self._clock.now_ms()
            window = self._windows.get((table.space, kind))
            if window is None:
                window = self._begin(table, kind, now_ms)
            slot = window.slot_at(now_ms)
            units /= self.chance
            slot.by_partition[number] = slot.by_partition.get(number, 0.0) + units
            if is_key:
                slot.keys.add(token, value, units)
            self._noted += 1
            elapsed_ms = now_ms - self._noted_since_ms
            if self._noted >= self._noted_per_second_max or not 0 <= elapsed_ms < 1_000:
                self._choose_chance(elapsed_ms, now_ms)

    def _begin(self, table: Table, kind: Kind, now_ms: int) -> _Window:
        seconds = self._limits().heat_seconds_min
        slot_ms = max(1, round(min(SLOT_SECONDS_MAX, seconds / SLOTS_MIN) * 1000))
        kept_ms = round(max(SHOWN_SECONDS, seconds) * 1000)
        for cold in [key for key, each in self._windows.items() if each.is_over(now_ms)]:
            del self._windows[cold]  # their tables may be gone
        self._windows[table.space, kind] = window = _Window(slot_ms, kept_ms, now_ms)
        return window

    def _choose_chance(self, elapsed_ms: int, now_ms: int) -> None:
        """Draws as many as may be noted from requests that come as they did."""
        asked = self._noted / self.chance / max(elapsed_ms, 1) * 1000
        self.chance = max(CHANCE_MIN, min(1.0, self._noted_per_second_max / asked))
        self._noted, self._noted_since_ms = 0, now_ms


@dataclass(frozen=True, slots=True)
class Sums:
    """The units of one kind in some time."""

    seconds: float
    by_partition: dict[int, float]
    keys: dict[int, HeavyKey]

    @property
    def total(self) -> float:
        return sum(self.by_partition.values())

    def hottest(self, seconds: float) -> tuple[KeyHeat, ...]:
        total = self.total
        hottest = sorted(self.keys.values(), key=lambda key: -key.least)[:HOTTEST_MAX]
        return tuple(
            KeyHeat(key.token, key.value, key.least / seconds, key.least / total) for key in hottest
        )


def _value_of(table: Table, key: ItemKey) -> dict[str, Any]:
    value: dict[str, Any] = key.attributes[table.key.partition]
    return value


class _Slot:
    """The units of a short time."""

    __slots__ = ("by_partition", "keys", "start_ms")

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.by_partition: dict[int, float] = {}
        self.keys = HeavyKeys()


class _Window:
    """The reads or the writes of one table in the last slots."""

    def __init__(self, slot_ms: int, kept_ms: int, now_ms: int) -> None:
        self._slot_ms = slot_ms
        self._kept_ms = kept_ms
        self._since_ms = now_ms
        self._slots: deque[_Slot] = deque(maxlen=kept_ms // slot_ms + 2)

    def is_over(self, now_ms: int) -> bool:
        """Whether nothing came in the time that is kept."""
        return not self._slots or now_ms - self._slots[-1].start_ms > self._kept_ms + self._slot_ms

    def slot_at(self, now_ms: int) -> _Slot:
        slots = self._slots
        # A clock that was set back adds to the latest slot.
        if not slots or now_ms >= slots[-1].start_ms + self._slot_ms:
            slots.append(_Slot(now_ms - now_ms % self._slot_ms))
        return slots[-1]

    def sums(self, seconds: float, now_ms: int) -> Sums:
        elapsed = min(seconds, max(1.0, (now_ms - self._since_ms) / 1000))
        by_partition: dict[int, float] = {}
        keys: dict[int, HeavyKey] = {}
        for slot, part in self._slots_since(now_ms - round(seconds * 1000)):
            for number, units in slot.by_partition.items():
                by_partition[number] = by_partition.get(number, 0.0) + units * part
            for token, value, least, most in slot.keys:
                known = keys.get(token) or HeavyKey(token, value, 0.0, 0.0)
                keys[token] = HeavyKey(
                    token,
                    known.value if value is None else value,
                    known.least + least * part,
                    known.most + most * part,
                )
        return Sums(elapsed, by_partition, keys)

    def _slots_since(self, start_ms: int) -> Iterator[tuple[_Slot, float]]:
        """The slots that reach behind a moment, with the part of each that does."""
        for slot in self._slots:
            behind_ms = slot.start_ms + self._slot_ms - start_ms
            if behind_ms > 0:
                yield slot, min(1.0, behind_ms / self._slot_ms)
