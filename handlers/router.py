"""Who is woken when a shard grows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..streams import Streams
from .scheduler import Scheduler, Task
from .worker import ShardWorker

if TYPE_CHECKING:
    from .subscription import Subscription


class Router:
    """Knows the workers of each shard and the subscriptions to each table.

    It is asked on the writer's thread after every commit, so it only looks up and wakes.
    """

    def __init__(self, streams: Streams, scheduler: Scheduler) -> None:
        self._streams = streams
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._workers: dict[int, tuple[ShardWorker, ...]] = {}
        self._subscriptions: dict[str, tuple[Subscription, ...]] = {}
        self._others: list[Task] = []

    def add(self, task: Task) -> None:
        """Wakes a task, too, when everyone is to look for themselves."""
        self._others.append(task)

    def add_subscription(self, subscription: Subscription) -> None:
        with self._lock:
            name = subscription.mapping.table_name
            self._subscriptions[name] = (*self._subscriptions.get(name, ()), subscription)

    def remove_subscription(self, subscription: Subscription) -> None:
        with self._lock:
            name = subscription.mapping.table_name
            others = (each for each in self._subscriptions[name] if each is not subscription)
            self._subscriptions[name] = tuple(others)

    def add_worker(self, worker: ShardWorker) -> None:
        with self._lock:
            number = worker.shard.number
            self._workers[number] = (*self._workers.get(number, ()), worker)

    def remove_worker(self, worker: ShardWorker) -> None:
        # The shard stays known, if only with nobody to wake: it must not look like a new one.
        with self._lock:
            number = worker.shard.number
            others = (each for each in self._workers.get(number, ()) if each is not worker)
            self._workers[number] = tuple(others)

    def route(self, numbers: frozenset[int] | None) -> None:
        """Wakes the workers of shards that grew; None: any may have, or new ones may be there."""
        if numbers is None:
            self.wake_all()
            return
        now = time.perf_counter()
        for number in numbers:
            workers = self._workers.get(number)
            if workers is None:
                self._route_new(number)
                continue
            for worker in workers:
                worker.note_append(now)
                self._scheduler.wake(worker)

    def wake_all(self) -> None:
        """Has everyone look for themselves."""
        for task in self._others:
            self._scheduler.wake(task)
        for subscriptions in list(self._subscriptions.values()):
            for subscription in subscriptions:
                self._scheduler.wake(subscription)
        for workers in list(self._workers.values()):
            for worker in workers:
                self._scheduler.wake(worker)

    def _route_new(self, number: int) -> None:
        shard = self._streams.shards.by_number.get(number)
        if shard is None:
            return
        for subscription in self._subscriptions.get(shard.table_name, ()):
            self._scheduler.wake(subscription)
