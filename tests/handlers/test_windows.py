"""Tumbling windows: state handed from call to call, and a last call when their time has passed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pelton.engine import ManualClock
from pelton.engine.partitions.splitting import split_partition
from pelton.handlers import DEAD_LETTER_TABLE, Context, Dispatcher, EventSourceMapping
from pelton.handlers.control import Way, move
from pelton.handlers.windows import STATE_BYTES_MAX
from tests.handlers.stage import Stage, ids_of, on_batch
from tests.handlers.test_simulation import scheduler_of
from tests.region import N, S

Event = dict[str, Any]

SECONDS = 60
START_MS = 1_700_000_040_000
"""A moment at which windows of a minute begin."""
START, END, LATER = "2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z", "2023-11-14T22:16:00Z"


class Gatherer:
    """A handler that gathers the ids of a window; `calls` tells of each call what it was given."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls: list[str] = []

    def __call__(self, event: Event, context: Context) -> Any:
        self.events.append(event)
        had, ids = event["state"].get("ids", ""), "".join(ids_of(event))
        end = "!" if event["isWindowTerminatedEarly"] else "."
        self.calls.append(f"{had}+{ids}" if not event["isFinalInvokeForWindow"] else f"{had}{end}")
        return self.answer(event, context, had + ids)

    def answer(self, event: Event, context: Context, ids: str) -> Any:
        return {"state": {"ids": ids}}

    def mapping(self, **options: Any) -> EventSourceMapping:
        return on_batch(self, name="gather", tumbling_window_in_seconds=SECONDS, **options)


@pytest.fixture
def stage() -> Any:
    stage = Stage(clock=ManualClock(START_MS))
    stage.source()
    yield stage
    stage.close()


def save(stage: Stage, names: str, *, step_seconds: float = 0) -> None:
    for name in names:
        stage.save(id=name, n=stage.clock.now_ms())
        stage.clock.advance(seconds=step_seconds)


def roll(stage: Stage) -> int:
    """Rolls the open shards, however young they are; returns how many."""
    limits = stage.streams.limits
    stage.streams.limits = replace(limits, shard_seconds_max=0.001)
    try:
        return stage.streams.roll_aged()
    finally:
        stage.streams.limits = limits


def run(stage: Stage, mapping: EventSourceMapping) -> Dispatcher:
    """A dispatcher that has done what there is to do, with retries, and no window's time passed."""
    dispatcher = stage.start(mapping)
    go_on(stage, dispatcher)
    return dispatcher


def go_on(stage: Stage, dispatcher: Dispatcher) -> None:
    with scheduler_of(dispatcher).no_timer_after(stage.clock.now_ms() + 5000):
        dispatcher.drain()


def pass_windows(stage: Stage, dispatcher: Dispatcher, count: int = 1) -> None:
    """Lets time pass until behind the end of the window that is open, and of more."""
    length_ms = SECONDS * 1000
    now_ms = stage.clock.now_ms()
    scheduler_of(dispatcher).run_until(now_ms - now_ms % length_ms + count * length_ms + 1000)
    dispatcher.drain()


def test_calls_of_a_window_hand_on_their_state_and_the_last_has_no_records(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "abc")
    dispatcher = run(stage, gatherer.mapping(batch_size=2))
    assert gatherer.calls == ["+ab", "ab+c"]
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+ab", "ab+c", "abc."]
    arn = stage.stream_arn()
    (shard,) = stage.shards(arn)
    first, _, last = gatherer.events
    records = first.pop("Records")
    assert [record["eventSourceARN"] for record in records] == [arn, arn]
    assert first == {
        "window": {"start": START, "end": END},
        "state": {},
        "shardId": shard["ShardId"],
        "eventSourceARN": arn,
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }
    assert last == {
        **first,
        "Records": [],
        "state": {"ids": "abc"},
        "isFinalInvokeForWindow": True,
    }


