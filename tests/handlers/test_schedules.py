"""Schedules fire at their times, once, and tell what was missed; the clock is moved by hand."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pelton import App
from pelton.engine import ManualClock, StoreError
from pelton.engine.errors import StoreClosedError, ValidationException
from pelton.engine.storage import Transaction
from pelton.handlers import Handler, OwnershipLostError, Shape
from pelton.handlers.calling import Caller
from pelton.handlers.schedule import Schedule
from pelton.handlers.schedules import Schedules, ScheduleStats
from tests.handlers.stage import Stage
from tests.handlers.stepped import SteppedScheduler

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z, a Thursday."""

MINUTE_MS = 60_000


class Timetable(Stage):
    """A region whose schedules are run by hand, and which may crash."""

    def __init__(self, path: str | Path = ":memory:", clock: ManualClock | None = None) -> None:
        super().__init__(path, clock=clock or ManualClock(NOON_MS))
        self._write = self.database.write
        self.caller = Caller()
        if "runs" not in self.database.catalog.tables:
            self.create("runs")

    def plan(self, *schedules: Schedule) -> Schedules:
        """Schedules that have started; those of before are as if their process had died."""
        self.stepped = SteppedScheduler(self.clock, Random(0), self._settle)
        started = Schedules(self.database, self.stepped, self.caller, schedules)
        started.start()
        return started

    def run_for(self, **minutes: float) -> None:
        self.stepped.run_until(self.clock.now_ms() + round(minutes["minutes"] * MINUTE_MS))

    def pass_by(self, minutes: float) -> None:
        """Time in which nothing runs."""
        self.clock.advance(seconds=minutes * 60)

    def _settle(self) -> None:
        with suppress(StoreClosedError):  # a process that has crashed leaves nothing to wait for
            self._write(lambda transaction: None)

    def close(self) -> None:
        self.caller.close()
        super().close()


@pytest.fixture
def timetable() -> Iterator[Timetable]:
    timetable = Timetable()
    yield timetable
    timetable.close()


def every(expression: str, function: Callable[..., Any], **options: Any) -> Schedule:
    return Schedule(Handler(options.pop("name", "tick"), function), expression, **options)


