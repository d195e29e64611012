"""A worker: carries the records of one shard to one handler, in order, one delivery a step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from itertools import takewhile

from ..engine import DynamoDBError, StoreError
from ..engine.errors import StoreClosedError, TrimmedDataAccessException
from ..engine.storage import Transaction
from ..streams import Record, Shard
from .attempts import Attempts
from .chain import Chain
from .context import Source as Origin
from .context import request_id_of
from .delivery import Delivery, Outcome
from .destinations import DestinationError
from .errors import (
    CycleError,
    HungCallsError,
    LoopClosedError,
    OwnershipLostError,
    ReadConflict,
    RecordsTrimmedError,
)
from .feed import Batch, Feed, Source, chooser_of
from .giving_up import GivenUp, GivingUp
from .last_calls import LastCalls
from .logs import call_fields
from .mapping import EventSourceMapping
from .missed import describe_loss, find_any_loss, forget_losses, is_trimmed, loss_error
from .progress import Progress
from .quarantine import LetOutMeanwhile
from .reports import REPORTED, InvalidReportError, ReportedFailure, first_failure
from .retry import BACKOFF_SECONDS_MAX, Suspects, Verdict, backoff_seconds
from .scheduler import Next, RetryIn, Step, Task, WakeWithin
from .slots import Slots
from .stats import Counters
from .surroundings import Surroundings
from .transaction import HandlerTransaction
from .windows import ShardWindows, Turn, Window, WindowStateError, gathered

log = logging.getLogger("pelton.handlers")

READS_MAX = 16
"""How often a step reads for a batch whose records lie between many that nobody wants."""

STORE_RETRY_SECONDS = 1.0
HUNG_RETRY_SECONDS = 1.0

LANE_DELIVERIES = 16
"""How many deliveries of a worker that met a conflict take turns with others that did."""


class ShardWorker(Task):
    """Reads ahead of its position, calls the handler, commits; never loops, never sleeps.

    `finished` is called when the shard has ended, or its source, and that is committed;
    `is_superseded` tells whether somebody else has moved the mapping's positions on purpose.
    """

    def __init__(
        self,
        around: Surroundings,
        mapping: EventSourceMapping,
        shard: Shard,
        *,
        source: Source,
        progress: Progress,
        counters: Counters,
        giving_up: GivingUp,
        slots: Slots | None = None,
        finished: Callable[[ShardWorker], None],
        is_superseded: Callable[[], bool],
    ) -> None:
        self.mapping = mapping
        self.shard = shard
        self.progress = progress
        self.stopped_by: BaseException | None = None
        """Why this worker has given up for good, if it has."""
        self._around = around
        self._counters = counters
        self._finished = finished
        self._is_superseded = is_superseded
        self.source = source
        choose, position = chooser_of(mapping, shard.stream_arn), progress.sequence
        self._giving_up = giving_up
        self._sieve = sieve = giving_up.sieve(choose)
        self._feed = Feed(source, sieve or choose, position, mapping.batch_size, shard.stream_arn)
        chain = Chain(
            around.streams.causes,
            mapping.name,
            None if mapping.may_cycle else around.cycle_depth_max,
        )
        clock = around.database.clock
        self._origin = Origin.of(mapping, shard, clock, around.observers, chain)
        self._suspects = Suspects(
            splits=mapping.bisect_batch_on_function_error or not mapping.handler.takes_batches,
            retries_max=mapping.maximum_retry_attempts,
        )
        self._attempts = Attempts()
        self._windows: ShardWindows | None = None
        if mapping.takes_windows:
            self._windows = ShardWindows(around.database, around.streams, mapping, shard, source)
            self._last_calls = LastCalls(
                around, mapping, self._origin, progress, counters, self.describe
            )
        self._given_up: GivenUp | None = None
        """What was given up and is not kept yet."""
        self._appended_at: float | None = None
        self._gathered_ms: int | None = None
        """Since when a batch that is not full yet waits for more."""
        self._lane_deliveries = 0
        self._slots = slots
        self._loss: OwnershipLostError | None = None

    def note_append(self, at_seconds: float) -> None:
        """Takes the time (of `time.perf_counter`) of a commit that the handler has yet to see."""
        if self._appended_at is None:
            self._appended_at = at_seconds

    def step(self) -> Step:
        slots = self._slots
        return self._step_safely() if slots is None else slots.step(self, self._step_safely)

    def _step_safely(self) -> Step:
        try:
            if not self._lane_deliveries:
                return self._step()
            if not self._around.lane.enter(self):
                return Next.PARKED
            try:
                return self._step()
            finally:
                self._around.lane.leave(self)
        except LetOutMeanwhile:
            return self._sift_again()
        except OwnershipLostError as error:
            return self._meet_owner(error)
        except (CycleError, LoopClosedError, RecordsTrimmedError) as error:
            log.error("%s stops: %s", self.describe(), error)
            return self._stop(error)
        except StoreClosedError as error:
            return self._stop(error)
        except HungCallsError as error:
            log.warning("%s waits: %s", self.describe(), error)
            return RetryIn(HUNG_RETRY_SECONDS)
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
        if self._given_up is not None:
            return self._bury(self._given_up)
        appended_at, self._appended_at = self._appended_at, None
        feed = self._feed
        if self._suspects.failures and self._has_lost(feed):
            self._begin_again()
        if self._suspects.count:
            feed.is_complete = False  # what has come since has woken nobody: a retry is timed
        else:
            try:
                self._fill()
            except TrimmedDataAccessException:
                if not feed:
                    return self._meet_trim()
        if self._windows is not None and not self._suspects.count:
            turn = self._windows.turn(feed)
            if turn is not Turn.NONE:
                return self._turn_window(self._windows, turn) if self._may_call() else Next.PARKED
        if not feed:
            return self._pass_unwanted()
        too_old = self._count_too_old()
        if too_old:
            return self._give_up(feed.batch(too_old).records, None)
        wait_seconds = self._gathers_seconds()
        if wait_seconds > 0:
            self._appended_at = appended_at
            return WakeWithin(wait_seconds)
        self._gathered_ms = None
        if not self._may_call():
            self._appended_at = appended_at
            return Next.PARKED
        if appended_at is not None:
            self._counters.note_latency(time.perf_counter() - appended_at)
        return self._deliver(feed.batch(self._limit()))

    def _may_call(self) -> bool:  # if not, this is woken when it may
        return self._slots is None or self._slots.enter(self)

    def _fill(self) -> None:
        """Reads until there is a whole batch or nothing more, but not for ever."""
        feed, polled, wanted = self._feed, 0, 0
        try:
            for _ in range(READS_MAX):
                more, more_wanted = feed.read()
                polled += more
                wanted += more_wanted
                if feed.is_full or feed.is_complete:
                    break
        finally:
            self._counters.note_polled(polled, filtered=polled - wanted)

    def _pass_unwanted(self) -> Step:
        """Moves on behind records that the handler is not called for."""
        feed = self._feed
        if feed.read_to > self.progress.sequence:
            self._move(feed.read_to, None)
        if feed.is_end:
            return self._finish()
        return self._rest() if feed.is_complete else Next.AGAIN

    def _count_too_old(self) -> int:
        """How many of the next records are older than the mapping takes."""
        age_seconds_max = self.mapping.maximum_record_age_in_seconds
        if age_seconds_max < 0:
            return 0
        oldest_ms = self._around.database.clock.now_ms() - age_seconds_max * 1000
        records = self._feed.batch(self.mapping.batch_size).records
        return sum(1 for _ in takewhile(lambda record: record.at_ms < oldest_ms, records))

    def _gathers_seconds(self) -> float:
        """How long the next batch may still wait to fill up."""
        feed, window_seconds = self._feed, self.mapping.maximum_batching_window_in_seconds
        if not window_seconds or feed.is_full or feed.is_end or self._suspects.count:
            return 0.0
        if self._around.is_draining() or not feed.is_complete:
            return 0.0
        now_ms = self._around.database.clock.now_ms()
        if self._gathered_ms is None:
            self._gathered_ms = now_ms
        wait_seconds = window_seconds - (now_ms - self._gathered_ms) / 1000
        if self._windows is None or feed.first is None:
            return wait_seconds
        end_ms = self._windows.window_of(feed.first).end_ms
        if feed.count_before(end_ms) < len(feed):
            return 0.0
        return min(wait_seconds, (end_ms - now_ms) / 1000)

    def _turn_window(self, windows: ShardWindows, turn: Turn) -> Step:
        if turn is Turn.SETTLE:
            windows.settle()
            return Next.AGAIN
        try:
            step = self._last_calls.make(windows, turn)
        except ReadConflict:
            return self._meet_conflict()
        self._suspects.note_success(0)
        return step

    def _limit(self) -> int:
        """How many of the next records may be delivered at once."""
        limit = self._suspects.limit(len(self._feed))
        first = self._feed.first
        if self._windows is None or first is None:
            return limit
        return min(limit, self._feed.count_before(self._windows.window_of(first).end_ms) or 1)

    def _deliver(self, batch: Batch) -> Step:
        """Hands records to the handler, and moves on behind those that are done."""
        transaction = HandlerTransaction(self._around.database)
        attempt = self._suspects.failures + 1
        window, more = None, None
        if self._windows is not None:
            window = self._windows.window_of(batch.records[0])
            more = window.members(self.shard)
        delivery = Delivery(self.mapping.handler, self._origin, transaction, attempt, more=more)
        invoked = len(batch.records)
        self._counters.note_in_flight(1)
        try:
            outcome = delivery.run(self._around.caller, batch.records, self._around.is_stopping)
            if not self.mapping.handler.takes_batches:
                invoked = outcome.done + (outcome.error is not None)
        finally:
            self._counters.note_in_flight(-1, invoked)
        if outcome.error is None and (window is not None or self.mapping.reports_failures):
            return self._settle_answer(batch, window, outcome, transaction)
        return self._settle(batch, outcome, transaction)

    def _settle_answer(
        self,
        batch: Batch,
        window: Window | None,
        outcome: Outcome,
        transaction: HandlerTransaction,
    ) -> Step:
        """What follows from an answer of a handler whose answers say something."""
        place = None
        try:
            if window is not None:
                batch = batch._replace(window=gathered(window, outcome.answer))
            if self.mapping.reports_failures:
                place = first_failure(outcome.answer, batch.records)
        except (InvalidReportError, WindowStateError) as error:
            return self._note_failure(batch.records, error, is_found=False)
        if place is not None:
            return self._settle_report(batch, place, transaction)
        return self._settle(batch, outcome, transaction)

    def _settle(self, batch: Batch, outcome: Outcome, transaction: HandlerTransaction) -> Step:
        done, error = outcome.done, outcome.error
        records = batch.records
        if done:
            try:
                self._keep(batch, done, transaction)
            except ReadConflict:
                return self._meet_conflict()
            except DynamoDBError as commit_error:
                return self._note_failure(records[:done], commit_error, is_found=False)
        if isinstance(error, CycleError):
            raise error
        if error is not None:
            is_found = not self.mapping.handler.takes_batches
            return self._note_failure(records[done:], error, is_found=is_found)
        return self._next()

    def _settle_report(self, batch: Batch, place: int, transaction: HandlerTransaction) -> Step:
        """What follows when the handler has said which of a batch is the first that failed."""
        rest = len(batch.records) - place
        if not place:
            # It is known to be the first, but only who may split a batch can set it apart.
            error = ReportedFailure(REPORTED)
            is_found = self.mapping.bisect_batch_on_function_error
            return self._note_failure(batch.records, error, is_found=is_found)
        if transaction.has_writes:
            # Which of them belong to the records that are done only the handler could say.
            self._suspects.note_report(place, rest)
        else:
            self._keep(batch, place, transaction)
            self._suspects.note_report(0, rest)
        self._counters.note_retry()
        return Next.AGAIN

    def _keep(self, batch: Batch, done: int, transaction: HandlerTransaction) -> None:
        """Makes a delivery durable: its writes and the position together, or the position alone."""
        last = batch.records[done - 1]
        sequence = batch.through if done == len(batch.records) else last.sequence
        self._move(sequence, transaction, batch.window)
        self._feed.drop(done)
        self._suspects.note_success(done)
        self._attempts.forget(sequence)
        self._counters.note_success(done, last.at_ms)
        self._lane_deliveries = max(0, self._lane_deliveries - 1)

    def _meet_conflict(self) -> Step:
        self._counters.note_conflict()
        self._suspects.note_conflict()
        self._lane_deliveries = LANE_DELIVERIES
        return Next.AGAIN

    def _next(self) -> Step:
        feed = self._feed
        return self._rest() if not feed and feed.is_complete and not feed.is_end else Next.AGAIN

    def _rest(self) -> Step:
        """Nothing to do until a commit has something; and when the time of a window has passed."""
        windows = self._windows
        seconds = None if windows is None else windows.seconds_left()
        if windows is None or seconds is None:
            return Next.IDLE
        if seconds <= 0:
            return Next.AGAIN
        if not windows.is_timed:  # else it goes off too early, and is set anew
            windows.is_timed = True
            self._around.scheduler.after(seconds, self._note_time)
        return Next.IDLE

    def _note_time(self) -> None:
        if self._windows is not None:
            self._windows.is_timed = False
        self._around.scheduler.wake(self)

    def _move(
        self, sequence: int, writes: HandlerTransaction | None, window: Window | None = None
    ) -> None:
        """Moves the position on; in a commit if there is anything to write with it."""
        sieve, work = self._sieve, None
        if sieve is not None and (held := sieve.until(sequence)):
            writes = writes or HandlerTransaction(self._around.database)
            work = self._giving_up.holding(self.shard, held, writes)
        elif writes is not None and (writes.has_writes or window is not None):
            work = writes.apply
        if work is None:
            self.progress.advance(sequence)
            self._around.keeper.note(self)
            return
        if self._windows is not None and window is not None:
            self.progress.commit(sequence, self._windows.keeping(window, work))
            self._windows.open(window)
        else:
            self.progress.commit(sequence, work)
        if sieve is not None:
            sieve.forget(sequence)

    def _sift_again(self) -> Step:
        """Items were set aside or let out: what is read but not done is delivered, or not, anew."""
        self._giving_up.look_again()
        if self._sieve is not None:
            self._feed.exchange(self._sieve.sift_again(self._feed.records))
        self._suspects.note_success(self._suspects.count)
        self._given_up = None
        return Next.AGAIN

    def _begin_again(self) -> None:
        """What is behind the position is read anew: some of it has left the stream."""
        if self._sieve is not None:
            self._sieve.begin_again()
        self._feed.begin_at(self.progress.sequence)
        self._suspects.note_success(self._suspects.count)

    # --- failures ------------------------------------------------------------------------------

    def _note_failure(
        self, records: Sequence[Record], error: BaseException, *, is_found: bool
    ) -> Step:
        verdict = self._suspects.note_failure(len(records), found=is_found)
        failures = self._suspects.failures
        called = records if self.mapping.handler.takes_batches else records[:1]
        self._counters.note_failure(error, len(called))
        self._attempts.note(called, error, self._around.database.clock.now_ms())
        if verdict is Verdict.GIVE_UP:
            return self._give_up(records[:1] if is_found else records, error)
        log.warning(
            "%s: %s",
            self.describe(),
            error,
            exc_info=error if failures <= 1 else None,
            extra=self._fields_of(called),
        )
        if verdict is Verdict.SPLIT:
            return Next.AGAIN
        self._counters.note_retry()
        return RetryIn(backoff_seconds(failures, self._around.random.random()))

    def _give_up(self, records: Sequence[Record], error: BaseException | None) -> Step:
        """Gives records up; without an error they were too old to be tried again."""
        log.error(
            "%s: %d record(s) given up",
            self.describe(),
            len(records),
            exc_info=error,
            extra=self._fields_of(records),
        )
        attempts = self._suspects.failures
        key = self._origin.key_of(records[0].sequence, records[-1].sequence)
        request_id = request_id_of(key, max(1, attempts))
        now_ms = self._around.database.clock.now_ms()
        self._given_up = GivenUp(records, error, attempts, request_id, now_ms)
        return self._bury(self._given_up)

    def _bury(self, given_up: GivenUp) -> Step:
        """Tells the destination, then makes dead letters in the commit that goes on behind them."""
        records, sieve = given_up.records, self._sieve
        try:
            self._giving_up.tell(self.shard, self._origin.function_arn, given_up)
        except DestinationError as error:
            self._counters.note_destination_failure()
            log.warning("%s: %s", self.describe(), error)
            return RetryIn(backoff_seconds(given_up.tellings, self._around.random.random()))
        through = records[-1].sequence
        held = () if sieve is None else sieve.until(through)
        try:
            work = self._giving_up.burial(self.shard, given_up, self._attempts, held)
            self.progress.commit(through, work)
        except DynamoDBError:
            log.exception("%s: the dead letters cannot be written", self.describe())
            return RetryIn(BACKOFF_SECONDS_MAX)
        self._given_up = None
        self._feed.drop(len(records))
        self._suspects.note_success(len(records))
        self._attempts.forget(through)
        self._counters.note_dropped(len(records))
        if self._giving_up.writes_letters:
            self._counters.note_dead_letters(len(records))
        if given_up.untold is not None:
            self._counters.note_destination_failure()
        if given_up.is_told:
            self._counters.note_destination(len(records))
        if sieve is not None:
            sieve.forget(through)
            return self._sift_again()
        return Next.AGAIN

    def _fields_of(self, records: Sequence[Record]) -> dict[str, object]:
        """What a line of the log is to know of the call that these records were in last."""
        attempt = max(1, self._suspects.failures)
        key = self._origin.key_of(records[0].sequence, records[-1].sequence)
        return call_fields(
            self.mapping.name,
            self.shard,
            records,
            attempt=attempt,
            request_id=request_id_of(key, attempt),
        )

    # --- where there is nothing to deliver -----------------------------------------------------

    def _finish(self) -> Step:
        """The shard has ended: its end is committed, then its children may begin."""
        end = self.source.until
        if end is None:
            current = self._around.streams.shards.by_number.get(self.shard.number, self.shard)
            end = current.end_seq or 0
        finish: Callable[[Transaction], None] = self.source.finish
        if self._windows is not None and self.source.until is None:
            finish = self._windows.handing_on(finish)
        self.progress.commit(max(end, self.progress.sequence), finish)
        self._finished(self)
        return Next.DONE

    def _meet_trim(self) -> Step:
        """Records behind the position are gone: a loss, unless the shard is, and they were done."""
        sequence = self.progress.sequence
        loss = find_any_loss(
            self._around.database, self._around.streams, self.mapping.name, self.shard, sequence
        )
        if loss is None:
            return self._finish()
        if self.mapping.on_trimmed == "fail":
            raise loss_error(self.mapping, loss)
        name, number = self.mapping.name, self.shard.number
        through = max(loss.through, sequence)
        self._feed.begin_at(sequence)
        self.progress.commit(through, lambda work: forget_losses(work, name, number))
        self._feed.begin_at(through)
        log.warning("%s skips %s", self.describe(), describe_loss(loss))
        self._counters.note_gap(loss.records)
        return Next.AGAIN

    def _meet_owner(self, error: OwnershipLostError) -> Step:
        """The position is no longer ours: another dispatcher has it, or it was moved on purpose."""
        if self._is_superseded():
            return Next.DONE
        log.error("%s stops: %s", self.describe(), error)
        return self._stop(error)

    def _has_lost(self, feed: Feed) -> bool:
        """Whether a record that is tried again and again has left the stream meanwhile."""
        around, first = self._around, feed.first
        return first is not None and is_trimmed(
            around.database, around.streams, self.shard, first.sequence
        )

    def _stop(self, error: BaseException) -> Step:
        self.stopped_by = error
        self._counters.note_end(error)
        return Next.DONE
