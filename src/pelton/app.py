"""The app: a region in one file, its tables, and the functions that its changes call."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, cast, overload

import orjson

from . import effects, scheduling
from .definitions import Index, KeyAttribute, StreamView, TableDefinition, split_key
from .engine import Clock, Database, PartitionLimits, Strictness
from .engine.errors import ResourceInUseException, ResourceNotFoundException
from .engine.partitions import Partition
from .engine.partitions.heat import TableHeat
from .engine.partitions.sizes import SizedPartition, sized_partitions
from .engine.partitions.splitting import split_partition
from .handler_options import FunctionOptions, HandlerOptions
from .handlers.chain import DEPTH_MAX
from .handlers.functions import Function, Functions
from .handlers.handler import Handler, Shape
from .handlers.mapping import EventSourceMapping
from .handlers.processes.here import is_handler_process
from .handlers.transaction import OUTBOX
from .stream import Stream
from .streams import StreamLimits, Streams, Upkeep
from .table import Table
from .write_sharding import WriteShards
from .write_sharding.original_keys import show_original, with_original_keys

if TYPE_CHECKING:
    import asyncio

    from .aio import AsyncApp
    from .dead_letters import DeadLetters
    from .handlers import Dispatcher, MappingStats
    from .handlers.logs import CallFilter
    from .handlers.mappings import Mappings
    from .handlers.observing import CallObserver
    from .handlers.schedule import Schedule
    from .handlers.schedules import ScheduleStats
    from .mapping_control import MappingControl
    from .metrics import RegionFigures

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """A region in one file, and the handlers of its tables; ":memory:" keeps nothing.

    `with app:` starts the handlers and, at its end, stops them and closes the file; `async with`
    too, and then coroutine functions run on the loop it stands in. `aio` is for callers that await.
    `cycle_depth_max` is how many calls of handlers in a row may follow from one another's writes.
    Raises StoreError and its kin where the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        region: str = "us-east-1",
        durability: Literal["FULL", "NORMAL"] = "FULL",
        clock: Clock | None = None,
        strictness: Strictness | None = None,
        partition_limits: PartitionLimits | None = None,
        stream_limits: StreamLimits | None = None,
        cycle_depth_max: int = DEPTH_MAX,
    ) -> None:
        self._open(
            path,
            stream_limits,
            region=region,
            durability=durability,
            clock=clock,
            partition_limits=partition_limits,
        )
        if strictness is not None:
            self.strictness = strictness
        self._mappings: dict[str, EventSourceMapping] = {}
        self._schedules: dict[str, Schedule] = {}
        self._cycle_depth_max = cycle_depth_max
        self.functions = Functions()
        self._running_mappings: Mappings | None = None
        self._dispatcher: Dispatcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.call_observers: list[CallObserver] = []
        """Who stands around each call of a handler, from the next call on."""

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        if not is_handler_process():
            return super().__new__(cls)
        from .declared_app import declared

        return super().__new__(cast(type[Self], declared(cls)))

    def _open(
        self, path: str | os.PathLike[str], stream_limits: StreamLimits | None, **options: Any
    ) -> None:
        self.database = Database(path, **options)
        self.streams = Streams(self.database, stream_limits)
        self._upkeep = Upkeep(self.streams)
        self._upkeep.start()

    # --- tables --------------------------------------------------------------------------------

    def table(
        self,
        name: str,
        *,
        partition_key: KeyAttribute,
        sort_key: KeyAttribute | None = None,
        stream: StreamView | None = None,
        indexes: tuple[Index, ...] | list[Index] | None = None,
        write_shards: int | WriteShards | None = None,
    ) -> Table:
        """The table of that name, created unless it exists.

        A key is a name when it is a string, else a pair such as `("year", int)`. An existing table
        gets the stream if it has none. `write_shards` stores each partition key as so many, which
        the table keeps to itself (docs/how-to/write-sharding.md). Raises ValueError when the table
        has other keys, another stream view, other write shards or, where `indexes` are given, other
        indexes.
        """
        wanted = None if indexes is None else tuple(indexes)
        shards = WriteShards(write_shards) if isinstance(write_shards, int) else write_shards
        definition = TableDefinition(name, partition_key, sort_key, stream, wanted, shards)
        self._create_or_verify(definition)
        keys = (partition_key,) if sort_key is None else (partition_key, sort_key)
        return Table(self.database, name, tuple(split_key(key)[0] for key in keys), shards)

    def stream(self, table: Table | str) -> Stream:
        """The stream of a table, or the one with an ARN.

        Of a table's streams it is the enabled one, else the last that can still be read; also of a
        table that was deleted. Raises ValueError where there is none.
        """
        name = table if isinstance(table, str) else table.name
        streams = self.streams.streams
        if name in streams.by_arn:
            return Stream(self.streams, name, streams.by_arn[name].table_name)
        found = streams.of_table(name)
        if not found:
            raise ValueError(
                f'table {name!r} has no stream: declare it with stream="NEW_AND_OLD_IMAGES"'
            )
        last = max(found, key=lambda each: (each.disabled_ms is None, each.created_ms, each.label))
        if isinstance(table, str) or table.write_shards is None:
            return Stream(self.streams, last.arn, name)
        return Stream(self.streams, last.arn, name, show_original(table))

    def _create_or_verify(self, definition: TableDefinition) -> None:
        try:
            found = self.call("DescribeTable", {"TableName": definition.name})["Table"]
        except ResourceNotFoundException:
            try:
                self.call("CreateTable", definition.create_request())
                return
            except ResourceInUseException:  # another process was quicker
                found = self.call("DescribeTable", {"TableName": definition.name})["Table"]
        answer = self.call("ListTagsOfResource", {"ResourceArn": found["TableArn"]})
        tags = {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
        difference = definition.difference_from(found, tags)
        if difference is not None:
            raise ValueError(
                f"table {definition.name!r} exists with {difference}: "
                "declare it as it is, or delete it first"
            )
        if definition.stream is not None and "StreamSpecification" not in found:
            request = {"StreamSpecification": definition.stream_specification()}
            self.call("UpdateTable", {"TableName": definition.name, **request})

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers one request of the DynamoDB API, both in wire form, as boto3's client does.

        >>> with App() as app:
        ...     app.call("ListTables", {})
        {'TableNames': []}
        """
        return self.database.call(operation, request)

    # --- partitions ----------------------------------------------------------------------------

    def partitions(self, table: Table | str) -> tuple[SizedPartition, ...]:
        """The partitions of a table, each with its items and bytes, in the order of their tokens.

        Raises ResourceNotFoundException for a table that is not there.
        """
        return sized_partitions(self.database, _name_of(table))

    def split_partition(
        self, table: Table | str, number: int | None = None, *, last_low_token: int | None = None
    ) -> tuple[Partition, Partition]:
        """Divides a partition, by default the largest and in its middle, while writes go on.

        The lower half ends with `last_low_token`. Raises ResourceNotFoundException for a table,
        ValidationException for a partition that is not there or a token that is not in it.
        """
        if number is None:
            largest = max(
                self.partitions(table), key=lambda each: (each.size_bytes, each.partition.width)
            )
            number = largest.partition.number
        return split_partition(
            self.database, _name_of(table), number, last_low_token=last_low_token
        )

    def heat(self, table: Table | str, seconds: float = 60.0) -> TableHeat:
        """What a table took of this process in the last seconds, by partition and by key.

        Raises ResourceNotFoundException for a table that is not there.
        """
        return self.database.heat.of(self.database.catalog.table(_name_of(table)), seconds)

    @property
    def strictness(self) -> Strictness:
        """How hard the app is on its callers, for tests; nothing is switched on by default.

        Setting it begins every switch anew: `app.strictness = Strictness(throttles=True)`.
        """
        return self.database.strictness

    @strictness.setter
    def strictness(self, strictness: Strictness) -> None:
        self.database.strictness = strictness

    # --- handlers ------------------------------------------------------------------------------

    def on_insert(self, table: Table | str, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Calls the function as `function(item, context)` for every item that comes into being."""
        return self._registrar(Shape.INSERT, table, options)

    def on_modify(self, table: Table | str, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Calls the function as `function(change, context)` for every item that changes."""
        return self._registrar(Shape.MODIFY, table, options)

    def on_remove(self, table: Table | str, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Calls the function as `function(item, context)` with every item that was removed."""
        return self._registrar(Shape.REMOVE, table, options)

    def on_change(self, table: Table | str, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Calls the function as `function(change, context)` for every change of every kind."""
        return self._registrar(Shape.CHANGE, table, options)

    def on_stream(self, table: Table | str, **options: Unpack[HandlerOptions]) -> Callable[[F], F]:
        """Calls the function as AWS Lambda does: `function(event, context)`, a batch at a time."""
        return self._registrar(Shape.BATCH, table, options)

    @overload
    def effect(self, name: F) -> F: ...

    @overload
    def effect(
        self, name: str | None = None, **options: Unpack[effects.EffectOptions]
    ) -> Callable[[F], F]: ...

    def effect(self, name: Any = None, **options: Unpack[effects.EffectOptions]) -> Any:
        """Calls the function as `function(payload, context)` for what handlers have emitted.

        It is for what leaves the file: mail, requests to others. A handler's `context.emit(name,
        payload)` is kept in the commit of what the handler did; the function is called behind it,
        and again with the same `context.idempotency_key` where it failed or the process died. The
        name is the function's unless given.
        """
        if callable(name):
            return effects.registrar(self.database, None, options, self._register)(name)
        return effects.registrar(self.database, name, options, self._register)

    def schedule(
        self, expression: str, **options: Unpack[scheduling.ScheduleOptions]
    ) -> Callable[[F], F]:
        """Calls the function as `function(event, context)` at the times of an expression.

        That is `rate(5 minutes)` or, with pelton[schedule], `cron(0 12 * * ? *)` in UTC, as for
        EventBridge, whose event it gets; what was missed is told in it (docs/schedules.md). Raises
        ValidationException for another expression.
        """
        return scheduling.registrar(expression, options, self._register_schedule)

    def _registrar(
        self, shape: Shape, table: Table | str, options: HandlerOptions
    ) -> Callable[[F], F]:
        def register(function: F) -> F:
            rest: dict[str, Any] = dict(options)
            name = rest.pop("name", None) or getattr(function, "__name__", type(function).__name__)
            rest["filter_criteria"] = tuple(map(_pattern_json, rest.pop("filters", ())))
            rest["function_response_types"] = tuple(rest.get("function_response_types", ()))
            handler = Handler(name, function, shape)
            if isinstance(table, Table) and table.write_shards is not None:
                handler = with_original_keys(handler, table)
            self._register(EventSourceMapping(handler, table_name, **rest))
            return function

        table_name = table if isinstance(table, str) else table.name
        return register

    def _register(self, mapping: EventSourceMapping) -> None:
        if self._dispatcher is not None:
            raise RuntimeError(f"register {mapping.name!r} before the app is started")
        if mapping.name in self._mappings:
            raise ValueError(
                f"there is a handler {mapping.name!r} already: its position is kept under its "
                'name, so give this one another with name="..."'
            )
        self._check_stream(mapping)
        self._mappings[mapping.name] = mapping
        if mapping.table_name != OUTBOX:  # an effect takes what was emitted, and no event
            self.functions.add(Function.of_mapping(mapping))

    def _register_schedule(self, schedule: Schedule) -> None:
        if self._dispatcher is not None:
            raise RuntimeError(f"register {schedule.name!r} before the app is started")
        known = self.functions.get(schedule.name)
        is_other = known is not None and known.handler.function is not schedule.handler.function
        if schedule.name in self._schedules or is_other:
            raise ValueError(
                f"there is a function {schedule.name!r} already: the last fire time is kept under "
                'its name, so give this one another with name="..."'
            )
        self._schedules[schedule.name] = schedule
        if known is None:
            seconds = schedule.timeout_seconds
            self.functions.add(Function(schedule.handler, timeout_seconds=seconds))

    def _check_stream(self, mapping: EventSourceMapping) -> None:
        """Raises ValueError when the table's stream cannot show what the handler is called with."""
        stream = self.database.catalog.table(mapping.table_name).stream
        image = mapping.handler.shape.needed_image
        if stream is None or (image is not None and image not in stream.view_type):
            shows = "has no stream" if stream is None else f"has a stream of {stream.view_type}"
            raise ValueError(
                f"handler {mapping.name!r} needs the changes of table {mapping.table_name!r}, "
                f'which {shows}: declare it with stream="NEW_AND_OLD_IMAGES"'
            )

    def function(self, **options: Unpack[FunctionOptions]) -> Callable[[F], F]:
        """Makes the function one that can be invoked and tied to streams from outside.

        It is called as AWS Lambda does: `function(event, context)`, by Invoke with any event, by an
        event source mapping that is created later with those of a stream ([how](lambda-api.md)).
        """

        def register(function: F) -> F:
            rest: dict[str, Any] = dict(options)
            name = rest.pop("name", None) or getattr(function, "__name__", type(function).__name__)
            if name in self.functions:
                raise ValueError(
                    f"there is a function {name!r} already: give this one another name"
                )
            self.functions.add(Function(Handler(name, function), **rest))
            return function

        return register

    @property
    def mappings(self) -> Mappings:
        """The event source mappings: those of the code, and those made through Lambda's API."""
        if self._running_mappings is not None:
            return self._running_mappings
        from .handlers.mappings import Mappings

        return Mappings(self.database, self.streams, self.functions, self._mappings.values())

    # --- life ----------------------------------------------------------------------------------

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that coroutine functions run on, where one was given."""
        return self._loop

    @property
    def dispatcher(self) -> Dispatcher:
        """What calls the handlers. Raises RuntimeError while the app is not started."""
        if self._dispatcher is None:
            raise RuntimeError("the app is not started: use `with app:` or call app.start() first")
        return self._dispatcher

    def start(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Starts the handlers where they left off; `loop` runs those that are coroutine functions.

        Without a loop they get one of their own, on a thread of its own.
        """
        if self._dispatcher is not None:
            raise RuntimeError("the app is started already")
        # Imported here: who only reads and writes tables needs none of it.
        from .handlers import Dispatcher

        mappings = self.mappings
        mappings.warn_of_resting()
        dispatcher = Dispatcher(
            self.database,
            self.streams,
            mappings.active(),
            loop=loop,
            observers=self.call_observers,
            schedules=list(self._schedules.values()),
            cycle_depth_max=self._cycle_depth_max,
        )
        dispatcher.start()
        self._dispatcher = mappings.dispatcher = dispatcher
        self._running_mappings = mappings
        self._loop = loop

    def drain(self, timeout_seconds: float | None = None) -> None:
        """Returns when every handler has caught up, with what the handlers themselves wrote too.

        Raises TimeoutError telling who is behind, RecordsTrimmedError where records left the stream
        before their handler had done them.
        """
        self.dispatcher.drain(timeout_seconds)

    def mapping(self, name: str) -> MappingControl:
        """What pauses, resumes, rewinds and skips a handler, by its name."""
        from .mapping_control import MappingControl

        return MappingControl(self, name)

    def flush_positions(self) -> None:
        """Makes the positions of handlers durable that run here, without waiting for their turn."""
        if self._dispatcher is not None:
            self._dispatcher.flush()

    def change_mapping(self, name: str, deed: Callable[[], None]) -> None:
        """Has a mapping, if it runs here, end its calls, then be changed, then go on."""
        if self._dispatcher is None:
            deed()
        else:
            self._dispatcher.change(name, deed)

    def retire_mapping(self, name: str) -> None:
        """Runs a mapping no more that has been forgotten in the file."""
        if self._dispatcher is not None and name in self._dispatcher.mappings:
            self._dispatcher.remove(name)

    def unpin(self, name: str) -> None:
        """Lets the records go that a handler with `pins_records` has not done, as others' do.

        For one that will never come back; started again with that option it pins again. Raises
        ValueError where no handler of that name pins records.
        """
        self.streams.unpin(name)

    @property
    def dead_letters(self) -> DeadLetters:
        """The records that handlers could not do: to be listed, shown, and delivered again."""
        from .dead_letters import DeadLetters

        mappings = {each.name: each for each in self.mappings.active()}
        return DeadLetters(self.database, self.streams, mappings, self._loop)

    def stats(self) -> dict[str, MappingStats]:
        """What each handler has done since the start, by the handler's name."""
        return self.dispatcher.stats()

    def schedule_stats(self) -> dict[str, ScheduleStats]:
        """What each schedule has done since the start, and when it fires next, by its name."""
        return self.dispatcher.schedule_stats()

    def figures(self) -> RegionFigures:
        """What `/metrics` tells of this region; of the handlers only while the app is started."""
        from .metrics import take_figures

        dispatcher = self._dispatcher
        if dispatcher is None:
            return take_figures(self.database, self.streams)
        handlers, schedules = dispatcher.stats(), dispatcher.schedule_stats()
        return take_figures(self.database, self.streams, handlers.values(), schedules.values())

    def metrics_text(self) -> str:
        """The figures as Prometheus reads them (docs/observability.md has their names)."""
        from .metrics import metrics_text

        return metrics_text([self.figures()])

    def note_calls(self) -> CallFilter:
        """Has lines that are logged during a call know it; returns the filter that tells them.

        On a `logging.Handler`, `addFilter(app.note_calls())` gives what a handler's function logs
        the fields `handler`, `table`, `shard_id`, `sequence_number`, `request_id` and `attempt`,
        and for a batch `last_sequence_number`.
        """
        from .handlers.logs import CallFields, CallFilter

        if not any(isinstance(each, CallFields) for each in self.call_observers):
            self.call_observers.append(CallFields())
        return CallFilter()

    def stop(self) -> None:
        """Stops the handlers after what they are at; their positions are kept."""
        self._check_may_wait()
        dispatcher, self._dispatcher = self._dispatcher, None
        self._running_mappings = None
        if dispatcher is not None:
            dispatcher.stop()

    def close(self) -> None:
        """Stops the handlers and lets go of the file."""
        self.stop()
        self._upkeep.stop()
        self.database.close()

    def _check_may_wait(self) -> None:
        """Raises RuntimeError on the loop that the handlers run on: they could not end."""
        if self._dispatcher is None:
            return
        from .handlers.calling import is_on_loop

        if is_on_loop(self._loop):
            raise RuntimeError(
                "stop() and close() would block the loop that the handlers run on: "
                "await app.aio.stop() or app.aio.close()"
            )

    @cached_property
    def aio(self) -> AsyncApp:
        """The app for asyncio: `call`, `drain`, `start`, `stop` and `close`, awaited."""
        from .aio import AsyncApp

        return AsyncApp(self)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            await self.aio.start()
        except BaseException:
            await self.aio.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aio.close()


def _pattern_json(pattern: str | Mapping[str, Any]) -> str:
    return pattern if isinstance(pattern, str) else orjson.dumps(pattern).decode()


def _name_of(table: Table | str) -> str:
    return table if isinstance(table, str) else table.name