def test_a_batch_ends_where_a_window_does(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "abcd", step_seconds=35)  # at 0 s, 35 s, 70 s and 105 s
    dispatcher = run(stage, gatherer.mapping())
    # The second window's time has passed too by now.
    assert gatherer.calls == ["+ab", "ab.", "+cd", "cd."]
    assert [event["window"]["end"] for event in gatherer.events] == [END, END, LATER, LATER]
    pass_windows(stage, dispatcher)
    assert len(gatherer.calls) == 4


def test_nothing_runs_while_a_window_waits_for_its_end(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "a")
    dispatcher = run(stage, gatherer.mapping())
    scheduler = scheduler_of(dispatcher)
    # A drain has come back although the window is open, and no step is taken before its end.
    steps = scheduler.steps
    scheduler.run_until(START_MS + SECONDS * 1000 - 1000)
    assert (scheduler.steps, gatherer.calls) == (steps, ["+a"])
    scheduler.run_until(START_MS + SECONDS * 1000 + 1000)
    assert gatherer.calls == ["+a", "a."]
    steps = scheduler.steps
    scheduler.run_until(START_MS + 5 * SECONDS * 1000)
    assert (scheduler.steps, gatherer.calls) == (steps, ["+a", "a."])


def test_a_window_stays_open_over_a_restart(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "a")
    run(stage, gatherer.mapping()).stop()
    save(stage, "b")
    dispatcher = run(stage, gatherer.mapping())
    assert gatherer.calls == ["+a", "a+b"]
    dispatcher.stop()
    stage.clock.advance(seconds=3 * SECONDS)
    run(stage, gatherer.mapping())
    assert gatherer.calls[2:] == ["ab."]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, "state", {"state": {1}}])
