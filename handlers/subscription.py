"""A subscription: one mapping at work on all the shards that its table's streams have and will get.

Shards are taken in the order of their lineage: a child when its parent is finished, a new stream of
the table when the one before is. So an item's changes reach the handler in the order they happened.
"""

from __future__ import annotations

import logging

from ..streams import Shard
from ..streams.losses import GONE, forget_loss, read_loss
from ..streams.stream import Stream
from .checkpoint import Ownership
from .errors import RecordsTrimmedError
from .mapping import EventSourceMapping
from .missed import describe_loss, loss_error
from .progress import Progress
from .router import Router
from .scheduler import Next, Step, Task
from .stats import Counters, MappingStats
from .worker import ShardWorker, Surroundings

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
    ) -> None:
        self.mapping = mapping
        self._around = around
        self._router = router
        self._ownership = ownership
        self._positions = positions
        self._workers: dict[int, ShardWorker] = {}
        self._counters = Counters()
        self._fault: ValueError | RecordsTrimmedError | None = None

    def step(self) -> Step:
        try:
            return self._step()
        except (ValueError, RecordsTrimmedError) as error:
            log.error("%s stops: %s", self.describe(), error)
            self._counters.note_end(error)
            self._fault = error
            return Next.DONE

    def _step(self) -> Step:
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

    def stats(self) -> MappingStats:
        return self._counters.snapshot(self.mapping.name, self.mapping.table_name)

    @property
    def stopped_by(self) -> BaseException | None:
        """What made it or one of its workers give up, if something has."""
        errors = (worker.stopped_by for worker in list(self._workers.values()))
        return self._fault or next((error for error in errors if error is not None), None)

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
        by_id = {shard.shard_id: shard for shard in shards}
        for shard in shards:
            worker = self._workers.get(shard.number)
            if worker is not None:
                if not shard.is_open:  # closed without a record: nobody has told the worker
                    self._around.scheduler.wake(worker)
                continue
            # A parent that is no longer kept has nothing to deliver any more.
            parent = by_id.get(shard.parent_id or "")
            is_ready = is_turn if parent is None else self._is_finished(parent)
            if is_ready and not self._is_finished(shard):
                self._begin(shard)

    def _is_finished(self, shard: Shard) -> bool:
        if shard.end_seq is None or shard.number in self._workers:
            return False
        return self._positions.get(shard.number, self._start_of(shard)) >= shard.end_seq

    def _start_of(self, shard: Shard) -> int:
        """Where the mapping begins in a shard that it has no position in."""
        if shard.start_seq > self._ownership.since:
            return shard.start_seq  # what has been dropped since was a loss
        horizon = max(shard.start_seq, shard.trimmed_seq)
        if self.mapping.starting_position == "LATEST":
            return max(horizon, self._ownership.since)
        return horizon

    def _begin(self, shard: Shard) -> None:
        progress = Progress(
            self._around.database,
            self._ownership,
            shard.number,
            start=self._start_of(shard),
            stored=self._positions.get(shard.number),
        )
        worker = ShardWorker(
            self._around,
            self.mapping,
            shard,
            progress=progress,
            counters=self._counters,
            finished=self._finish,
        )
        self._workers[shard.number] = worker
        self._router.add_worker(worker)
        self._around.scheduler.wake(worker)

    def _finish(self, worker: ShardWorker) -> None:
        number = worker.shard.number
        self._positions[number] = worker.progress.sequence
        self._router.remove_worker(worker)
        del self._workers[number]
        self._around.scheduler.wake(self)


def check_view(mapping: EventSourceMapping, stream: Stream) -> None:
    """Raises ValueError where a stream does not show what the mapping's handler is called with."""
    image = mapping.handler.shape.needed_image
    if image is not None and image not in stream.view_type:
        raise ValueError(
            f"handler {mapping.name!r} needs the {image} image of each item, but the stream of "
            f"table {mapping.table_name!r} shows {stream.view_type}"
        )