class Calls:
    """A function that keeps the events of its calls."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.contexts: list[Any] = []

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        self.events.append(event)
        self.contexts.append(context)

    @property
    def times(self) -> list[str]:
        return [event["time"][11:16] for event in self.events]

    @property
    def missed(self) -> list[int]:
        return [event["detail"].get("pelton", {}).get("missed", 0) for event in self.events]


# --- the times ----------------------------------------------------------------------------------


def test_a_rate_fires_every_so_often_after_its_start(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("rate(5 minutes)", calls))
    timetable.run_for(minutes=4.9)
    assert calls.times == []
    timetable.run_for(minutes=11)
    assert calls.times == ["12:05", "12:10", "12:15"]


def test_a_cron_expression_fires_at_its_times(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("cron(0/30 12-13 * * ? *)", calls))
    timetable.run_for(minutes=24 * 60)
    assert calls.times == ["12:30", "13:00", "13:30", "12:00"]


def test_several_schedules_fire_side_by_side(timetable: Timetable) -> None:
    one, other = Calls(), Calls()
    timetable.plan(
        every("rate(1 minute)", one, name="one"), every("rate(2 minutes)", other, name="other")
    )
    timetable.run_for(minutes=4.5)
    assert (len(one.events), len(other.events)) == (4, 2)


def test_waiting_for_all_does_not_wait_for_future_fires(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("rate(1 minute)", calls))
    assert timetable.stepped.wait_quiet(0)
    assert calls.events == []
    assert timetable.clock.now_ms() == NOON_MS


def test_a_clock_that_is_set_back_doubles_nothing(timetable: Timetable) -> None:
    calls = Calls()
    schedules = timetable.plan(every("rate(5 minutes)", calls))
    timetable.run_for(minutes=6)
    timetable.clock.advance(seconds=-3600)
    timetable.run_for(minutes=60)
    assert calls.times == ["12:05"]
    timetable.run_for(minutes=6)
    assert calls.times == ["12:05", "12:10"]
    assert schedules.stats()["tick"].missed == 0


def test_a_clock_that_jumps_ahead_is_noticed_within_a_minute(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("cron(0 18 * * ? *)", calls))
    timetable.run_for(minutes=1)
    timetable.pass_by(minutes=6 * 60)
    timetable.run_for(minutes=1)
    assert calls.times == ["18:00"]


# --- the event ----------------------------------------------------------------------------------


def test_the_event_is_eventbridges(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("rate(5 minutes)", calls, name="report"))
    timetable.run_for(minutes=6)
    (event,) = calls.events
    identifier = event.pop("id")
    assert len(identifier) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-01-01T12:05:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/report"],
        "detail": {},
    }
    (context,) = calls.contexts
    assert context.function_name == "report"
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:report"
    assert context.attempt == 1


def test_a_run_that_is_tried_again_gets_the_same_event(timetable: Timetable) -> None:
    calls = Calls()

    def fail_once(event: dict[str, Any], context: Any) -> None:
        calls(event, context)
        if len(calls.events) == 1:
            raise RuntimeError("once")

    timetable.plan(every("rate(5 minutes)", fail_once))
    timetable.run_for(minutes=6)
    first, second = calls.events
    assert first == second
    before, after = calls.contexts
    assert before.idempotency_key == after.idempotency_key
    assert [each.attempt for each in calls.contexts] == [1, 2]


def test_coroutine_functions_run_on_a_loop(timetable: Timetable) -> None:
    calls = Calls()

    async def tick(event: dict[str, Any], context: Any) -> None:
        await asyncio.sleep(0)
        calls(event, context)
        context.transaction.put("runs", {"id": event["time"]})

    timetable.plan(every("rate(5 minutes)", tick))
    timetable.run_for(minutes=11)
    assert calls.times == ["12:05", "12:10"]
    assert len(timetable.all("runs")) == 2


# --- missed and late ----------------------------------------------------------------------------


def test_one_run_tells_of_all_that_were_missed(
    timetable: Timetable, caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls()
    timetable.plan(every("rate(5 minutes)", calls))
    timetable.run_for(minutes=6)
    timetable.pass_by(minutes=31)  # the process is down
    schedules = timetable.plan(every("rate(5 minutes)", calls))
    with caplog.at_level(logging.WARNING, "pelton.handlers"):
        timetable.run_for(minutes=4)
    assert calls.times == ["12:05", "12:35", "12:40"]
    assert calls.missed == [0, 5, 0]
    assert calls.events[1]["detail"]["pelton"]["missed-since"] == "2026-01-01T12:10:00Z"
    assert schedules.stats()["tick"].missed == 5
    assert "schedule 'tick' has missed 5 run(s) since 2026-01-01T12:10:00Z" in caplog.text


def test_one_fire_that_was_missed_is_made_up_for_and_not_counted(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("cron(0 13 * * ? *)", calls))
    timetable.pass_by(minutes=90)
    timetable.plan(every("cron(0 13 * * ? *)", calls))
    timetable.run_for(minutes=1)
    assert (calls.times, calls.missed) == (["13:00"], [0])


@pytest.mark.parametrize(
    ("minutes", "times", "late", "missed"),
    [
        (4, ["12:05", "12:10", "12:15", "12:20"], 0, 0),
        (7, ["12:05", "12:10", "12:15", "12:20"], 1, 0),
        (13, ["12:05", "12:15", "12:20"], 1, 1),
    ],
)
def test_a_long_run_makes_the_next_one_late_and_never_two_at_once(
    timetable: Timetable, minutes: float, times: list[str], late: int, missed: int
) -> None:
    calls, running = Calls(), list[int]()

    def work(event: dict[str, Any], context: Any) -> None:
        running.append(1)
        assert len(running) == 1
        if not calls.events:
            timetable.pass_by(minutes=minutes)
        calls(event, context)
        running.pop()

    schedules = timetable.plan(every("rate(5 minutes)", work))
    timetable.run_for(minutes=21)
    stats = schedules.stats()["tick"]
    assert calls.times == times
    assert (stats.runs, stats.late, stats.missed) == (len(times), late, missed)


def test_a_schedule_begins_anew_with_another_expression(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("rate(5 minutes)", calls))
    timetable.pass_by(minutes=60)
    timetable.plan(every("rate(7 minutes)", calls))
    timetable.run_for(minutes=7.1)
    assert (calls.times, calls.missed) == (["13:07"], [0])


def test_a_schedule_that_was_not_enabled_has_missed_nothing(timetable: Timetable) -> None:
    calls = Calls()
    timetable.plan(every("rate(5 minutes)", calls))
    timetable.plan(every("rate(5 minutes)", calls, enabled=False))
    timetable.run_for(minutes=60)
    timetable.plan(every("rate(5 minutes)", calls))
    timetable.run_for(minutes=5.1)
    assert (calls.times, calls.missed) == (["13:05"], [0])


# --- failures -----------------------------------------------------------------------------------


def test_a_run_is_given_up_after_its_retries(
    timetable: Timetable, caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls()

    def fail(event: dict[str, Any], context: Any) -> None:
        calls(event, context)
        context.transaction.put("runs", {"id": "never"})
        raise RuntimeError("no")

    schedules = timetable.plan(every("rate(5 minutes)", fail, maximum_retry_attempts=1))
    with caplog.at_level(logging.ERROR, "pelton.handlers"):
        timetable.run_for(minutes=11)
    assert calls.times == ["12:05", "12:05", "12:10", "12:10"]
    assert schedules.stats()["tick"] == ScheduleStats(
        "tick",
        "rate(5 minutes)",
        failures=4,
        retries=2,
        given_up=2,
        last_fire_ms=NOON_MS + 10 * MINUTE_MS,
        next_fire_ms=NOON_MS + 15 * MINUTE_MS,
        last_error="RuntimeError: no",
    )
    assert "the run of 2026-01-01T12:05:00Z is given up" in caplog.text
    assert timetable.all("runs") == []


def test_a_write_that_cannot_be_made_is_a_failure(timetable: Timetable) -> None:
    def write(event: dict[str, Any], context: Any) -> None:
        context.transaction.update("runs", {"id": "a"}, "SET n = missing")

    schedules = timetable.plan(every("rate(5 minutes)", write, maximum_retry_attempts=0))
    timetable.run_for(minutes=6)
    assert schedules.stats()["tick"].given_up == 1


def test_a_run_whose_reads_were_overtaken_runs_again(timetable: Timetable) -> None:
    def read(event: dict[str, Any], context: Any) -> None:
        found = context.transaction.get("runs", {"id": "a"})
        if found is None:
            timetable.save("runs", id="a", n=1)
        context.transaction.put("runs", {"id": "b", "seen": found and found["n"]})

    schedules = timetable.plan(every("rate(5 minutes)", read))
    timetable.run_for(minutes=6)
    assert timetable.load("runs", id="b") == {"id": "b", "seen": 1}
    stats = schedules.stats()["tick"]
    assert (stats.runs, stats.conflicts, stats.failures) == (1, 1, 0)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_run_that_takes_longer_than_its_timeout_has_failed(
    timetable: Timetable, is_async: bool
) -> None:
    begun, calls, release = list[int](), Calls(), threading.Event()

    def hang_once(event: dict[str, Any], context: Any) -> None:
        begun.append(context.get_remaining_time_in_millis())
        context.transaction.put("runs", {"id": f"{context.attempt}"})
        if context.attempt == 1:
            assert release.wait(60)
        calls(event, context)

    async def hang_once_async(event: dict[str, Any], context: Any) -> None:
        begun.append(context.get_remaining_time_in_millis())
        context.transaction.put("runs", {"id": f"{context.attempt}"})
        if context.attempt == 1:
            await asyncio.Event().wait()
        calls(event, context)

    function = hang_once_async if is_async else hang_once
    schedules = timetable.plan(every("rate(5 minutes)", function, timeout_seconds=0.05))
    timetable.run_for(minutes=6)
    release.set()
    assert begun == [50, 50]
    assert calls.times[:1] == ["12:05"]
    assert timetable.all("runs") == [{"id": "2"}]
    stats = schedules.stats()["tick"]
    assert (stats.runs, stats.failures, stats.retries) == (1, 1, 1)
    assert stats.last_error is not None
    assert stats.last_error.endswith("Task timed out after 0.05 seconds")


# --- exactly once -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("expression", ["rate(5 minutes)", "cron(0/5 * * * ? *)"])
def test_crashes_neither_skip_nor_double_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str, seed: int
) -> None:
    random, clock, crashes = Random(seed), ManualClock(NOON_MS), 0

    def live(minutes: float, crash_chance: float) -> list[dict[str, Any]]:
        """One process; a crash closes the store before a commit or after it. Returns all runs."""
        timetable = Timetable(tmp_path / "x.db", clock)
        database, dying = timetable.database, list[str]()

        def write(work: Callable[[Transaction], Any], **options: Any) -> Any:
            result = timetable._write(work, **options)
            if dying:
                database.store.close()
            return result

        def run(event: dict[str, Any], context: Any) -> None:
            nonlocal crashes
            context.transaction.update(
                "runs",
                {"id": event["time"]},
                "SET missed = :missed ADD n :one",
                values={":missed": event["detail"].get("pelton", {}).get("missed", 0), ":one": 1},
            )
            if random.random() < crash_chance:
                crashes += 1
                if random.random() < 0.5:
                    database.store.close()
                dying.append("after the commit")

        monkeypatch.setattr(database, "write", write)
        timetable.plan(every(expression, run))
        timetable.run_for(minutes=minutes)
        found = [] if crash_chance else timetable.all("runs")
        timetable.close()
        return found

    for _ in range(12):
        live(random.uniform(0, 30), crash_chance=0.3)
        clock.advance(seconds=random.choice([0, 0, 60, 1000]))
    runs = live(5.1, crash_chance=0)
    assert crashes
    assert {run["n"] for run in runs} == {1}
    last_ms = max(ms_of(run["id"]) for run in runs)
    assert clock.now_ms() - last_ms < 5.2 * MINUTE_MS
    fires = (last_ms - NOON_MS) // (5 * MINUTE_MS)
    assert len(runs) + sum(run["missed"] for run in runs) == fires


def ms_of(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp()) * 1000


def test_a_run_whose_schedule_was_taken_over_writes_nothing(timetable: Timetable) -> None:
    calls = Calls()

    def run(event: dict[str, Any], context: Any) -> None:
        context.transaction.update("runs", {"id": event["time"]}, "ADD n :one", values={":one": 1})
        if not calls.events:
            calls(event, context)
            taking_over.append(timetable.plan(every("rate(5 minutes)", run)))

    taking_over: list[Schedules] = []
    before = timetable.plan(every("rate(5 minutes)", run))
    stepped = timetable.stepped
    stepped.run_until(NOON_MS + 6 * MINUTE_MS)
    assert isinstance(before.stopped_by, OwnershipLostError)
    assert not before.stats()["tick"].is_running
    assert timetable.all("runs") == []
    timetable.run_for(minutes=1)
    assert timetable.all("runs") == [{"id": "2026-01-01T12:05:00Z", "n": 1}]
    assert taking_over[0].stopped_by is None


def test_a_store_that_fails_is_waited_for(
    timetable: Timetable, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, write = Calls(), timetable.database.write
    failures = [StoreError("the disk is full"), StoreError("the disk is full")]

    def fail_at_first(work: Callable[[Transaction], Any], **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return write(work, **options)

    schedules = timetable.plan(every("rate(5 minutes)", calls))
    monkeypatch.setattr(timetable.database, "write", fail_at_first)
    timetable.run_for(minutes=6)
    assert calls.times == ["12:05"] * 3
    stats = schedules.stats()["tick"]
    assert (stats.runs, stats.failures) == (1, 0)


# --- options ------------------------------------------------------------------------------------


def test_other_expressions_and_options_are_refused() -> None:
    with pytest.raises(ValidationException, match="Parameter ScheduleExpression is not valid."):
        every("every five minutes", Calls())
    with pytest.raises(ValueError, match="maximum_retry_attempts is 0 to 185, not 186"):
        every("rate(1 day)", Calls(), maximum_retry_attempts=186)
    with pytest.raises(ValueError, match="timeout_seconds is over 0, up to 900, not 0"):
        every("rate(1 day)", Calls(), timeout_seconds=0)
    with pytest.raises(ValueError, match="takes an event"):
        Schedule(Handler("tick", Calls(), Shape.INSERT), "rate(1 day)")


# --- in an app ----------------------------------------------------------------------------------


def test_an_app_runs_what_is_due_and_waits_for_nothing_else(tmp_path: Path) -> None:
    clock, calls = ManualClock(NOON_MS), Calls()

    def open_app() -> App:
        app = App(tmp_path / "x.db", clock=clock)
        app.table("runs", partition_key="id")
        app.schedule("rate(5 minutes)", name="tick")(calls)
        return app

    with open_app() as app:
        app.drain()
        assert calls.times == []
        clock.advance(seconds=301)
        app.drain()
        assert calls.times == ["12:05"]
        stats = app.schedule_stats()["tick"]
        assert (stats.runs, stats.next_fire_ms) == (1, NOON_MS + 10 * MINUTE_MS)
    clock.advance(seconds=3600)
    with open_app() as app:
        app.drain()
    assert (calls.times, calls.missed) == (["12:05", "13:05"], [0, 11])


def test_a_timer_wakes_an_app_at_the_time() -> None:
    clock, called = ManualClock(NOON_MS - 5), threading.Event()
    app = App(clock=clock)

    @app.schedule("cron(* * * * ? *)")
    async def tick(event: dict[str, Any], context: Any) -> None:
        called.set()

    with app:
        app.drain()
        assert not called.is_set()
        clock.advance(seconds=0.005)
        assert called.wait(60)


def test_what_a_schedule_writes_calls_handlers() -> None:
    clock = ManualClock(NOON_MS)
    app = App(clock=clock)
    runs = app.table("runs", partition_key="id", stream="NEW_IMAGE")
    seen: list[str] = []

    @app.schedule("rate(1 hour)")
    def report(event: dict[str, Any], context: Any) -> None:
        context.transaction.put(runs, {"id": event["time"]})

    @app.on_insert(runs)
    def note(item: dict[str, Any], context: Any) -> None:
        seen.append(item["id"])

    with app:
        clock.advance(seconds=3600)
        app.drain()
    assert seen == ["2026-01-01T13:00:00Z"]


def test_names_of_schedules_are_their_own() -> None:
    with App() as app:
        with pytest.raises(RuntimeError, match="before the app is started"):
            app.schedule("rate(1 day)", name="late")(Calls())
    app, calls = App(), Calls()
    things = app.table("things", partition_key="id", stream="NEW_IMAGE")
    app.on_stream(things, name="both")(calls)
    app.schedule("rate(1 day)", name="both")(calls)
    with pytest.raises(ValueError, match="there is a function 'both' already"):
        app.schedule("rate(1 hour)", name="both")(calls)
    app.on_stream(things, name="taken")(calls)
    with pytest.raises(ValueError, match="there is a function 'taken' already"):
        app.schedule("rate(1 day)", name="taken")(Calls())
    app.close()
