from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from random import Random

import pytest

from pelton.engine import ManualClock
from pelton.handlers.scheduler import Next, RetryIn, Step, Task, WakeWithin
from pelton.handlers.slots import Slots
from pelton.handlers.threads import THREADS_AT_ONCE, ThreadScheduler
from pelton.handlers.timers import Timers
from tests.handlers.stepped import SteppedScheduler

SECONDS_MAX = 60.0


class Scripted(Task):
    """A task whose steps are given one by one; after the last it is idle."""

    def __init__(self, *steps: Callable[[], Step]) -> None:
        self._steps = list(steps)
        self.count = 0

    def step(self) -> Step:
        self.count += 1
        return self._steps.pop(0)() if self._steps else Next.IDLE

    def describe(self) -> str:
        return "a scripted task"


@pytest.fixture
def stepped() -> SteppedScheduler:
    return SteppedScheduler(ManualClock(), Random(0), lambda: None)


@pytest.fixture
def threads() -> Iterator[ThreadScheduler]:
    scheduler = ThreadScheduler()
    yield scheduler
    scheduler.stop()


# --- what every scheduler does ------------------------------------------------------------------


def test_a_task_steps_as_long_as_it_wants(stepped: SteppedScheduler) -> None:
    task = Scripted(lambda: Next.AGAIN, lambda: Next.AGAIN)
    stepped.wake(task)
    assert stepped.behind() == [task]
    assert stepped.wait_quiet(None)
    assert (task.count, stepped.behind()) == (3, [])


