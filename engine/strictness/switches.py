"""The one place where the switches meet the operations."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ThrottledError, cancellation
from ..operations import ITEM_OPERATIONS, TABLE_OPERATIONS
from ..operations.operation import Answer, DatabaseParts, Mode, Operation, Present, Request
from ..storage import Reader
from .control import prepare_slowly
from .history import History
from .latency import Latency
from .metering import MeteredReader, MeteredWriter
from .named import PARTS, TRANSACTIONS, consistency_of
from .parts import Parts
from .past import Staleness
from .settings import Strictness
from .spaces import Spaces
from .statuses import Statuses
from .throttling import Throttle
from .unprocessed import BATCHES, Leftovers, add_left

if TYPE_CHECKING:
    from ..database import Database

Work = Callable[[Any], Answer]


class Switches:
    """What `settings` switch on, for one database, from now on.

    They begin anew: capacities are unused and random numbers start from the seed.
    """

    def __init__(self, database: Database, settings: Strictness) -> None:
        self.settings = settings
        self._database = database
        self._spaces = Spaces(database.catalog)
        self._throttle: Throttle | None = None
        if settings.throttles:
            self._throttle = Throttle(database.clock, database.partition_limits, database.heat)
        self._leftovers: Leftovers | None = None
        if settings.unprocessed_probability:
            self._leftovers = Leftovers(settings.unprocessed_probability, self._luck("unprocessed"))
        self.latency: Latency | None = None
        """What a server asks how long to hold an answer back."""
        if settings.latency_range_ms[1]:
            self.latency = Latency(settings.latency_range_ms, self._luck("latency"))
        self._staleness: Staleness | None = None
        self.history: History | None = None
        """What notes former rows for reads of the past."""
        if settings.stale_ms or settings.index_lag_ms:
            self._staleness = Staleness(settings, database.clock, self._luck("staleness"))
            self.history = self._staleness.history
        self._statuses: Statuses | None = None
        if settings.has_statuses:
            self._statuses = Statuses(settings, database.catalog, database.clock)

    def prepare(
        self, name: str, operation: Operation, mode: Mode, request: Request, present: Present
    ) -> Work:
        """The work that answers a request as `operation.prepare` would, with the switches on."""
        if name not in ITEM_OPERATIONS:
            return self._prepare_control(name, operation, request, present)
        if self._statuses is not None:
            self._statuses.check_use(name, request)
        parts = self._parts_for(name)
        work = operation.prepare(parts, request, present)
        if self._leftovers is not None and name in BATCHES:
            taken, left = self._leftovers.split(name, request)
            if left:
                work = _leaving(name, operation.prepare(parts, taken, present), left)
        if mode is Mode.READ or mode is Mode.LOOK_UP:
            work = self._over_reader(name, request, work)
        return work

    def _prepare_control(
        self, name: str, operation: Operation, request: Request, present: Present
    ) -> Work:
        database, statuses = self._database, self._statuses
        if statuses is None or name not in TABLE_OPERATIONS:
            return operation.prepare(database, request, present)
        return prepare_slowly(database, statuses, name, operation, request, present)

    def _luck(self, switch: str) -> random.Random:
        # A generator a switch: what one draws does not change what another will.
        return random.Random(f"{self.settings.seed} {switch}")

    def _parts_for(self, name: str) -> DatabaseParts:
        if self._throttle is None:
            return self._database
        factor = 2 if name in TRANSACTIONS else 1
        writer = MeteredWriter(self._database.writer, self._throttle, factor)
        return Parts.of(self._database)._replace(writer=writer)

    def _over_reader(self, name: str, request: Request, work: Work) -> Work:
        staleness, throttle = self._staleness, self._throttle
        if staleness is None and throttle is None:
            return work
        consistent = consistency_of(name, request)

        def strict_work(reader: Reader) -> Answer:
            if staleness is not None:
                reader = staleness.reader_for(reader, self._spaces, consistent)
            if throttle is None:
                return work(reader)
            factor = 2 if name in TRANSACTIONS else 1
            metered = MeteredReader(reader, self._spaces, throttle, consistent, factor)
            try:
                return work(metered)
            except ThrottledError as error:
                if name not in TRANSACTIONS:
                    raise
                raise _cancelled(len(request[PARTS[name]]), metered.gets, error) from None
            finally:
                metered.settle()

        return strict_work


def _leaving(name: str, work: Work, left: Request) -> Work:
    return lambda reader: add_left(name, work(reader), left)


def _cancelled(count: int, position: int, error: ThrottledError) -> Exception:
    reasons: list[dict[str, Any]] = [{"Code": "None"} for _ in range(count)]
    reasons[position] = error.reason
    return cancellation(reasons)
