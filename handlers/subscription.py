"""A subscription: one mapping at work on all the shards that its table's streams have and will get.

Shards are taken in the order of their lineage: a child when its parent is finished, a new stream of
the table when the one before is. So an item's changes reach the handler in the order they happened.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..streams import Shard
from ..streams.checkpoints import (
    Frontier,
    Start,
    count_window_lanes,
    read_follower,
    read_frontier,
    read_lanes,
)
from ..streams.losses import GONE, forget_loss, read_loss
from ..streams.stream import Stream
from .beginning import BeginningProgress, BeginningSource
from .checkpoint import Ownership, start_of
from .errors import OwnershipLostError, RecordsTrimmedError
from .feed import ShardSource, Source
from .giving_up import GivingUp
from .lanes import LaneSource, SharedPages
from .limits import calls_at_once
from .mapping import BEGINNING, EventSourceMapping
from .missed import describe_loss, loss_error
from .progress import LanePositions, LaneProgress, Progress, join_lanes
from .router import Router
from .scheduler import Next, Step, Task
from .slots import Slots
from .stats import Counters
from .surroundings import Surroundings
from .worker import ShardWorker

log = logging.getLogger("pelton.handlers")


class Subscription(Task):
    """Starts a worker for each shard when its turn comes; a step looks for shards whose turn it is.

    `positions` are the sequences the mapping has reached, by shard number.
    """

    def __init__(
        self,
        around: Surroundings,
        router: Router,
        mapping: EventSourceMapping,
        ownership: Ownership,
        positions: dict[int, int],
        counters: Counters,
        superseded: Callable[[Subscription], None],
    ) -> None:
        """`superseded` is called once somebody has done something to the mapping from outside."""
        self.mapping = mapping
        self._around = around
        self._router = router
        self._ownership = ownership
        self._positions = positions
        self._superseded = superseded
        self._workers: dict[int, list[ShardWorker]] = {}
        """Those at work on a shard, one for each of its lanes."""
        self._finishing = threading.Lock()
        self._counters = counters
        count = calls_at_once(mapping)
        self._slots = (
            None if count is None else Slots(around.scheduler, count, counters.note_throttle)
        )
        counters.note_begin()
        arn = mapping.on_failure
        destination = None if arn is None else around.destination_of(arn)
        self._giving_up = GivingUp(around.database, mapping, destination)
        self._fault: BaseException | None = None

    def step(self) -> Step:
        try:
            return self._step()
        except OwnershipLostError as error:
            return self._meet_owner(error)
        except (ValueError, RecordsTrimmedError) as error:
            return self._stop(error)

    def _meet_owner(self, error: OwnershipLostError) -> Step:
        """Another dispatcher has the mapping, or it was changed on purpose."""
        if self._is_superseded():
            self._superseded(self)
            return Next.DONE
        return self._stop(error)

    def _stop(self, error: ValueError | OwnershipLostError | RecordsTrimmedError) -> Step:
        log.error("%s stops: %s", self.describe(), error)
        self._counters.note_end(error)
        self._fault = error
        return Next.DONE

    def _step(self) -> Step:
        if self._is_superseded():
            self._superseded(self)
            return Next.DONE
        self._check_gone()
        is_turn = True
        for stream in self._around.streams.streams.of_table(self.mapping.table_name):
            shards = self._around.streams.shards_of(stream.arn)
            if not self._concerns(shards):
                continue
            check_view(self.mapping, stream)
            self._look_at(shards, is_turn)
            is_turn = is_turn and all(map(self._is_finished, shards))
        return Next.IDLE

    def describe(self) -> str:
        return f"handler {self.mapping.name!r} looking for shards"

    @property
    def places(self) -> list[tuple[Shard, int]]:
        """The shards at work on, and the sequence that is reached in each."""
        return [(worker.shard, worker.progress.sequence) for worker in self.workers]

    @property
    def stopped_by(self) -> BaseException | None:
        """What made it or one of its workers give up, if something has."""
        errors = (worker.stopped_by for worker in self.workers)
        return self._fault or next((error for error in errors if error is not None), None)

    @property
    def workers(self) -> list[ShardWorker]:
        return [worker for workers in list(self._workers.values()) for worker in workers]

    def halt(self, *, waits: bool) -> list[Task]:
        """Calls the handler no more; returns what may still be running, or waits if it may."""
        scheduler = self._around.scheduler
        self._router.remove_subscription(self)
        scheduler.end([self], waits=waits)
        workers = self.workers
        scheduler.end(workers, waits=waits)
        for worker in workers:
            self._router.remove_worker(worker)
            self._around.lane.leave(worker)
            if self._slots is not None:
                self._slots.leave(worker)
        return [self, *workers]

    def _check_superseded(self) -> bool:
        """For a worker that has lost its position: if it was moved on purpose, we start anew."""
        is_superseded = self._is_superseded()
        if is_superseded:
            self._around.scheduler.wake(self)
        return is_superseded

    def _is_superseded(self) -> bool:
        name, revision = self.mapping.name, self._ownership.revision
        follower = self._around.database.store.look_up(lambda reader: read_follower(reader, name))
        return follower is None or follower.revision != revision

    def _check_gone(self) -> None:
        """Fails for what was missed in shards that have gone as a whole, or leaves it behind."""
        mapping = self.mapping
        loss = self._around.database.store.look_up(
            lambda reader: read_loss(reader, mapping.name, GONE)
        )
        if loss is None:
            return
        if mapping.on_trimmed == "fail":
            raise loss_error(mapping, loss)
        self._around.database.write(lambda work: forget_loss(work, mapping.name, GONE))
        log.warning("%s skips %s", self.describe(), describe_loss(loss))
        self._counters.note_gap(loss.records)

    # --- shards --------------------------------------------------------------------------------

    def _concerns(self, shards: list[Shard]) -> bool:
        """Whether a stream was still enabled when the mapping ran for the first time, or later."""
        return any(shard.is_open or self._ends_behind(shard) for shard in shards)

    def _ends_behind(self, shard: Shard) -> bool:
        return shard.end_seq is not None and shard.end_seq > self._ownership.since

    def _look_at(self, shards: list[Shard], is_turn: bool) -> None:
        ended: dict[str | None, bool] = {}
        for shard in shards:  # parents before children
            # A parent that is no longer kept has nothing to deliver any more. One that is done is
            # to wait for its own parent, which may have been rewound without it.
            is_ready = ended.get(shard.parent_id, is_turn)
            is_finished = self._is_finished(shard)
            ended[shard.shard_id] = is_ready and is_finished
            workers = self._workers.get(shard.number)
            if workers is None:
                if is_ready and not is_finished:
                    self._begin(shard)
            elif not shard.is_open:  # closed without a record: nobody has told the workers
                for worker in workers:
                    self._around.scheduler.wake(worker)

    def _is_finished(self, shard: Shard) -> bool:
        if shard.end_seq is None or shard.number in self._workers or self._has_unread(shard):
            return False
        return self._positions.get(shard.number, self._start_of(shard)) >= shard.end_seq

    def _has_unread(self, shard: Shard) -> bool:
        """Whether items are to come yet that were there before the mapping was."""
        return self.mapping.start == BEGINNING and self._frontier_of(shard) is not None

    def _frontier_of(self, shard: Shard) -> Frontier | None:
        name, number = self.mapping.name, shard.number
        return self._around.database.store.look_up(
            lambda reader: read_frontier(reader, name, number)
        )

    def _start_of(self, shard: Shard) -> int:
        """Where the mapping begins in a shard that it has no position in."""
        if shard.start_seq > self._ownership.since:
            return shard.start_seq  # what has been dropped since was a loss
        horizon = max(shard.start_seq, shard.trimmed_seq)
        if start_of(self.mapping) in (Start.LATEST, Start.ITEMS):
            return max(horizon, self._ownership.since)
        return horizon

    def _begin(self, shard: Shard) -> None:
        """Starts a worker for a shard, or one for each lane of it."""
        around, number = self._around, shard.number
        name, factor = self.mapping.name, self.mapping.parallelization_factor
        stored = self._positions.get(number)
        lanes = around.database.store.look_up(lambda reader: read_lanes(reader, name, number))
        are_even = bool(lanes) and min(lanes) == max(lanes)
        if are_even and len(lanes) != factor and not self.mapping.takes_windows:
            self._join_lanes(number, lanes[0])
            lanes = []
        frontier = self._frontier_of(shard)
        start = self._start_of(shard)
        if frontier is not None:
            source = BeginningSource(around.streams, shard, self._ownership, frontier)
            beginning = BeginningProgress(
                around.database, self._ownership, number, source, start=start, stored=stored
            )
            workers = [self._worker(shard, source, beginning)]
        elif (opened := self._lanes_with_windows(number)) > factor and not lanes:
            # Lanes that the shard before this one had: each ends its window, then they are others.
            lanes = [start if stored is None else stored] * opened
            workers = self._lane_workers(shard, lanes, are_stored=False)
        elif not lanes and factor == 1:
            progress = Progress(
                around.database, self._ownership, number, start=start, stored=stored
            )
            workers = [self._worker(shard, ShardSource(around.streams, shard), progress)]
        else:
            workers = self._lane_workers(shard, lanes, are_stored=bool(lanes))
        self._workers[number] = workers
        for worker in workers:
            self._router.add_worker(worker)
            around.scheduler.wake(worker)

    def _lanes_with_windows(self, number: int) -> int:
        """How many lanes of a shard may have windows that are open."""
        name = self.mapping.name
        if not self.mapping.takes_windows:
            return 0
        return self._around.database.store.look_up(
            lambda reader: count_window_lanes(reader, name, number)
        )

    def _lane_workers(
        self, shard: Shard, lanes: list[int], *, are_stored: bool
    ) -> list[ShardWorker]:
        """A worker for each lane; of lanes that were others once, until all have come as far."""
        factor, around = self.mapping.parallelization_factor, self._around
        until = max(lanes) if lanes and len(lanes) != factor else None
        start = self._positions.get(shard.number, self._start_of(shard))
        positions = LanePositions(lanes or [start] * factor, are_stored=are_stored)
        count = len(positions.starts)
        pages = SharedPages(around.streams, shard, count, self.mapping.batch_size, until)
        return [
            self._worker(
                shard,
                LaneSource(pages, lane),
                LaneProgress(around.database, self._ownership, shard.number, lane, positions),
            )
            for lane in range(count)
        ]

    def _worker(self, shard: Shard, source: Source, progress: Progress) -> ShardWorker:
        return ShardWorker(
            self._around,
            self.mapping,
            shard,
            source=source,
            progress=progress,
            counters=self._counters,
            giving_up=self._giving_up,
            slots=self._slots,
            finished=self._finish,
            is_superseded=self._check_superseded,
        )

    def _finish(self, worker: ShardWorker) -> None:
        number = worker.shard.number
        self._router.remove_worker(worker)
        with self._finishing:
            workers = self._workers[number]
            if len(workers) > 1:
                workers.remove(worker)
                return
        if worker.source.until is not None:
            self._join_lanes(number, worker.source.until)
        else:
            self._positions[number] = worker.progress.sequence
        del self._workers[number]
        self._around.scheduler.wake(self)

    def _join_lanes(self, shard_number: int, sequence: int) -> None:
        self._around.database.write(
            lambda work: join_lanes(work, self._ownership, shard_number, sequence)
        )
        self._positions[shard_number] = sequence


def check_view(mapping: EventSourceMapping, stream: Stream) -> None:
    """Raises ValueError where a stream does not show what the mapping's handler is called with."""
    image = mapping.handler.shape.needed_image
    if image is not None and image not in stream.view_type:
        raise ValueError(
            f"handler {mapping.name!r} needs the {image} image of each item, but the stream of "
            f"table {mapping.table_name!r} shows {stream.view_type}"
        )
