"""Schedules at work: each is a task that is called at its fire times, one run after the other.

The last fire time is kept in the file and moves in the commit of what the run wrote through its
transaction: a crash neither skips a run nor doubles its writes. It is held against what was read,
and against the owner's epoch, as the positions of mappings are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from ..engine import Database, DynamoDBError, StoreError
from ..engine.cause import Cause, current_cause
from ..engine.errors import StoreClosedError
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .calling import Caller, run_to_end
from .context import CallContext, Callee
from .delivery import NOT_FAILURES
from .errors import HungCallsError, LoopClosedError, OwnershipLostError, ReadConflict
from .limits import Limits
from .observing import Call, CallObserver, observed
from .retry import backoff_seconds
from .schedule import Fire, Schedule, event_of, id_of, iso_time
from .scheduler import Next, RetryIn, Scheduler, Step, Task
from .timeouts import TimedCall, Watch, timed_out
from .transaction import HandlerTransaction

log = logging.getLogger("pelton.handlers")

SCHEDULE_KIND = b"schedule"

STORE_RETRY_SECONDS = 1.0

WATCH_SECONDS_MAX = 60.0
"""How long a schedule relies on a timer: the clock may be set, and a machine may sleep."""


@dataclass(frozen=True)
class ScheduleStats:
    """A schedule's figures since the start."""

    name: str
    expression: str
    runs: int = 0
    """Runs that have succeeded."""
    failures: int = 0
    retries: int = 0
    conflicts: int = 0
    """Runs that were done again because what they had read had changed."""
    given_up: int = 0
    """Runs that failed as often as they were to be tried."""
    missed: int = 0
    """Fire times without a run, because nothing ran then or a run before took too long."""
    late: int = 0
    """Runs that began late because the one before still ran at their time."""
    last_fire_ms: int | None = None
    """The fire time of the last run that is done with."""
    next_fire_ms: int | None = None
    last_error: str | None = None
    is_running: bool = True
    """False once it has stopped: another process has taken it over, or its loop was closed."""


class Schedules:
    """The schedules of a dispatcher."""

    def __init__(
        self,
        database: Database,
        scheduler: Scheduler,
        caller: Caller,
        schedules: Iterable[Schedule],
        observers: Sequence[CallObserver] = (),
    ) -> None:
        self._database = database
        self._scheduler = scheduler
        self._schedules = list(schedules)
        self._tasks = {
            each.name: ScheduleTask(database, scheduler, caller, each, observers)
            for each in self._schedules
            if each.enabled
        }

    def start(self) -> None:
        """Takes the schedules over from whoever had them, and has them fire."""
        if self._schedules:
            self._database.write(self._take_over)
            self.wake_all()

    def wake_all(self) -> None:
        """Has each look whether it is due."""
        for task in self._tasks.values():
            self._scheduler.wake(task)

    def stats(self) -> dict[str, ScheduleStats]:
        return {name: task.stats for name, task in self._tasks.items()}

    @property
    def stopped_by(self) -> BaseException | None:
        """What made one of them give up, if something has."""
        errors = (task.stopped_by for task in self._tasks.values())
        return next((error for error in errors if error is not None), None)

    def _take_over(self, transaction: Transaction) -> None:
        for schedule in self._schedules:
            if schedule.enabled:
                self._tasks[schedule.name].take_over(transaction)
            else:
                transaction.delete(META_SPACE, 0, SCHEDULE_KIND, schedule.name.encode())


