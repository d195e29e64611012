"""A region with handlers that are run step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from pelton.handlers import Dispatcher, EventSourceMapping, Handler, Shape
from pelton.handlers.chain import DEPTH_MAX
from pelton.handlers.python_values import item_to_python, item_to_wire
from tests.handlers.stepped import SteppedScheduler
from tests.region import Region

PythonItem = dict[str, Any]


def on_batch(
    function: Callable[..., Any], table: str = "things", **options: Any
) -> EventSourceMapping:
    return mapping(function, Shape.BATCH, table, **options)


def on_insert(
    function: Callable[..., Any], table: str = "things", **options: Any
) -> EventSourceMapping:
    return mapping(function, Shape.INSERT, table, **options)


def on_change(
    function: Callable[..., Any], table: str = "things", **options: Any
) -> EventSourceMapping:
    return mapping(function, Shape.CHANGE, table, **options)


def mapping(
    function: Callable[..., Any], shape: Shape, table: str = "things", **options: Any
) -> EventSourceMapping:
    """The mapping of a function under its own name, or `name`."""
    name = options.pop("name", None) or function.__name__
    return EventSourceMapping(Handler(name, function, shape), table, **options)


class Stage(Region):
    """Tables in Python values; dispatchers whose steps a seed orders."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Takes what a region takes."""
        super().__init__(*arguments, **options)
        self.dispatchers: list[Dispatcher] = []

    def close(self) -> None:
        for dispatcher in self.dispatchers:
            dispatcher.stop()
        super().close()

    def source(self, name: str = "things", view: str = "NEW_AND_OLD_IMAGES", **more: Any) -> None:
        self.create(name, stream=view, **more)

    def save(self, table: str = "things", **item: Any) -> None:
        self.put(item_to_wire(item), table)

    def load(self, table: str, **key: Any) -> PythonItem | None:
        item = self.get(item_to_wire(key), table)
        return None if item is None else item_to_python(item)

    def all(self, table: str) -> list[PythonItem]:
        return [item_to_python(item) for item in self.items("Scan", TableName=table)]

    def scheduler(self, seed: int = 0) -> SteppedScheduler:
        return SteppedScheduler(
            self.clock, Random(seed), lambda: self.database.write(lambda transaction: None)
        )

    def start(
        self, *mappings: EventSourceMapping, seed: int = 0, depth_max: int = DEPTH_MAX
    ) -> Dispatcher:
        dispatcher = Dispatcher(
            self.database,
            self.streams,
            mappings,
            random=Random(seed),
            scheduler=self.scheduler(seed),
            cycle_depth_max=depth_max,
        )
        dispatcher.start()
        self.dispatchers.append(dispatcher)
        return dispatcher

    def threaded(
        self, *mappings: EventSourceMapping, loop: asyncio.AbstractEventLoop | None = None
    ) -> Dispatcher:
        """A dispatcher as an app has it, with threads."""
        dispatcher = Dispatcher(self.database, self.streams, mappings, random=Random(0), loop=loop)
        dispatcher.start()
        self.dispatchers.append(dispatcher)
        return dispatcher

    def run(self, *mappings: EventSourceMapping, seed: int = 0) -> Dispatcher:
        """A dispatcher that has done everything there is to do."""
        dispatcher = self.start(*mappings, seed=seed)
        dispatcher.drain()
        return dispatcher


def ids_of(event: dict[str, Any]) -> list[str]:
    """The ids of the items that a Lambda event is about."""
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
