"""The dispatcher: has every handler called for every change, from its start to its stop.

Mappings come, go and change while it runs.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING

from ..engine import Database, StoreError
from ..engine.storage import Reader, Transaction
from ..streams import Shard, Streams
from ..streams.checkpoints import read_follower, read_positions
from ..streams.lags import oldest_behind_ms, places_of
from .aftermath import Aftermath
from .calling import Caller, is_on_loop
from .chain import DEPTH_MAX
from .checkpoint import Ownership, is_paused, note_pin, take_ownership
from .cycles import Circles
from .destinations import Destination, destination_of
from .keeper import Keeper
from .mapping import EventSourceMapping
from .observing import CallObserver
from .quarantine import items_set_aside
from .redrive_requests import RequestedRedrives
from .resumptions import Resumptions
from .router import Router
from .scheduler import Scheduler, Task
from .slots import Slots
from .stats import DISABLED, PAUSED, STARTING, Counters, MappingStats
from .subscription import Subscription, check_view
from .surroundings import Surroundings
from .threads import ThreadScheduler

if TYPE_CHECKING:
    import asyncio

    from .schedule import Schedule
    from .schedules import Schedules, ScheduleStats

log = logging.getLogger("pelton.handlers")

BEHIND_SHOWN_MAX = 5


class Dispatcher:
    """Calls the handlers of mappings for the changes of their tables; starts and stops once.

    Coroutine functions run on `loop`, else on a loop of the dispatcher's own. `random` spreads
    retries. A mapping is taken over from any other dispatcher on the same file that has it.
    Raises ValueError where two mappings have the same name.
    """

    def __init__(
        self,
        database: Database,
        streams: Streams,
        mappings: Iterable[EventSourceMapping],
        *,
        random: Random | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        scheduler: Scheduler | None = None,
        observers: Sequence[CallObserver] = (),
        schedules: Sequence[Schedule] = (),
        cycle_depth_max: int = DEPTH_MAX,
        destination_of: Callable[[str, str], Destination] = destination_of,
    ) -> None:
        self._database = database
        self._streams = streams
        self._mappings: dict[str, EventSourceMapping] = {}
        for mapping in mappings:
            self._note_mapping(mapping)
        self._scheduler = scheduler or ThreadScheduler()
        self._router = Router(streams, self._scheduler)
        self._subscriptions: dict[str, Subscription] = {}
        self._counters: dict[str, Counters] = {}
        self._changing = threading.RLock()
        self._leaving: set[str] = set()
        """The mappings that go on once their last call has ended."""
        self._circles = Circles()
        self._is_stopping = False
        self._draining = 0
        self._end_routing: Callable[[], None] = _nothing
        self._loop = loop
        self._around = Surroundings(
            database=database,
            streams=streams,
            scheduler=self._scheduler,
            caller=Caller(loop),
            lane=Slots(self._scheduler, 1),
            keeper=Keeper(database, self._scheduler),
            random=random or Random(),
            is_stopping=lambda: self._is_stopping,
            is_draining=lambda: self._draining > 0,
            observers=observers,
            cycle_depth_max=cycle_depth_max,
            destination_of=lambda arn: destination_of(arn, database.region),
        )
        self._router.add(
            RequestedRedrives(
                database,
                streams,
                self._around.caller,
                lambda: self._mappings,
                self._around.is_stopping,
            )
        )
        self._router.add(Resumptions(database, self._resting, self._resume))
        self._schedules: Schedules | None = None
        if schedules:
            from .schedules import Schedules

            caller = self._around.caller
            self._schedules = Schedules(database, self._scheduler, caller, schedules, observers)

    def start(self) -> None:
        """Takes the enabled mappings over and has their handlers called, from where they were.

        Raises ValueError where a handler needs an image that its table's stream does not show.
        """
        for mapping in self._mappings.values():
            if mapping.enabled:
                self._check_table(mapping)
        self._circles.warn(self._mappings.values())
        self._begin(list(self._mappings.values()))
        self._end_routing = self._streams.on_append(self._router.route)
        self._router.wake_all()
        if self._schedules is not None:
            self._schedules.start()

    def stop(self) -> None:
        """Lets the calls that run come to their end, keeps their positions, and calls no more."""
        self._is_stopping = True
        self._end_routing()
        self._scheduler.stop()
        try:
            self._around.keeper.flush()
        except StoreError as error:
            log.warning("the last positions are not saved: %s", error)
        self._around.caller.close()

    # --- mappings that come, go and change -----------------------------------------------------

    @property
    def mappings(self) -> dict[str, EventSourceMapping]:
        """The mappings by name, those that are not enabled included."""
        return dict(self._mappings)

    def add(self, mapping: EventSourceMapping) -> None:
        """Begins with one more mapping, unless it is not enabled. Raises ValueError as at first."""
        with self._changing:
            if mapping.enabled:
                self._check_table(mapping)
            self._note_mapping(mapping)
            self._circles.warn(self._mappings.values())
            for subscription in self._begin([mapping]):
                self._scheduler.wake(subscription)

    def remove(self, name: str, then: Callable[[], None] | None = None) -> None:
        """Calls a handler no more; its positions are kept. Raises KeyError for a name not there.

        Returns when the call that runs has ended, unless it is called by a handler. With `then` it
        returns at once, and calls that behind the last call.
        """
        with self._changing:
            del self._mappings[name]
            tasks = self._halt(name, waits=then is None)
            self._counters.pop(name, None)
            if then is not None and self.settle(tasks):
                then()
            elif then is not None:
                self._scheduler.wake(Aftermath(self, name, tasks, then))

    def replace(self, mapping: EventSourceMapping, *, waits: bool = True) -> None:
        """Goes on with a mapping of the same name, from where the one before has come.

        Raises KeyError for a name not there, ValueError as at first. Returns when the call that
        runs has ended, if it waits and is not called by a handler.
        """
        with self._changing:
            if mapping.enabled:
                self._check_table(mapping)
            tasks = self._halt(mapping.name, waits=waits)
            self._mappings[mapping.name] = mapping
            self._scheduler.wake(self._restart_of(mapping.name, tasks))

    def restart(self, name: str) -> None:
        """Looks at a mapping anew, after something was done to it in the store."""
        self.change(name, _nothing)

    def change(self, name: str, deed: Callable[[], None]) -> None:
        """Does something to a mapping in the store between its last call and its next.

        Raises what `deed` raises; the mapping goes on all the same.
        """
        with self._changing:
            tasks = self._halt(name)
            try:
                deed()
            finally:
                if name in self._mappings:
                    self._scheduler.wake(self._restart_of(name, tasks))

    def settle(self, tasks: list[Task]) -> bool:
        """Whether none of the tasks runs any more; then their positions are saved."""
        if not self._scheduler.have_ended(tasks):
            return False
        self._around.keeper.flush()
        return True

    def _restart_of(self, name: str, tasks: list[Task]) -> Aftermath:
        self._leaving.add(name)
        return Aftermath(self, name, tasks, lambda: self._begin_again(name))

    def _begin_again(self, name: str) -> None:
        with self._changing:
            self._leaving.discard(name)
            mapping = self._mappings.get(name)
            if mapping is None or name in self._subscriptions or self._is_stopping:
                return
            for subscription in self._begin([mapping]):
                self._scheduler.wake(subscription)

    # --- waiting and watching ------------------------------------------------------------------

    def drain(self, timeout_seconds: float | None = None) -> None:
        """Returns when every handler has done everything, what handlers wrote for others included.

        Their positions are durable then. Raises TimeoutError telling who is behind, what made a
        mapping stop if one has (OwnershipLostError where another dispatcher has taken it over,
        RecordsTrimmedError where records left the stream too early), and RuntimeError when a
        handler calls it or when they are stopped meanwhile.
        """
        self._check_may_wait()
        # Behind this write, every commit before it has been told to the workers.
        self._database.write(lambda transaction: None)
        self._draining += 1
        try:
            self._router.wake_all()
            if self._schedules is not None:
                self._schedules.wake_all()
            self._wait_quiet(timeout_seconds)
            if not self._around.keeper.flush():
                self._wait_quiet(timeout_seconds)  # for those that have to stop
        finally:
            self._draining -= 1
        for subscription in list(self._subscriptions.values()):
            if subscription.stopped_by is not None:
                raise subscription.stopped_by
        if self._schedules is not None and self._schedules.stopped_by is not None:
            raise self._schedules.stopped_by

    def flush(self) -> None:
        """Makes the positions durable that have been reached. Raises StoreError."""
        self._around.keeper.flush()

    def stats(self) -> dict[str, MappingStats]:
        """What each mapping has done since the start, by its name, whatever its state is now."""

        def look(reader: Reader) -> dict[str, MappingStats]:
            return {
                name: self._stats_of(reader, mapping) for name, mapping in self.mappings.items()
            }

        return self._database.store.read(look)

    def schedule_stats(self) -> dict[str, ScheduleStats]:
        """What each schedule that is enabled has done since the start, by its name."""
        return {} if self._schedules is None else self._schedules.stats()

    def hung_calls(self) -> dict[str, int]:
        """How many calls of each handler are past their timeout and still run."""
        return self._around.caller.hung_calls.counts()

    def process_ids(self) -> set[int]:
        """The processes that handlers with `run_in="process"` have."""
        return self._around.caller.process_ids()

    # --- inside --------------------------------------------------------------------------------

    def _stats_of(self, reader: Reader, mapping: EventSourceMapping) -> MappingStats:
        subscription = self._subscriptions.get(mapping.name)
        idle_state = None
        if subscription is None:
            idle_state = STARTING if mapping.enabled else DISABLED
        places: Iterable[tuple[Shard, int]] = () if subscription is None else subscription.places
        if not places:
            follower = read_follower(reader, mapping.name)
            if follower is not None:
                places = places_of(reader, self._streams.shards, self._streams.streams, follower)
                idle_state = PAUSED if idle_state and follower.paused else idle_state
        return self._counters_of(mapping.name).snapshot(
            mapping.name,
            mapping.table_name,
            idle_state=idle_state,
            hung_calls=self.hung_calls().get(mapping.name, 0),
            quarantined_keys=len(items_set_aside(reader, mapping.name)),
            oldest_ms=oldest_behind_ms(reader, places),
        )

    def _counters_of(self, name: str) -> Counters:
        return self._counters.setdefault(name, Counters(self._database.clock))

    def _resume(self, name: str) -> None:
        with self._changing:
            if name not in self._leaving:
                self._begin_again(name)

    def _resting(self) -> list[str]:
        """The mappings that are enabled and neither at work nor about to be."""
        mappings = self._mappings.copy()
        return [
            name
            for name, each in mappings.items()
            if each.enabled and name not in self._subscriptions and name not in self._leaving
        ]

    def _note_mapping(self, mapping: EventSourceMapping) -> None:
        if mapping.name in self._mappings:
            raise ValueError(f"two handlers are named {mapping.name!r}: give one another name")
        self._mappings[mapping.name] = mapping

    def _begin(self, mappings: list[EventSourceMapping]) -> list[Subscription]:
        begun = []
        for mapping, ownership, positions in self._database.write(
            lambda transaction: self._take_over(transaction, mappings)
        ):
            subscription = Subscription(
                self._around,
                self._router,
                mapping,
                ownership,
                positions,
                self._counters_of(mapping.name),
                self._supersede,
            )
            self._subscriptions[mapping.name] = subscription
            self._router.add_subscription(subscription)
            begun.append(subscription)
        return begun

    def _take_over(
        self, transaction: Transaction, mappings: list[EventSourceMapping]
    ) -> list[tuple[EventSourceMapping, Ownership, dict[int, int]]]:
        owned = []
        for mapping in mappings:
            if not mapping.enabled or is_paused(transaction, mapping.name):
                note_pin(transaction, self._streams, mapping)
                continue
            ownership = take_ownership(transaction, self._streams, mapping)
            owned.append((mapping, ownership, read_positions(transaction, mapping.name)))
        return owned

    def _halt(self, name: str, *, waits: bool = True) -> list[Task]:
        """Ends a mapping's tasks, with their positions saved; returns those that may still run."""
        subscription = self._subscriptions.pop(name, None)
        if subscription is None:
            return []
        tasks = subscription.halt(waits=waits)
        self._around.keeper.flush()
        return tasks

    def _supersede(self, subscription: Subscription) -> None:
        """A mapping was changed in the store, maybe by another process."""
        if self._subscriptions.get(subscription.mapping.name) is subscription:
            self.restart(subscription.mapping.name)

    def _check_table(self, mapping: EventSourceMapping) -> None:
        table = self._database.catalog.tables.get(mapping.table_name)
        if table is None or table.stream is None:
            what = "does not exist" if table is None else "has no stream"
            log.warning("handler %r waits: table %r %s yet", mapping.name, mapping.table_name, what)
            return
        stream = self._streams.streams.by_arn.get(table.stream.arn)
        if stream is not None:
            check_view(mapping, stream)

    def _wait_quiet(self, timeout_seconds: float | None) -> None:
        if self._scheduler.wait_quiet(timeout_seconds):
            return
        if self._is_stopping:
            raise RuntimeError("the handlers were stopped before they had done everything")
        raise TimeoutError(self._tell_behind())

    def _check_may_wait(self) -> None:
        if is_on_loop(self._loop):
            raise RuntimeError(
                "drain() would block the loop that the handlers run on: await app.aio.drain()"
            )

    def _tell_behind(self) -> str:
        behind = sorted(task.describe() for task in self._scheduler.behind())
        more = len(behind) - BEHIND_SHOWN_MAX
        text = "; ".join(behind[:BEHIND_SHOWN_MAX]) + (f"; and {more} more" if more > 0 else "")
        return f"not done yet: {text}"


def _nothing() -> None:
    pass
