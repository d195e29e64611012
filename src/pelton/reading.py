"""Readings: a run through a stream's changes, waiting for more of them where that is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from .engine.errors import PeltonError, StoreClosedError
from .handlers import RecordChange
from .streams import Record, StreamReader, Streams, to_wire

Present = Callable[[Record], RecordChange]

ROUND_RECORDS = 1000


class Watch:
    """Guards the rounds of a reader, and calls `wake` when one may find something or it is over.

    Any thread may call it. It holds no reading, so that one can go out of use while it is here.
    """

    def __init__(
        self, streams: Streams, reader: StreamReader, *, follow: bool, wake: Callable[[], None]
    ) -> None:
        self._reader = reader
        self._follow = follow
        self._wake = wake
        self._at_work = threading.Lock()
        self.is_over = False
        self._end_listening: Callable[[], None] = lambda: None  # it may be told before it has one
        self._end_listening = streams.on_append(self._listen)

    def read(self, limit: int) -> list[Record]:
        with self._at_work:
            return [] if self.is_over else self._reader.read(limit)

    def newest(self) -> int:
        with self._at_work:
            return self._reader.newest()

    def end(self) -> None:
        self.is_over = True
        self._end_listening()
        self._wake()

    def _listen(self, shards: frozenset[int] | None) -> None:
        if shards is None or shards:
            if self._reader.is_concerned(shards):
                self._wake()
            return
        if self._follow:  # any other has not had what it asked for, and its next round tells so
            self.end()
        with self._at_work:  # the store closes when this returns, not under a round
            pass


class Rounds:
    """What the readings of threads and of loops share: records by the round, a place, an end."""

    def __init__(
        self,
        streams: Streams,
        reader: StreamReader,
        present: Present,
        *,
        follow: bool,
        wake: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._present = present
        self._follow = follow
        self._until: int | None = None
        self._records: Iterator[Record] = iter(())
        self._is_last_round = False
        self._sequence = reader.position
        self._watch = Watch(streams, reader, follow=follow, wake=wake)

    @property
    def position(self) -> str:
        """The sequence number of the last change given, or of where it started: `Stream.read` goes
        on from there with `after=position`.
        """
        return to_wire(self._sequence)

    def close(self) -> None:
        """Ends it, also from another thread while it waits for the next change."""
        self._watch.end()

    def _next_fetched(self) -> RecordChange | None:
        """The next change of the last round; ends the reading behind the last one there is."""
        if self._watch.is_over:
            return None
        record = next(self._records, None)
        if record is not None:
            self._sequence = record.sequence
            return self._present(record)
        if self._is_last_round:
            self.close()
        return None

    def _run_round(self, limit: int) -> bool:
        """Fetches records; returns whether it is worth asking for the next change at once."""
        try:
            if self._until is None and not self._follow:
                self._until = self._watch.newest()
            records = self._watch.read(limit)
        except StoreClosedError:
            self.close()
            if self._follow:
                return True
            raise
        except PeltonError:
            self.close()
            raise
        if self._until is not None:
            self._is_last_round = not records or records[-1].sequence >= self._until
            records = [each for each in records if each.sequence <= self._until]
        elif self._reader.is_end:
            self._is_last_round = not records
        self._records = iter(records)
        return bool(records) or self._is_last_round

    def __del__(self) -> None:
        self.close()


class Reading(Rounds, Iterator[RecordChange]):
    """An iterator of changes; `Stream.read` gives it. For one thread at a time, but for `close`.

    It ends by itself, when it is closed, or when it goes out of use; `with` closes it.
    """

    def __init__(
        self, streams: Streams, reader: StreamReader, present: Present, *, follow: bool
    ) -> None:
        self._grown = threading.Event()
        super().__init__(streams, reader, present, follow=follow, wake=self._grown.set)

    def __next__(self) -> RecordChange:
        while True:
            change = self._next_fetched()
            if change is not None:
                return change
            if self._watch.is_over:
                raise StopIteration
            # Cleared before the round: what is told of during it is read in the next one.
            self._grown.clear()
            if not self._run_round(ROUND_RECORDS) and not self._watch.is_over:
                self._grown.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