def test_an_answer_without_a_state_is_a_failure(stage: Stage, answer: Any) -> None:
    class Silent(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            return answer if "b" in ids_of(event) else super().answer(event, context, ids)

    gatherer = Silent()
    save(stage, "abc")
    dispatcher = run(stage, gatherer.mapping(maximum_retry_attempts=1, batch_size=1))
    # The record is tried, tried again and given up; the state is what it was before.
    assert gatherer.calls == ["+a", "a+b", "a+b", "a+c"]
    assert len(stage.all(DEAD_LETTER_TABLE)) == 1
    pass_windows(stage, dispatcher)
    assert gatherer.calls[4:] == ["ac."]


def test_a_batch_that_fails_is_split_and_the_state_follows_each_part(stage: Stage) -> None:
    class Picky(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            if "c" in ids_of(event):
                raise ValueError("not c")
            return super().answer(event, context, ids)

    gatherer = Picky()
    save(stage, "abcd")
    dispatcher = run(stage, gatherer.mapping(maximum_retry_attempts=0))
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+abcd", "+ab", "ab+c", "ab+d", "abd."]


def test_a_report_keeps_the_state_for_the_records_that_are_done(stage: Stage) -> None:
    class Reporter(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            if len(self.calls) > 1:
                return {"state": {"ids": ids}, "batchItemFailures": []}
            number = event["Records"][1]["dynamodb"]["SequenceNumber"]
            return {"state": {"ids": "a"}, "batchItemFailures": [{"itemIdentifier": number}]}

    gatherer = Reporter()
    save(stage, "abc")
    reports = ("ReportBatchItemFailures",)
    dispatcher = run(stage, gatherer.mapping(function_response_types=reports))
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+abc", "a+bc", "abc."]


def test_a_state_of_more_than_a_megabyte_ends_its_window_early(stage: Stage) -> None:
    class Hoarder(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            more = "x" * STATE_BYTES_MAX if "b" in ids_of(event) else ""
            return {"state": {"ids": ids, "more": more}}

    gatherer = Hoarder()
    save(stage, "abc")
    dispatcher = run(stage, gatherer.mapping(batch_size=1))
    assert gatherer.calls == ["+a", "a+b", "ab!", "+c"]
    assert {event["window"]["start"] for event in gatherer.events} == {START}
    pass_windows(stage, dispatcher)
    assert gatherer.calls[4:] == ["c."]


# --- the end of a shard ---------------------------------------------------------------------------


def test_a_shard_that_rolls_hands_its_window_on() -> None:
    rolling = Stage(clock=ManualClock(START_MS), shard_seconds_max=5)
    try:
        rolling.source()
        gatherer = Gatherer()
        save(rolling, "a")
        dispatcher = run(rolling, gatherer.mapping())
        rolling.clock.advance(seconds=6)
        assert rolling.streams.roll_aged() == 1
        save(rolling, "b")
        go_on(rolling, dispatcher)
        rolling.clock.advance(seconds=6)
        assert rolling.streams.roll_aged() == 1  # one more, that nobody writes to
        go_on(rolling, dispatcher)
        assert gatherer.calls == ["+a", "a+b"]
        assert len({event["shardId"] for event in gatherer.events}) == 2
        pass_windows(rolling, dispatcher)
        assert gatherer.calls == ["+a", "a+b", "ab."]
    finally:
        rolling.close()


def test_a_split_ends_a_window_early_and_its_children_begin_anew(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "a")
    dispatcher = run(stage, gatherer.mapping())
    split_partition(stage.database, "things", 0)
    save(stage, "bcdefghi")
    go_on(stage, dispatcher)
    assert gatherer.calls[:2] == ["+a", "a!"]
    children = gatherer.calls[2:]
    assert all(call.startswith("+") for call in children)
    pass_windows(stage, dispatcher)
    ends = [call for call in gatherer.calls if call.endswith(".")]
    assert Counter("".join(ends)) == Counter("bcdefghi" + "." * len(children))


def test_a_stream_that_is_disabled_ends_a_window_early(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "a")
    dispatcher = run(stage, gatherer.mapping())
    stage.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    go_on(stage, dispatcher)
    assert gatherer.calls == ["+a", "a!"]


def test_a_window_whose_time_had_passed_when_its_shard_ended_is_not_early(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "a")
    run(stage, gatherer.mapping()).stop()
    stage.clock.advance(seconds=2 * SECONDS)
    split_partition(stage.database, "things", 0)
    run(stage, gatherer.mapping())
    assert gatherer.calls == ["+a", "a."]


# --- the last call --------------------------------------------------------------------------------


def test_a_last_call_that_fails_is_made_again_before_anything_else(stage: Stage) -> None:
    class Clumsy(Gatherer):
        failures = 2

        def answer(self, event: Event, context: Context, ids: str) -> Any:
            assert context.transaction is not None
            if event["isFinalInvokeForWindow"]:
                context.transaction.put("totals", {"id": ids, "attempt": context.attempt})
                self.failures -= 1
                if self.failures >= 0:
                    raise ConnectionError("not now")
            return super().answer(event, context, ids)

    stage.create("totals")
    gatherer = Clumsy()
    save(stage, "ab", step_seconds=SECONDS)
    dispatcher = run(stage, gatherer.mapping())
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+a", "a.", "a.", "a.", "+b", "b."]
    totals = {item["id"]: item["attempt"] for item in stage.all("totals")}
    assert totals == {"a": 3, "b": 1}


def test_a_last_call_that_never_succeeds_is_given_up_with_its_window(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            return None if event["isFinalInvokeForWindow"] else super().answer(event, context, ids)

    gatherer = Broken()
    save(stage, "ab", step_seconds=SECONDS)
    dispatcher = run(stage, gatherer.mapping(maximum_retry_attempts=1))
    assert gatherer.calls == ["+a", "a.", "a.", "+b", "b.", "b."]
    assert "is given up, with all it has gathered" in caplog.text
    assert dispatcher.stats()["gather"].failures == 4


def test_a_last_call_of_somebody_who_was_replaced_commits_nothing(stage: Stage) -> None:
    class Writer(Gatherer):
        def answer(self, event: Event, context: Context, ids: str) -> Any:
            if event["isFinalInvokeForWindow"]:
                add = {":one": 1}
                context.transaction.update("totals", {"id": ids}, "ADD n :one", values=add)
            return super().answer(event, context, ids)

    stage.create("totals")
    gatherer = Writer()
    save(stage, "a")
    zombie = run(stage, gatherer.mapping())
    current = run(stage, gatherer.mapping())
    pass_windows(stage, current)
    scheduler_of(zombie).run_until(stage.clock.now_ms() + 1000)
    assert gatherer.calls == ["+a", "a.", "a."]
    assert stage.all("totals") == [{"id": "a", "n": 1}]


# --- with other options ---------------------------------------------------------------------------


def test_lanes_have_windows_of_their_own(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "abcdefgh")
    dispatcher = run(stage, gatherer.mapping(parallelization_factor=3))
    pass_windows(stage, dispatcher)
    ends = [call for call in gatherer.calls if call.endswith(".")]
    assert len(ends) == 3
    assert Counter("".join(ends)) == Counter("abcdefgh...")


@pytest.mark.parametrize("factors", [(3, 1), (1, 3), (4, 2)])
def test_nothing_is_lost_or_doubled_when_the_lanes_change(
    stage: Stage, factors: tuple[int, int]
) -> None:
    gatherer = Gatherer()
    save(stage, "abcdef")
    before = gatherer.mapping(parallelization_factor=factors[0], batch_size=1)
    first = stage.start(before)
    while len(gatherer.calls) < 4:
        assert scheduler_of(first).step()
    first.stop()
    save(stage, "ghijkl")
    dispatcher = run(stage, gatherer.mapping(parallelization_factor=factors[1]))
    pass_windows(stage, dispatcher)
    ends = "".join(call for call in gatherer.calls if call[-1] in ".!")
    assert Counter(ends.replace("!", "").replace(".", "")) == Counter("abcdefghijkl")


@pytest.mark.parametrize("factors", [(3, 1), (4, 2), (1, 3)])
def test_windows_of_lanes_that_a_roll_handed_on_are_not_lost_when_the_lanes_change(
    stage: Stage, factors: tuple[int, int]
) -> None:
    gatherer = Gatherer()
    save(stage, "abcdef")
    first = run(stage, gatherer.mapping(parallelization_factor=factors[0]))
    stage.clock.advance(seconds=1)
    assert roll(stage) == 1
    go_on(stage, first)
    first.stop()
    save(stage, "ghijkl")
    dispatcher = run(stage, gatherer.mapping(parallelization_factor=factors[1]))
    pass_windows(stage, dispatcher)
    ends = "".join(call for call in gatherer.calls if call[-1] in ".!")
    assert Counter(ends.replace("!", "").replace(".", "")) == Counter("abcdefghijkl")


def test_a_mapping_that_is_moved_begins_its_windows_anew(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "ab")
    dispatcher = run(stage, gatherer.mapping())
    dispatcher.stop()
    move(stage.streams, "gather", "TRIM_HORIZON", Way.REWIND)
    dispatcher = run(stage, gatherer.mapping())
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+ab", "+ab", "ab."]


def test_what_is_filtered_out_is_in_no_window(stage: Stage) -> None:
    gatherer = Gatherer()
    save(stage, "abc")
    pattern = '{"dynamodb": {"Keys": {"id": {"S": [{"anything-but": "b"}]}}}}'
    dispatcher = run(stage, gatherer.mapping(filter_criteria=(pattern,)))
    pass_windows(stage, dispatcher)
    assert gatherer.calls == ["+ac", "ac."]


def test_a_batch_does_not_wait_to_fill_up_past_the_end_of_its_window(stage: Stage) -> None:
    gatherer = Gatherer()
    stage.clock.advance(seconds=SECONDS - 2)
    save(stage, "a")
    dispatcher = stage.start(gatherer.mapping(maximum_batching_window_in_seconds=300))
    scheduler_of(dispatcher).run_until(START_MS + (SECONDS + 1) * 1000)
    assert gatherer.calls == ["+a", "a."]


def test_items_that_are_there_at_the_beginning_are_in_the_window_of_now(stage: Stage) -> None:
    save(stage, "abc", step_seconds=SECONDS)
    gatherer = Gatherer()
    dispatcher = run(stage, gatherer.mapping(start="beginning"))
    save(stage, "d")
    go_on(stage, dispatcher)
    pass_windows(stage, dispatcher)
    ends = [call for call in gatherer.calls if call.endswith(".")]
    assert [sorted(end) for end in ends] == [sorted("abcd.")]


# --- whatever happens -----------------------------------------------------------------------------


class Counting(Gatherer):
    """Counts the records of each window, and writes the count in the last call's commit."""

    def __init__(self, random: Random | None = None) -> None:
        super().__init__()
        self.random = random

    def __call__(self, event: Event, context: Context) -> Any:
        if self.random is not None and self.random.random() < 0.2:
            raise ConnectionError("bad luck")
        count = event["state"].get("count", 0) + len(event["Records"])
        if event["isFinalInvokeForWindow"]:
            context.transaction.update(
                "totals",
                {"id": event["window"]["start"]},
                "ADD n :count",
                values={":count": count},
            )
        return {"state": {"count": count}}

    def mapping(self, **options: Any) -> EventSourceMapping:
        return super().mapping(maximum_retry_attempts=-1, **options)


def totals(stage: Stage) -> list[int]:
    return [item["n"] for item in sorted(stage.all("totals"), key=lambda item: str(item["id"]))]


def test_a_crash_between_any_two_steps_counts_nothing_twice() -> None:
    def run_with_crash(after_steps: int) -> bool:
        stage = Stage(clock=ManualClock(START_MS), shard_seconds_max=25)
        stage.source()
        stage.create("totals")
        save(stage, "abcdefgh", step_seconds=20)
        mapping = Counting().mapping(batch_size=2)
        first = stage.start(mapping)
        is_working = all(scheduler_of(first).step() for _ in range(after_steps))
        pass_windows(stage, stage.run(mapping))
        assert totals(stage) == [3, 3, 2]
        stage.close()
        return is_working

    steps = 0
    while run_with_crash(steps):
        steps += 1
    assert steps > 10


@pytest.mark.parametrize("seed", range(25), ids="seed{}".format)
def test_windows_are_exact_whatever_happens(seed: int) -> None:
    """Writes, passing time, failures, rolls, splits and crashes, with and without zombies."""
    random = Random(seed)
    stage = Stage(clock=ManualClock(START_MS), shard_seconds_max=90)
    stage.source()
    stage.create("totals")
    written: Counter[int] = Counter()
    factor = random.choice([1, 1, 3])

    def begin() -> Dispatcher:
        mapping = Counting(random).mapping(batch_size=3, parallelization_factor=factor)
        return stage.start(mapping, seed=random.randrange(1 << 30))

    def write() -> None:
        written[stage.clock.now_ms() // (SECONDS * 1000)] += 1
        stage.put({"id": S(f"i{random.randrange(30)}"), "n": N(sum(written.values()))})

    current = begin()
    dispatchers: list[Dispatcher] = []
    for _ in range(250):
        chance = random.random()
        if chance < 0.35:
            write()
        elif chance < 0.85:
            scheduler_of(random.choice([current, *dispatchers[-1:]])).step()
        elif chance < 0.95:
            stage.clock.advance(seconds=random.random() * 10)
        elif chance < 0.97:
            stage.streams.roll_aged()
        elif chance < 0.98 and len(stage.database.catalog.tables["things"].partitions) < 4:
            partitions = stage.database.catalog.tables["things"].partitions
            split_partition(stage.database, "things", random.choice(partitions).number)
        elif chance >= 0.99:
            dispatchers.append(current)
            current = begin()
    current.drain()
    pass_windows(stage, current, count=2)
    assert totals(stage) == [written[window] for window in sorted(written)]
    stage.close()
