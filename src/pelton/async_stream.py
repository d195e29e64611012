"""Streams for asyncio: the same readings, their changes awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .handlers import RecordChange
from .reading import Present, Rounds
from .stream import Place, parse_start
from .streams import StreamReader, Streams

if TYPE_CHECKING:
    from .stream import Stream


class AsyncStream:
    """A stream for callers that await; `Stream.aio` gives it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def read(
        self, start: Place = "beginning", *, after: str | int | None = None, follow: bool = False
    ) -> AsyncReading:
        """`Stream.read` for `async for`, called on the loop that awaits its changes."""
        signal = LoopSignal(asyncio.get_running_loop())
        streams, arn = self.stream.streams, self.stream.arn
        reader = StreamReader(
            streams, arn, parse_start(start, after), lane_records=AsyncReading.lane_records
        )
        return AsyncReading(streams, reader, self.stream.present, signal, follow=follow)

    def __repr__(self) -> str:
        return f"{self.stream!r}.aio"


class AsyncReading(Rounds, AsyncIterator[RecordChange]):
    """An asynchronous iterator of changes; a wait for the next one can be cancelled and repeated.

    Rounds run on the loop, as all reads do, and are short: others get their turn between them.
    """

    lane_records = 64
    round_records = 128

    def __init__(
        self,
        streams: Streams,
        reader: StreamReader,
        present: Present,
        signal: LoopSignal,
        *,
        follow: bool,
    ) -> None:
        self._signal = signal
        super().__init__(streams, reader, present, follow=follow, wake=signal.set)

    async def __anext__(self) -> RecordChange:
        while True:
            change = self._next_fetched()
            if change is not None:
                return change
            if self._watch.is_over:
                raise StopAsyncIteration
            self._signal.clear()
            if self._run_round(self.round_records):
                await asyncio.sleep(0)
            elif not self._watch.is_over:
                await self._signal.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LoopSignal:
    """An event that any thread sets and one loop awaits; sets of a burst cost the loop one call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self._is_told = False

    def set(self) -> None:
        if self._is_told:
            return
        self._is_told = True
        with suppress(RuntimeError):  # a closed loop has no one left who awaits
            self._loop.call_soon_threadsafe(self._event.set)

    def clear(self) -> None:
        self._event.clear()
        self._is_told = False

    async def wait(self) -> None:
        await self._event.wait()
