"""What Lambda's API answers from: one region's functions, and the mappings that tie them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pelton.app import App
from pelton.engine import Database
from pelton.handlers.calling import Caller
from pelton.handlers.functions import Function
from pelton.handlers.invocations import EventQueue, Invoker
from pelton.handlers.invocations.events import After
from pelton.handlers.mappings import KnownMapping, Mappings
from pelton.handlers.outbox import OUTBOX
from pelton.handlers.stats import MappingStats
from pelton.handlers.timers import Timers
from pelton.streams.stream import Stream

from .errors import LambdaError, invalid, not_found
from .names import LATEST, FunctionName, read_name

T = TypeVar("T")
Answer = dict[str, Any]


class LambdaRegion:
    """A region as Lambda sees it: that of an app."""

    def __init__(self, app: App, caller: Caller, after: After) -> None:
        self._app = app
        self.database = app.database
        self.functions = app.functions
        self.invoker = Invoker(app.database, caller, app.call_observers)
        self.events = EventQueue(self.invoker, after)
        self.changing = threading.Lock()
        """Held while a mapping is looked at and changed: requests come on threads of their own."""

    @property
    def mappings(self) -> Mappings:
        return self._app.mappings

    def stream(self, arn: str) -> Stream | None:
        return self._app.streams.streams.by_arn.get(arn)

    def listed(self) -> list[KnownMapping]:
        """The mappings that are told of, by their UUIDs: pelton's own are not."""
        found = (each for each in self.mappings if each.mapping.table_name != OUTBOX)
        return sorted(found, key=lambda each: each.uuid)

    def stats(self) -> dict[str, MappingStats]:
        """What the mappings that run here have done, by their names."""
        dispatcher = self.mappings.dispatcher
        return {} if dispatcher is None else dispatcher.stats()

    def find(self, request: dict[str, Any]) -> tuple[Function, FunctionName]:
        """The function that `FunctionName` and `Qualifier` name.

        Raises LambdaError where there is none of that name or version.
        """
        name = read_name(self.database, request["FunctionName"], request.get("Qualifier"))
        function = self.functions.get(name.name)
        if function is None or name.qualifier not in (None, LATEST):
            raise not_found(f"Function not found: {name.qualified_arn}")
        return function, name


class LambdaRegions:
    """The regions of some apps, by their databases."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._timers = Timers()
        self._callers: list[Caller] = []
        self._by_database = {id(app.database): self._region_of(app) for app in apps}

    def region_of(self, database: Database) -> LambdaRegion:
        """Raises LambdaError for a database that is no app's."""
        region = self._by_database.get(id(database))
        if region is None:
            raise LambdaError(
                "UnknownOperationException", f"{database.region} is served without an app"
            )
        return region

    def close(self, timeout_seconds: float) -> None:
        """Waits for the functions that run, though not for ever, and tries none again."""
        self._timers.stop()
        for region in self._by_database.values():
            region.events.close(timeout_seconds)
        for caller in self._callers:
            caller.close()

    def _region_of(self, app: App) -> LambdaRegion:
        caller = Caller(app.loop)
        self._callers.append(caller)
        return LambdaRegion(app, caller, self._timers.after)


class Page(NamedTuple, Generic[T]):
    """Some of a list, and the marker to go on with; None at its end."""

    items: Sequence[T]
    marker: str | None


def page_of(names: Sequence[str], request: dict[str, Any], size_max: int) -> Page[str]:
    """The names behind the request's `Marker`, `MaxItems` of them at most; sorted as they come.

    Raises LambdaError for a marker that names nothing.
    """
    start = 0
    marker = request.get("Marker")
    if marker:
        if marker not in names:
            raise invalid("Invalid pagination token.")
        start = names.index(marker) + 1
    end = start + min(request.get("MaxItems", size_max), size_max)
    found = names[start:end]
    return Page(found, found[-1] if end < len(names) else None)
