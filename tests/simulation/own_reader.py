"""Own readers: one run of records in commit order, whatever becomes of the shards meanwhile."""

from __future__ import annotations

from random import Random

import orjson

from pelton.engine.errors import (
    ResourceNotFoundException,
    StoreClosedError,
    TrimmedDataAccessException,
)
from pelton.streams import Record
from pelton.streams.reader import After, AtTime, Start, StreamReader
from tests.region import Region

from .model import Model, StreamModel, Told, demand


class OwnReader:
    """Reads one stream in one process; in another, behind where it was, when that has ended."""

    def __init__(
        self, name: str, model: Model, stream: StreamModel, random: Random, region: Region
    ) -> None:
        self.name = name
        self.stream = stream
        self._model = model
        self._random = random
        self._reader: StreamReader | None = None
        self._next = 0
        """How many of the stream's records are behind the reader, seen or not to be seen."""
        self._passed: set[int] = set()
        """Sequences that are not to be seen: from before its start, or known to be lost."""
        self._begin(region, self._any_start(region))

    def step(self, region: Region) -> str:
        """Reads a few records; `region` is where it goes on if its process has ended."""
        if self._reader is None and not self._go_on(region):
            return "is over"
        return self._read(region, self._random.choice([1, 2, 10, 1000]))

    def restart(self) -> None:
        """It ends; all that is left is the last sequence it has seen."""
        self._reader = None

    def drain(self, region: Region) -> None:
        """Reads to the end; then it has seen everything it should have."""
        self._reader = None
        while self._next < len(self.stream.records) or self._reader is None:
            if self._reader is None and not self._go_on(region):
                return
            self._read(region, 1000)
            if self._reader is not None and not self._due():
                break
        assert self._reader is not None
        self._reader.read()
        is_over = self.stream.disabled_ms is not None
        demand(self._reader.is_end == is_over, f"{self.name}: {self.stream.arn} ended: {is_over}")

    # --- where it starts -----------------------------------------------------------------------

    def _any_start(self, region: Region) -> Start:
        kind = self._random.choice(["beginning", "latest", "time"])
        if kind == "time" and self.stream.records:
            told = self._random.choice(self.stream.records)
            return AtTime(min(told.at_ms + self._random.choice([0, 1]), region.clock.now_ms()))
        return "latest" if kind == "latest" else "beginning"

    def _begin(self, region: Region, start: Start) -> bool:
        """False where the stream is no longer there."""
        lane_records = self._random.choice([1, 3, 512])
        try:
            self._reader = StreamReader(
                region.streams, self.stream.arn, start, lane_records=lane_records
            )
        except ResourceNotFoundException:
            demand(self.stream.is_gone, f"{self.name}: {self.stream.arn} is there")
            return False
        if not isinstance(start, After):
            self._next = self._count_before(start)
            self._passed = {told.sequence for told in self.stream.records if told.is_trimmed}
        return True

    def _count_before(self, start: Start) -> int:
        """How many records stand before the first that is to be seen."""
        records = self.stream.records
        if start == "beginning":
            return 0
        if isinstance(start, AtTime):
            for number, told in enumerate(records):
                if told.at_ms >= start.at_ms and not told.is_trimmed:
                    return number
        return len(records)

    def _go_on(self, region: Region) -> bool:
        behind = self.stream.records[self._next - 1].sequence if self._next else 0
        if not behind:
            return self._begin(region, "beginning")
        try:
            return self._begin(region, After(behind))
        except TrimmedDataAccessException:
            lost = any(told.is_trimmed and told.sequence > behind for told in self.stream.records)
            demand(lost, f"{self.name}: nothing behind {behind} is trimmed")
            return self._begin(region, "beginning")

    # --- reading -------------------------------------------------------------------------------

    def _due(self) -> list[Told]:
        """What is to be seen by now, in order."""
        records = self.stream.records[self._next :]
        return [told for told in records if told.sequence not in self._passed]

    def _read(self, region: Region, limit: int) -> str:
        assert self._reader is not None
        due = self._due()
        try:
            records = self._reader.read(limit)
        except StoreClosedError:
            self._reader = None
            return "loses its process"
        except TrimmedDataAccessException:
            self._reader = None
            # Of a stream that has gone nobody knows any more what was in it.
            is_lost = self.stream.is_gone or any(told.is_trimmed for told in due)
            demand(is_lost, f"{self.name}: nothing it needs is gone")
            return "has missed records" if self._begin(region, "beginning") else "is over"
        demand(len(records) <= limit, f"{self.name}: gets {limit} records at most")
        demand(bool(records) or not due, f"{self.name}: sees {due[:1]} now")
        for record in records:
            self._see(record)
        return f"sees {len(records)} records"

    def _see(self, record: Record) -> None:
        due = self._due()
        demand(
            bool(due) and due[0].sequence == record.sequence,
            f"{self.name}: sees {due[0] if due else 'nothing'}, not {record}",
        )
        told = due[0]
        demand(orjson.loads(record.body) == told.body, f"{self.name}: sees {told} as it was")
        demand(record.at_ms == told.at_ms, f"{self.name}: sees the time of {told}")
        self._next = self.stream.records.index(told, self._next) + 1
