"""A worker: carries the records of one shard to one handler, in order, one delivery a step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from ..engine import Database, DynamoDBError, StoreError
from ..engine.errors import StoreClosedError, TrimmedDataAccessException
from ..engine.storage import Reader, Transaction
from ..streams import Record, Shard, Streams
from ..streams.losses import Loss
from .calling import Caller
from .context import Source
from .dead_letters import TABLE_NAME as DEAD_LETTERS
from .dead_letters import DeadLetter, bury
from .delivery import Delivery, Outcome
from .errors import LoopClosedError, OwnershipLostError, ReadConflict, RecordsTrimmedError
from .handler import Shape
from .keeper import Keeper
from .lane import Lane
from .mapping import EventSourceMapping
from .missed import describe_loss, find_loss, forget_losses, loss_error
from .progress import Progress
from .retry import BACKOFF_SECONDS_MAX, Suspects, Verdict, backoff_seconds
from .scheduler import Next, RetryIn, Scheduler, Step, Task
from .stats import Counters
from .transaction import HandlerTransaction

log = logging.getLogger("pelton.handlers")

BATCH_BYTES_MAX = 6 * 1024 * 1024
"""Lambda's limit of an event; a batch ends before it passes this size."""

STORE_RETRY_SECONDS = 1.0

LANE_DELIVERIES = 16
"""How many deliveries of a worker that met a conflict take turns with others that did."""


@dataclass(frozen=True)
class Surroundings:
    """What the workers of a dispatcher share."""

    database: Database
    streams: Streams
    scheduler: Scheduler
    caller: Caller
    lane: Lane
    keeper: Keeper
    random: Random
    is_stopping: Callable[[], bool]