class ScheduleTask(Task):
    """One schedule: a step does the run that is due, or sets a timer for the next."""

    def __init__(
        self,
        database: Database,
        scheduler: Scheduler,
        caller: Caller,
        schedule: Schedule,
        observers: Sequence[CallObserver],
    ) -> None:
        self.schedule = schedule
        self.stats = ScheduleStats(schedule.name, schedule.expression)
        self.stopped_by: BaseException | None = None
        """Why it has given up for good, if it has."""
        self._database = database
        self._scheduler = scheduler
        self._caller = caller
        self._observers = observers
        self._kept = _Kept(0, schedule.expression, 0)
        self._fire: Fire | None = None
        """The run that is due and not yet done."""
        self._failed = 0
        self._ran_until_ms: int | None = None
        self._timer_ms: int | None = None
        arn = f"arn:aws:lambda:{database.region}:{database.account}:function:{schedule.name}"
        limits = Limits(schedule.timeout_seconds)
        self._callee = Callee(schedule.name, arn, database.clock, limits)

    def take_over(self, transaction: Transaction) -> None:
        """Becomes the owner; a schedule that is new, or has another expression, begins now."""
        known = _read(transaction, self.schedule.name)
        last_ms = self._database.clock.now_ms() // 1000 * 1000
        if known is not None and known.expression == self.schedule.expression:
            last_ms = known.last_ms
        epoch = known.epoch + 1 if known else 1
        self._kept = _Kept(epoch, self.schedule.expression, last_ms)
        _save(transaction, self.schedule.name, self._kept)

    def step(self) -> Step:
        try:
            if self._fire is None:
                self._fire = self._due()
            return self._wait() if self._fire is None else self._run(self._fire)
        except (OwnershipLostError, LoopClosedError) as error:
            log.error("%s stops: %s", self.describe(), error)
            return self._stop(error)
        except StoreClosedError as error:
            return self._stop(error)
        except (StoreError, HungCallsError) as error:
            log.warning("%s waits: %s", self.describe(), error)
            return RetryIn(STORE_RETRY_SECONDS)

    def describe(self) -> str:
        failed = f" (failed {self._failed} times, will retry)" if self._failed else ""
        return f"schedule {self.schedule.name!r}{failed}"

    # --- its time ------------------------------------------------------------------------------

    def _due(self) -> Fire | None:
        times, last_ms = self.schedule.times, self._kept.last_ms
        due = times.due(last_ms, self._database.clock.now_ms())
        if due is None:
            return None
        missed = due.fires - 1
        missed_since_ms = times.next_after(last_ms) if missed else None
        if missed:
            log.warning(
                "%s has missed %d run(s) since %s; it runs once for all of them",
                self.describe(),
                missed,
                iso_time(missed_since_ms or 0),
            )
        is_late = self._ran_until_ms is not None and due.last_ms <= self._ran_until_ms
        self._count(missed=missed, late=int(is_late))
        return Fire(due.last_ms, missed, missed_since_ms or 0)

    def _wait(self) -> Step:
        """Has itself woken at the next fire time, without being waited for."""
        next_ms = self.schedule.times.next_after(self._kept.last_ms)
        self.stats = replace(self.stats, next_fire_ms=next_ms)
        now_ms = self._database.clock.now_ms()
        if next_ms is not None and (self._timer_ms is None or self._timer_ms <= now_ms):
            seconds = min((next_ms - now_ms) / 1000, WATCH_SECONDS_MAX)
            self._timer_ms = timer_ms = now_ms + round(seconds * 1000)
            self._scheduler.after(seconds, lambda: self._end_timer(timer_ms))
        return Next.IDLE

    def _end_timer(self, timer_ms: int) -> None:
        if self._timer_ms == timer_ms:
            self._timer_ms = None
        self._scheduler.wake(self)

    # --- its run -------------------------------------------------------------------------------

    def _run(self, fire: Fire) -> Step:
        transaction = HandlerTransaction(self._database)
        error = self._call(fire, transaction)
        if error is None:
            try:
                self._commit(fire, transaction)
            except ReadConflict:
                self._count(conflicts=1)
                return Next.AGAIN
            except DynamoDBError as commit_error:
                error = commit_error
        self._ran_until_ms = self._database.clock.now_ms()
        if error is not None:
            return self._note_failure(fire, error)
        self._count(runs=1)
        return self._next()

    def _call(self, fire: Fire, transaction: HandlerTransaction) -> BaseException | None:
        """What the function failed with, None if it did not."""
        event = event_of(self.schedule, fire, self._database)
        context = ScheduledContext(self._callee, transaction, self._failed + 1, event["id"])
        is_async, seconds = self.schedule.handler.is_async, self.schedule.timeout_seconds
        try:
            if seconds is None:
                call = self._call_once(event, context)
                return self._caller.run(call) if is_async else run_to_end(call)
            watch = Watch(seconds)
            call = self._call_once(event, context, watch)
            ended = self._caller.run_within(self.schedule.name, watch, call, is_async=is_async)
        finally:
            transaction.close()
        if ended is not None:
            return ended[0]
        return timed_out(context, seconds, self._database.clock.now_ms())

    async def _call_once(
        self, event: dict[str, Any], context: ScheduledContext, watch: Watch | None = None
    ) -> BaseException | None:
        handler = self.schedule.handler
        if watch is not None and not watch.begin(TimedCall(context, 0, 0)):
            return TimeoutError("nobody waits for this call any more")
        token = current_cause.set(Cause().then(handler.name))
        try:
            with observed(self._observers, Call(self.schedule.name, context)):
                result = handler.function(event, context)
                if handler.is_async:
                    await result
        except NOT_FAILURES:
            raise
        except BaseException as error:
            return error
        finally:
            current_cause.reset(token)
        return None

    def _commit(self, fire: Fire, transaction: HandlerTransaction) -> None:
        """The run's writes and its fire time, in one commit."""

        def work(store: Transaction) -> None:
            self._check(store)
            transaction.apply(store)
            _save(store, self.schedule.name, moved)

        moved = self._kept._replace(last_ms=fire.at_ms)
        self._database.write(work)
        self._kept = moved

    def _check(self, reader: Reader) -> None:
        if _read(reader, self.schedule.name) != self._kept:
            raise OwnershipLostError(
                f"schedule {self.schedule.name!r} has been taken over by another process: "
                "it runs once for each file, so stop one of the two or give them different names"
            )

    def _note_failure(self, fire: Fire, error: BaseException) -> Step:
        self._failed += 1
        self.stats = replace(self.stats, last_error=f"{type(error).__name__}: {error}")
        self._count(failures=1)
        if self._failed > self.schedule.maximum_retry_attempts:
            log.error(
                "%s: the run of %s is given up",
                self.describe(),
                iso_time(fire.at_ms),
                exc_info=error,
            )
            self._commit(fire, HandlerTransaction(self._database))
            self._count(given_up=1)
            return self._next()
        log.warning("%s: %s", self.describe(), error, exc_info=error if self._failed == 1 else None)
        self._count(retries=1)
        return RetryIn(backoff_seconds(self._failed, 0.0))

    def _next(self) -> Step:
        self._fire, self._failed = None, 0
        self.stats = replace(self.stats, last_fire_ms=self._kept.last_ms)
        return Next.AGAIN

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self.stats, name) + count for name, count in more.items()}
        self.stats = replace(self.stats, **counts)

    def _stop(self, error: BaseException) -> Step:
        self.stopped_by = error
        text = f"{type(error).__name__}: {error}"
        self.stats = replace(self.stats, is_running=False, last_error=text)
        return Next.DONE


