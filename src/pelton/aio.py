"""The face for asyncio: the same requests, their answers awaited instead of waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from .requests import Asked, BatchWrites, Call, Item, Pages, TableRequests

if TYPE_CHECKING:
    from .app import App
    from .engine import Database
    from .handlers.redrive import Redriven
    from .table import Table

P = ParamSpec("P")
R = TypeVar("R")


def _answered(
    build: Callable[Concatenate[TableRequests, P], Asked[R]],
) -> Callable[Concatenate[AsyncTable, P], Awaitable[R]]:
    """A method that sends the request `build` makes and awaits its answer."""

    @wraps(build)
    async def method(self: AsyncTable, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await answer(self.table.database, build(self.table.requests, *args, **kwargs))

    return method


def _paged(
    build: Callable[Concatenate[TableRequests, P], Pages],
) -> Callable[Concatenate[AsyncTable, P], AsyncIterator[Item]]:
    """A method that gives the items of every page, getting each page when it is reached."""

    @wraps(build)
    async def method(self: AsyncTable, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Item]:
        pages: Pages | None = build(self.table.requests, *args, **kwargs)
        while pages is not None:
            items, pages = pages.take(await _answers(self.table.database, pages.wanted))
            for item in items:
                yield item

    return method


class AsyncTable:
    """A table for callers that await; `Table.aio` gives it. Calls mean what they mean there."""

    def __init__(self, table: Table) -> None:
        self.table = table

    put = _answered(TableRequests.put)
    get = _answered(TableRequests.get)
    update = _answered(TableRequests.update)
    delete = _answered(TableRequests.delete)
    query = _paged(TableRequests.query)
    scan = _paged(TableRequests.scan)
    describe = _answered(TableRequests.describe)

    def batch(self) -> AsyncBatch:
        """`Table.batch` for `async with`; its `put` and `delete` are awaited."""
        return AsyncBatch(self.table)

    def __repr__(self) -> str:
        return f"{self.table!r}.aio"


class AsyncBatch:
    """Collects writes and sends them 25 at a time."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._writes = BatchWrites(table.requests, table.key_names)

    async def put(self, item: Mapping[str, Any]) -> None:
        """Replaces an item whole, or creates it, not later than the end of the batch."""
        self._writes.put(item)
        await self._send_full()

    async def delete(self, key: Mapping[str, Any]) -> None:
        """Removes an item if it is there, not later than the end of the batch."""
        self._writes.delete(key)
        await self._send_full()

    async def _send_full(self) -> None:
        if self._writes.is_full:
            await self._send()

    async def _send(self) -> None:
        call = self._writes.take()
        while call is not None:
            call = self._writes.again(await answer(self._table.database, call))

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            await self._send()


class AsyncApp:
    """An app for callers that await; `App.aio` gives it."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers one request of the DynamoDB API, both in wire form."""
        return await submit(self.app.database, operation, request)

    async def start(self) -> None:
        """Starts the handlers; those that are coroutine functions run on the loop of the caller."""
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.app.start, loop=loop)

    async def drain(self, timeout_seconds: float | None = None) -> None:
        """Returns when every handler has caught up. Raises TimeoutError telling who has not."""
        await asyncio.to_thread(self.app.drain, timeout_seconds)

    async def redrive(
        self, handler: str | None = None, *, key: Mapping[str, Any] | None = None
    ) -> Redriven:
        """Delivers dead letters again, as `DeadLetters.redrive` does."""
        return await asyncio.to_thread(self.app.dead_letters.redrive, handler, key=key)

    async def stop(self) -> None:
        """Stops the handlers after what they are at."""
        await asyncio.to_thread(self.app.stop)

    async def close(self) -> None:
        """Stops the handlers and lets go of the file."""
        await asyncio.to_thread(self.app.close)


async def answer(database: Database, asked: Asked[R]) -> R:
    """Sends what is asked and awaits the answers; what is asked together runs side by side."""
    if isinstance(asked, Call):
        result: R = asked.decode(await submit(database, asked.operation, asked.request))
        return result
    calls = next(asked)
    while True:
        results = await asyncio.gather(*(answer(database, call) for call in calls))
        try:
            calls = asked.send(results)
        except StopIteration as end:
            result = end.value
            return result


async def _answers(
    database: Database, wanted: list[tuple[str, dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The answers to requests side by side; one alone needs no task."""
    if len(wanted) == 1:
        return [await submit(database, *wanted[0])]
    return await asyncio.gather(*(submit(database, *each) for each in wanted))


async def submit(database: Database, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Awaits the answer to a request; the loop is free while the writer commits."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[dict[str, Any]] = loop.create_future()
    caller = threading.get_ident()

    def done(result: dict[str, Any], error: BaseException | None) -> None:
        if threading.get_ident() == caller:
            _settle(future, result, error)
            return
        # A closed loop has no one left who awaits; the writer must not suffer from that.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, future, result, error)

    database.submit(operation, request, done)
    return await future


def _settle(
    future: asyncio.Future[dict[str, Any]], result: dict[str, Any], error: BaseException | None
) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