class ShardWorker(Task):
    """Reads a batch behind its position, calls the handler, commits; never loops, never sleeps.

    `finished` is called when the shard has ended and its end is committed.
    """

    def __init__(
        self,
        around: Surroundings,
        mapping: EventSourceMapping,
        shard: Shard,
        *,
        progress: Progress,
        counters: Counters,
        finished: Callable[[ShardWorker], None],
    ) -> None:
        self.mapping = mapping
        self.shard = shard
        self.progress = progress
        self.stopped_by: BaseException | None = None
        """Why this worker has given up for good, if it has."""
        self._around = around
        self._counters = counters
        self._finished = finished
        self._source = Source(mapping.name, shard, around.database.clock)
        self._suspects = Suspects(
            splits=mapping.bisect_batch_on_function_error
            or mapping.handler.shape is not Shape.BATCH,
            retries_max=mapping.maximum_retry_attempts,
        )
        self._appended_at: float | None = None
        self._lane_deliveries = 0
        self._loss: OwnershipLostError | None = None

    def note_append(self, at_seconds: float) -> None:
        """Takes the time (of `time.perf_counter`) of a commit that the handler has yet to see."""
        if self._appended_at is None:
            self._appended_at = at_seconds

    def step(self) -> Step:
        try:
            if not self._lane_deliveries:
                return self._step()
            if not self._around.lane.enter(self):
                return Next.PARKED
            try:
                return self._step()
            finally:
                self._around.lane.leave()
        except (OwnershipLostError, LoopClosedError, RecordsTrimmedError) as error:
            log.error("%s stops: %s", self.describe(), error)
            return self._stop(error)
        except StoreClosedError as error:
            return self._stop(error)
        except StoreError as error:
            # Not the handler's fault: no attempt is counted, and the records stay where they are.
            log.warning("%s waits for the store: %s", self.describe(), error)
            return RetryIn(STORE_RETRY_SECONDS)

    def describe(self) -> str:
        failures = self._suspects.failures
        state = f" (failed {failures} times, will retry)" if failures else ""
        return f"handler {self.mapping.name!r} at shard {self.shard.shard_id}{state}"

    def lose(self, error: OwnershipLostError) -> None:
        """Has the worker stop: its position cannot be saved any more."""
        self._loss = error
        self._around.scheduler.wake(self)

    # --- one delivery --------------------------------------------------------------------------

    def _step(self) -> Step:
        if self._loss is not None:
            raise self._loss
        appended_at, self._appended_at = self._appended_at, None
        read = self._around.streams.read
        try:
            records, is_end, is_complete = read(
                self.shard, self.progress.sequence, self.mapping.batch_size, BATCH_BYTES_MAX
            )
        except TrimmedDataAccessException:
            return self._meet_trim()
        if not records:
            return self._finish() if is_end else Next.IDLE
        after_success = Next.IDLE if is_complete and not is_end else Next.AGAIN
        wanted = self._wanted(records)
        if not wanted:
            self._advance(records[-1].sequence)
            return after_success
        if appended_at is not None:
            self._counters.note_latency(time.perf_counter() - appended_at)
        count = self._suspects.limit(len(wanted))
        if count < len(wanted):
            return self._deliver(wanted[:count], wanted[count - 1].sequence) or Next.AGAIN
        return self._deliver(wanted, records[-1].sequence) or after_success

    def _wanted(self, records: list[Record]) -> list[Record]:
        names = self.mapping.event_names
        if len(names) == 3:
            return records
        return [record for record in records if record.event_name in names]

    def _deliver(self, wanted: list[Record], through: int) -> Step | None:
        """Hands records to the handler and moves on; None when all went well.

        `through` is the sequence that is reached when all of them are done.
        """
        transaction = HandlerTransaction(self._around.database)
        attempt = self._suspects.failures + 1
        delivery = Delivery(self.mapping.handler, self._source, transaction, attempt)
        outcome = delivery.run(self._around.caller, wanted, self._around.is_stopping)
        return self._settle(wanted, outcome, through, transaction)

    def _settle(
        self,
        wanted: list[Record],
        outcome: Outcome,
        through: int,
        transaction: HandlerTransaction,
    ) -> Step | None:
        done, error = outcome.done, outcome.error
        if done:
            reached = through if done == len(wanted) else wanted[done - 1].sequence
            try:
                self._keep(reached, transaction)
            except ReadConflict:
                self._counters.note_conflict()
                self._suspects.note_conflict()
                self._lane_deliveries = LANE_DELIVERIES
                return Next.AGAIN
            except DynamoDBError as commit_error:
                return self._note_failure(wanted[:done], commit_error, is_found=False)
            self._suspects.note_success(done)
            self._counters.note_success(done)
            self._lane_deliveries = max(0, self._lane_deliveries - 1)
        if error is not None:
            is_found = self.mapping.handler.shape is not Shape.BATCH
            return self._note_failure(wanted[done:], error, is_found=is_found)
        return None if done == len(wanted) else Next.AGAIN

    def _keep(self, sequence: int, transaction: HandlerTransaction) -> None:
        """Makes a delivery durable: its writes and the position together, or the position alone."""
        if transaction.has_writes:
            self.progress.commit(sequence, transaction.apply)
        else:
            self._advance(sequence)

    def _advance(self, sequence: int) -> None:
        self.progress.advance(sequence)
        self._around.keeper.note(self)

    # --- failures ------------------------------------------------------------------------------

    def _note_failure(
        self, records: Sequence[Record], error: BaseException, *, is_found: bool
    ) -> Step:
        verdict = self._suspects.note_failure(len(records), found=is_found)
        failures = self._suspects.failures
        self._counters.note_failure(error)
        if verdict is Verdict.GIVE_UP:
            return self._bury(records[:1] if is_found else records, error)
        log.warning("%s: %s", self.describe(), error, exc_info=error if failures <= 1 else None)
        if verdict is Verdict.SPLIT:
            return Next.AGAIN
        self._counters.note_retry()
        return RetryIn(backoff_seconds(failures, self._around.random.random()))

    def _bury(self, records: Sequence[Record], error: BaseException) -> Step:
        database, attempts = self._around.database, self._suspects.failures
        failed_at_ms = database.clock.now_ms()
        letters = [
            DeadLetter(self.mapping.name, self.shard, record, error, attempts, failed_at_ms)
            for record in records
            if self.shard.table_name != DEAD_LETTERS  # a letter about a letter would never end
        ]
        log.error("%s: %d record(s) given up", self.describe(), len(records), exc_info=error)
        try:
            self.progress.commit(records[-1].sequence, bury(database, letters).apply)
        except DynamoDBError:
            log.exception("%s: the dead letters cannot be written", self.describe())
            return RetryIn(BACKOFF_SECONDS_MAX)
        self._suspects.note_success(len(records))
        self._counters.note_dead_letters(len(letters))
        return Next.AGAIN

    # --- where there is nothing to deliver -----------------------------------------------------

    def _finish(self) -> Step:
        """The shard has ended: its end is committed, then its children may begin."""
        current = self._around.streams.shards.by_number.get(self.shard.number, self.shard)
        self.progress.commit(max(current.end_seq or 0, self.progress.sequence), _nothing)
        self._finished(self)
        return Next.DONE

    def _meet_trim(self) -> Step:
        """Records behind the position are gone: a loss, unless the shard is, and they were done."""
        loss = self._find_loss()
        if loss is None:
            return self._finish()
        if self.mapping.on_trimmed == "fail":
            raise loss_error(self.mapping, loss)
        name, number = self.mapping.name, self.shard.number
        through = max(loss.through, self.progress.sequence)
        self.progress.commit(through, lambda work: forget_losses(work, name, number))
        log.warning("%s skips %s", self.describe(), describe_loss(loss))
        self._counters.note_gap(loss.records)
        return Next.AGAIN

    def _find_loss(self) -> Loss | None:
        shard, sequence = self.shard, self.progress.sequence

        def look(reader: Reader) -> Loss | None:
            loss = find_loss(reader, self.mapping.name, shard.number, sequence)
            trimmed_seq = self._around.streams.shards.trimmed_of(reader, shard.number)
            if loss is None and trimmed_seq is not None and trimmed_seq > sequence:
                now_ms = self._around.database.clock.now_ms()
                return Loss(trimmed_seq, 0, shard.created_ms, now_ms, [shard.shard_id])
            return loss

        return self._around.database.store.read(look)

    def _stop(self, error: BaseException) -> Step:
        self.stopped_by = error
        self._counters.note_end(error)
        return Next.DONE


def _nothing(transaction: Transaction) -> None:
    pass
