"""Tables as Python objects: plain values in, plain values out, every call an API operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from .handlers.python_values import item_to_python, item_to_wire
from .requests import Asked, BatchWrites, Call, Item, Pages, TableRequests

if TYPE_CHECKING:
    from .aio import AsyncTable
    from .engine import Database
    from .write_sharding import WriteShards

P = ParamSpec("P")
R = TypeVar("R")


def _answered(
    build: Callable[Concatenate[TableRequests, P], Asked[R]],
) -> Callable[Concatenate[Table, P], R]:
    """A method that sends the request `build` makes and waits for its answer."""

    @wraps(build)
    def method(self: Table, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return answer(self.database, build(self.requests, *args, **kwargs))

    return method


def _paged(
    build: Callable[Concatenate[TableRequests, P], Pages],
) -> Callable[Concatenate[Table, P], Iterator[Item]]:
    """A method that gives the items of every page, getting each page when it is reached."""

    @wraps(build)
    def method(self: Table, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
        pages: Pages | None = build(self.requests, *args, **kwargs)
        while pages is not None:
            answers = [self.database.call(*wanted) for wanted in pages.wanted]
            items, pages = pages.take(answers)
            yield from items

    return method


class Table:
    """One table of an app; `App.table` makes it. `aio` is the same for callers that await.

    Numbers come back as int where they are whole and as Decimal otherwise. Every error of the API
    is raised as the class of its name, such as `pelton.ConditionalCheckFailedException`.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        key_names: tuple[str, ...],
        write_shards: WriteShards | None = None,
    ) -> None:
        self.database = database
        self.name = name
        self.key_names = key_names
        """The names of the partition key and, where there is one, the sort key."""
        self.write_shards = write_shards
        """How its keys are spread; None where an item is stored under the key it has."""
        self.requests = TableRequests(name)
        if write_shards is not None:
            from .write_sharding.requests import ShardedRequests

            self.requests = ShardedRequests(name, key_names, write_shards, database.catalog)

    put = _answered(TableRequests.put)
    get = _answered(TableRequests.get)
    update = _answered(TableRequests.update)
    delete = _answered(TableRequests.delete)
    query = _paged(TableRequests.query)
    scan = _paged(TableRequests.scan)
    describe = _answered(TableRequests.describe)

    def batch(self) -> Batch:
        """A writer of many puts and deletes, sent 25 at a time; leave its `with` to send the rest.

        Each write is atomic, the batch is not. Of several writes of one key waiting together only
        the last is sent. After an exception in the `with`, what still waits is not sent.
        """
        return Batch(self)

    def stored_item(self, item: Mapping[str, Any]) -> Item:
        """An item as other clients find it: under the key of its write shard, where there are any.

        A shard that is drawn at random is drawn anew by each call.
        """
        if self.write_shards is None:
            return dict(item)
        return item_to_python(self.requests.stored_item(item_to_wire(item)))

    def stored_key(self, key: Mapping[str, Any]) -> Item:
        """The key under which other clients find an item.

        Raises ValueError where the key does not tell the write shard.
        """
        if self.write_shards is None:
            return dict(key)
        return item_to_python(self.requests.stored_key(item_to_wire(key)))

    def original(self, item: Mapping[str, Any]) -> Item:
        """An item that another client found, or its key, as it was given to this table."""
        return self.requests.original(dict(item))

    def check_update(self, expression: str, names: Mapping[str, str] | None = None) -> None:
        """Raises ValueError for an update, unseen its item, that write shards do not allow."""
        self.requests.check_update(expression, names)

    @property
    def stream_arn(self) -> str | None:
        """The ARN of the stream that is enabled on the table, None when none is."""
        table = self.database.catalog.table(self.name)
        return None if table.stream is None else table.stream.arn

    @cached_property
    def aio(self) -> AsyncTable:
        """The table for asyncio: the same calls, awaited; `query` and `scan` with `async for`."""
        from .aio import AsyncTable

        return AsyncTable(self)

    def __repr__(self) -> str:
        return f"<pelton.Table {self.name}>"


class Batch:
    """Collects writes and sends them 25 at a time."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._writes = BatchWrites(table.requests, table.key_names)

    def put(self, item: Mapping[str, Any]) -> None:
        """Replaces an item whole, or creates it, not later than the end of the batch."""
        self._writes.put(item)
        self._send_full()

    def delete(self, key: Mapping[str, Any]) -> None:
        """Removes an item if it is there, not later than the end of the batch."""
        self._writes.delete(key)
        self._send_full()

    def _send_full(self) -> None:
        if self._writes.is_full:
            self._send()

    def _send(self) -> None:
        call = self._writes.take()
        while call is not None:
            call = self._writes.again(answer(self._table.database, call))

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._send()


def answer(database: Database, asked: Asked[R]) -> R:
    """Sends what is asked and waits for the answers."""
    if isinstance(asked, Call):
        result: R = asked.decode(database.call(asked.operation, asked.request))
        return result
    calls = next(asked)
    while True:
        try:
            calls = asked.send([answer(database, call) for call in calls])
        except StopIteration as end:
            result = end.value
            return result