class ScheduledContext(CallContext):
    """The second argument of a scheduled function: AWS Lambda's context, and pelton's additions."""

    __slots__ = ("_event_id",)

    shard_id = None
    log_stream_name = "schedules"

    def __init__(
        self, callee: Callee, transaction: HandlerTransaction, attempt: int, event_id: str
    ) -> None:
        super().__init__(callee, transaction, attempt)
        self._event_id = event_id

    @property
    def idempotency_key(self) -> str:
        """A text that is the same in all attempts at the run of this fire time."""
        return f"{self.invoked_function_arn}/{self._event_id}"

    @property
    def aws_request_id(self) -> str:
        """The same in all attempts, as of AWS's asynchronous invocations."""
        return id_of(self.idempotency_key)


# --- what is kept -----------------------------------------------------------------------------


class _Kept(NamedTuple):
    """A schedule as the store knows it: its owner, and the last fire time that is done with."""

    epoch: int
    expression: str
    last_ms: int


def _read(reader: Reader, name: str) -> _Kept | None:
    row = reader.get(META_SPACE, 0, SCHEDULE_KIND, name.encode())
    if row is None:
        return None
    epoch, body = row
    kept = orjson.loads(body)
    return _Kept(epoch, kept["expression"], kept["last_ms"])


def _save(transaction: Transaction, name: str, kept: _Kept) -> None:
    body = orjson.dumps({"expression": kept.expression, "last_ms": kept.last_ms})
    transaction.put(META_SPACE, 0, SCHEDULE_KIND, name.encode(), kept.epoch, body)