def test_a_task_that_waits_for_more_is_woken_by_it_or_by_time(
    stepped: SteppedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.handlers.stepped.TIMER_CHANCE", 0)
    task = Scripted(lambda: WakeWithin(300), lambda: WakeWithin(200), lambda: Next.IDLE)
    stepped.wake(task)
    assert stepped.step()
    stepped.wake(task)
    assert stepped.step(), "more came before its time"
    assert stepped.behind() == [task]
    assert stepped.wait_quiet(None)
    assert (task.count, stepped.waited_seconds) == (3, [300]), "one timer stands for both waits"


def test_an_ended_task_steps_no_more(
    stepped: SteppedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.handlers.stepped.TIMER_CHANCE", 0)
    ready, timed, waiting = (
        Scripted(),
        Scripted(lambda: RetryIn(5)),
        Scripted(lambda: WakeWithin(5)),
    )
    tasks = [ready, timed, waiting]
    for task in (timed, waiting):
        stepped.wake(task)
        assert stepped.step()
    stepped.wake(ready)
    stepped.end(tasks)
    assert stepped.behind() == []
    for task in tasks:
        stepped.wake(task)
    assert stepped.wait_quiet(None)
    assert [task.count for task in tasks] == [0, 1, 1]


def test_ending_a_task_waits_for_its_step(threads: ThreadScheduler) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def last() -> Step:
        begun.set()
        assert may_end.wait(SECONDS_MAX)
        ended.set()
        return Next.AGAIN

    task = Scripted(last)
    threads.wake(task)
    assert begun.wait(SECONDS_MAX)
    threading.Timer(0.01, may_end.set).start()
    threads.end([task])
    assert ended.is_set()
    assert (task.count, threads.behind()) == (1, [])


def test_a_task_may_end_itself(threads: ThreadScheduler) -> None:
    ended = threading.Event()

    def last() -> Step:
        threads.end([task])
        ended.set()
        return Next.AGAIN

    task = Scripted(last)
    threads.wake(task)
    assert ended.wait(SECONDS_MAX)
    assert threads.wait_quiet(SECONDS_MAX)
    assert task.count == 1


def test_many_wake_ups_before_a_step_are_one(stepped: SteppedScheduler) -> None:
    task = Scripted()
    for _ in range(3):
        stepped.wake(task)
    assert stepped.wait_quiet(None)
    assert task.count == 1


def test_a_wake_up_during_a_step_is_not_lost(stepped: SteppedScheduler) -> None:
    def wake_self() -> Step:
        stepped.wake(task)
        return Next.IDLE

    task = Scripted(wake_self)
    stepped.wake(task)
    assert stepped.wait_quiet(None)
    assert task.count == 2


def test_a_task_that_waits_for_its_time_cannot_be_woken(stepped: SteppedScheduler) -> None:
    task = Scripted(lambda: RetryIn(5.0))
    stepped.wake(task)
    stepped.step()
    stepped.wake(task)
    assert task.count == 1
    started_ms = stepped._clock.now_ms()
    assert stepped.wait_quiet(None)
    assert task.count == 2
    assert stepped._clock.now_ms() - started_ms >= 5_000


def test_a_parked_task_is_not_at_rest(stepped: SteppedScheduler) -> None:
    task = Scripted(lambda: Next.PARKED)
    stepped.wake(task)
    assert not stepped.wait_quiet(None)
    assert stepped.behind() == [task]
    stepped.wake(task)
    assert stepped.wait_quiet(None)


def test_a_task_that_is_done_stays_done(stepped: SteppedScheduler) -> None:
    task = Scripted(lambda: Next.DONE)
    stepped.wake(task)
    assert stepped.wait_quiet(None)
    stepped.wake(task)
    assert stepped.wait_quiet(None)
    assert task.count == 1


def test_a_fault_in_a_step_is_logged_and_survived(
    stepped: SteppedScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    def fault() -> Step:
        raise KeyError("a bug")

    task = Scripted(fault)
    stepped.wake(task)
    with caplog.at_level(logging.ERROR, "pelton.handlers"):
        assert stepped.wait_quiet(None)
    assert task.count == 2
    assert "a scripted task failed" in caplog.text


# --- slots --------------------------------------------------------------------------------------


def test_a_lane_lets_one_task_pass_after_the_other(stepped: SteppedScheduler) -> None:
    lane = Slots(stepped, 1)
    first, second, third = Scripted(), Scripted(), Scripted()
    assert lane.enter(first)
    assert lane.enter(first)
    assert not lane.enter(second)
    assert not lane.enter(third)
    assert not lane.enter(second)
    lane.leave(first)
    assert stepped.behind() == [second]
    assert lane.enter(second)
    lane.leave(second)
    assert not lane.enter(first)
    assert lane.enter(third)
    lane.leave(third)
    assert lane.enter(first)


def test_so_many_tasks_have_a_slot_and_the_others_get_one_in_turn(
    stepped: SteppedScheduler,
) -> None:
    slots = Slots(stepped, 2)
    tasks = [Scripted() for _ in range(6)]
    assert [slots.enter(task) for task in tasks] == [True, True, False, False, False, False]
    slots.leave(tasks[2])  # it waits no more
    slots.leave(tasks[1])
    assert not slots.enter(tasks[1])
    assert [slots.enter(task) for task in tasks] == [True, False, False, True, False, False]
    slots.leave(tasks[3])
    slots.leave(tasks[3])
    assert slots.enter(tasks[4]) and not slots.enter(tasks[5])
    assert stepped.behind() and set(stepped.behind()) == {tasks[3], tasks[4]}


# --- threads ------------------------------------------------------------------------------------


def test_the_pool_grows_when_handlers_block(threads: ThreadScheduler) -> None:
    count = 3 * THREADS_AT_ONCE
    meeting = threading.Barrier(count)

    def meet() -> Step:
        meeting.wait(SECONDS_MAX)  # passes only if all are on threads of their own
        return Next.IDLE

    tasks = [Scripted(meet) for _ in range(count)]
    for task in tasks:
        threads.wake(task)
    assert threads.wait_quiet(SECONDS_MAX)
    assert [task.count for task in tasks] == [1] * count


def test_a_pool_without_work_has_no_threads(threads: ThreadScheduler) -> None:
    before = threading.active_count()
    assert threads.wait_quiet(0)
    assert threading.active_count() == before


def test_a_task_runs_on_one_thread_at_a_time(threads: ThreadScheduler) -> None:
    steps = 300
    running = threading.Semaphore(1)
    overlaps: list[bool] = []

    def run() -> Step:
        overlaps.append(not running.acquire(blocking=False))
        for _ in range(5):
            threads.wake(task)
        running.release()
        return Next.IDLE

    task = Scripted(*[run] * steps)
    threads.wake(task)
    assert threads.wait_quiet(SECONDS_MAX)
    assert overlaps == [False] * steps


def test_waiting_has_an_end(threads: ThreadScheduler) -> None:
    release = threading.Event()

    def block() -> Step:
        assert release.wait(SECONDS_MAX)
        return Next.IDLE

    task = Scripted(block)
    threads.wake(task)
    assert not threads.wait_quiet(0.01)
    assert threads.behind() == [task]
    release.set()
    assert threads.wait_quiet(SECONDS_MAX)


def test_a_step_cannot_wait_for_all_steps(threads: ThreadScheduler) -> None:
    refused = threading.Event()

    def wait() -> Step:
        with pytest.raises(RuntimeError, match="would wait for itself"):
            threads.wait_quiet(None)
        refused.set()
        return Next.IDLE

    threads.wake(Scripted(wait))
    assert threads.wait_quiet(SECONDS_MAX)
    assert refused.is_set()


def test_stopping_lets_a_step_end_and_begins_no_other(threads: ThreadScheduler) -> None:
    entered, release = threading.Event(), threading.Event()

    def block() -> Step:
        entered.set()
        assert release.wait(SECONDS_MAX)
        return Next.AGAIN

    task = Scripted(block)
    threads.wake(task)
    assert entered.wait(SECONDS_MAX)
    stopping = threading.Thread(target=threads.stop)
    stopping.start()
    assert not threads.wait_quiet(None)  # the stop ends the wait
    release.set()
    stopping.join(SECONDS_MAX)
    assert task.count == 1


def test_a_retry_comes_by_itself(threads: ThreadScheduler) -> None:
    task = Scripted(lambda: RetryIn(0.001), lambda: RetryIn(0.001))
    threads.wake(task)
    assert threads.wait_quiet(SECONDS_MAX)
    assert task.count == 3


# --- timers -------------------------------------------------------------------------------------


def test_timers_come_in_the_order_of_their_times() -> None:
    timers, called, done = Timers(), list[str](), threading.Event()
    timers.after(0.02, done.set)
    timers.after(0.01, lambda: called.append("second"))
    timers.after(0.0, lambda: called.append("first"))
    assert done.wait(SECONDS_MAX)
    assert called == ["first", "second"]
    timers.stop()


def test_timers_that_are_stopped_do_not_come() -> None:
    timers, called = Timers(), list[str]()
    timers.after(3600, lambda: called.append("late"))
    timers.stop()
    timers.after(0, lambda: called.append("later"))
    assert called == []
