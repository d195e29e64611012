"""`on_poison="quarantine"`: an item that cannot be done waits, with all that follows, in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pelton.handlers import (
    DEAD_LETTER_TABLE,
    Context,
    Dispatcher,
    OwnershipLostError,
    RecordChange,
    Shape,
)
from pelton.handlers.calling import Caller
from pelton.handlers.control import forget
from pelton.handlers.letters import letters_of
from pelton.handlers.quarantine import items_set_aside
from pelton.handlers.redrive import Redrive, Redriven
from tests.handlers.stage import Stage, mapping, on_change
from tests.handlers.test_simulation import scheduler_of

SEEDS = 36
ITEMS = 5


class Ledger:
    """Writes every version of every item down, once, and knows which it cannot do.

    `within` is called in the middle of each call, for what others do meanwhile.
    """

    def __init__(self, stage: Stage, shape: Shape = Shape.CHANGE, **options: Any) -> None:
        self.stage = stage
        self.poison: set[tuple[str, int]] = set()
        self.poisonous: set[tuple[str, int]] = set()
        """What was poison when it was tried."""
        self.within: Callable[[], None] = lambda: None
        self.versions: Counter[str] = Counter()
        stage.source(write_units=options.pop("write_units", 1))
        stage.create("ledger")
        function = self.note_batch if shape is Shape.BATCH else self.note
        settings = {"maximum_retry_attempts": 0, "on_poison": "quarantine", **options}
        self.mapping = mapping(function, shape, name="ledger", **settings)

    # --- the handler ---------------------------------------------------------------------------

    def note(self, change: RecordChange, context: Context) -> None:
        assert change.new is not None
        self._note(change.new["id"], change.new["version"], context)

    def note_batch(self, event: dict[str, Any], context: Context) -> Any:
        reports = self.mapping.reports_failures
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            try:
                self._note(image["id"]["S"], int(image["version"]["N"]), context)
            except ValueError:
                if not reports:
                    raise
                number = record["dynamodb"]["SequenceNumber"]
                return {"batchItemFailures": [{"itemIdentifier": number}]}
        return None

    def _note(self, name: str, version: int, context: Context) -> None:
        self.within()
        if (name, version) in self.poison:
            self.poisonous.add((name, version))
            raise ValueError(f"{name}{version} is poison")
        key = {"id": name}
        item = context.transaction.get("ledger", key) or {**key, "versions": []}
        item["versions"].append(version)
        context.transaction.put("ledger", item)

    # --- what is done to it --------------------------------------------------------------------

    def write(self, *names: str) -> None:
        for name in names:
            self.versions[name] += 1
            self.stage.save(id=name, version=self.versions[name])

    def redrive(self, key: dict[str, Any] | None = None) -> Redriven:
        caller = Caller()
        by_name = {self.mapping.name: self.mapping}
        return Redrive(self.stage.database, self.stage.streams, by_name, caller).run(None, key)

    # --- what there is -------------------------------------------------------------------------

    def done(self) -> dict[str, list[int]]:
        return {item["id"]: item["versions"] for item in self.stage.all("ledger")}

    def held(self) -> list[tuple[str, int, bool]]:
        return [
            (letter.key["id"], version_of(letter.whole_record), letter.is_held)
            for letter in letters_of(self.stage.database)
        ]

    def set_aside(self) -> set[bytes]:
        return self.stage.database.store.read(lambda reader: items_set_aside(reader, "ledger"))


def version_of(record: dict[str, Any]) -> int:
    return int(record["dynamodb"]["NewImage"]["version"]["N"])


@pytest.fixture
def ledger(stage: Stage) -> Ledger:
    """One that has met poison in `b2` of three items with three versions each."""
    ledger = Ledger(stage)
    ledger.poison = {("b", 2)}
    ledger.write(*"abc" * 3)
    stage.run(ledger.mapping)
    return ledger


# --- setting aside --------------------------------------------------------------------------------


def test_an_item_is_set_aside_and_all_others_flow(ledger: Ledger, stage: Stage) -> None:
    assert ledger.done() == {"a": [1, 2, 3], "b": [1], "c": [1, 2, 3]}
    assert ledger.held() == [("b", 2, False), ("b", 3, True)]
    assert ledger.set_aside() == {b'{"id":{"S":"b"}}'}
    first, second = letters_of(stage.database)
    assert (first.attempts, first.error_message) == (1, "b2 is poison")
    assert (second.attempts, second.error_type, second.failures) == (0, None, ())


def test_what_comes_later_is_held_behind_it_also_after_a_restart(
    ledger: Ledger, stage: Stage
) -> None:
    ledger.write("b", "a")
    stage.dispatchers[-1].drain()
    stage.dispatchers.pop().stop()
    ledger.write("b")
    stage.run(ledger.mapping)
    assert [version for _, version, _ in ledger.held()] == [2, 3, 4, 5]
    assert ledger.done()["a"] == [1, 2, 3, 4]


def test_without_the_option_an_item_that_is_set_aside_stays_so(
    ledger: Ledger, stage: Stage
) -> None:
    ledger.write("b")
    stage.run(on_change(ledger.note, name="ledger", maximum_retry_attempts=0))
    assert [version for _, version, _ in ledger.held()] == [2, 3, 4]


def test_a_commit_holds_what_lies_between_the_records_of_a_batch(stage: Stage) -> None:
    ledger = Ledger(stage, Shape.BATCH)
    ledger.poison = {("b", 1)}
    ledger.write("b")
    stage.run(ledger.mapping)
    delivered: list[int] = []
    ledger.within = lambda: delivered.append(1)
    ledger.write(*"abcb" * 3)
    stage.dispatchers[-1].drain()
    assert len(delivered) == 6
    assert ledger.done() == {"a": [1, 2, 3], "c": [1, 2, 3]}
    assert [version for *_, version, _ in ledger.held()] == [1, 2, 3, 4, 5, 6, 7]


def test_a_batch_that_cannot_be_split_is_set_aside_with_all_its_items(stage: Stage) -> None:
    ledger = Ledger(stage, Shape.BATCH, batch_size=2, bisect_batch_on_function_error=False)
    ledger.poison = {("b", 1)}
    ledger.write(*"abcabc")
    stage.run(ledger.mapping)
    assert ledger.done() == {"c": [1, 2]}
    assert ledger.held() == [
        ("a", 1, False),
        ("b", 1, False),
        ("a", 2, True),
        ("b", 2, True),
    ]
    ledger.poison.clear()
    assert ledger.redrive() == (4, [], 0)
    assert ledger.done() == {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    assert ledger.set_aside() == set()


def test_records_too_old_are_no_poison(stage: Stage) -> None:
    ledger = Ledger(stage, maximum_record_age_in_seconds=60)
    ledger.write("a")
    stage.clock.advance(seconds=61)
    ledger.write("a")
    stage.run(ledger.mapping)
    assert ledger.done() == {"a": [2]}
    assert ledger.held() == [("a", 1, False)]
    assert ledger.set_aside() == set()


def test_of_dead_letters_none_are_held(ledger: Ledger, stage: Stage) -> None:
    stage.call(
        "UpdateTable",
        TableName=DEAD_LETTER_TABLE,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )

    def fail(change: RecordChange, context: Context) -> None:
        raise ValueError("no alarm today")

    alarm = on_change(fail, DEAD_LETTER_TABLE, on_poison="quarantine", maximum_retry_attempts=0)
    dispatcher = stage.start(ledger.mapping, alarm)
    ledger.write("b", "b")
    dispatcher.drain()
    assert len(ledger.held()) == 4
    assert dispatcher.stats()["fail"].failures == 2


def test_items_that_were_there_before_the_handler_are_set_aside_too(stage: Stage) -> None:
    ledger = Ledger(stage, Shape.BATCH, start="beginning")
    ledger.poison = {("i3", 1), ("i7", 1)}
    names = [f"i{number}" for number in range(12)]
    ledger.write(*names)
    stage.run(ledger.mapping)
    ledger.write(*names)
    stage.dispatchers[-1].drain()
    assert sorted(ledger.held()) == [
        (name, version, version == 2) for name in ("i3", "i7") for version in (1, 2)
    ]
    ledger.poison.clear()
    assert ledger.redrive() == (4, [], 0)
    assert ledger.done() == {name: [1, 2] for name in names}


def test_handlers_of_windows_have_no_quarantine(stage: Stage) -> None:
    with pytest.raises(ValueError, match="is not for windows"):
        Ledger(stage, Shape.BATCH, tumbling_window_in_seconds=60)


# --- letting out ----------------------------------------------------------------------------------


def test_a_redrive_delivers_in_order_and_lets_the_item_out(ledger: Ledger, stage: Stage) -> None:
    ledger.poison.clear()
    assert ledger.redrive() == (2, [], 0)
    assert (ledger.held(), ledger.set_aside()) == ([], set())
    ledger.write("b", "a")
    stage.dispatchers[-1].drain()
    assert ledger.done() == {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4], "c": [1, 2, 3]}


def test_a_redrive_that_fails_leaves_it_set_aside(ledger: Ledger, stage: Stage) -> None:
    ledger.poison = {("b", 3)}
    delivered, (failed,), waiting = ledger.redrive({"id": "b"})
    assert (delivered, version_of(failed.whole_record), waiting) == (1, 3, 0)
    assert (failed.attempts, failed.error_message) == (1, "b3 is poison")
    ledger.write("b")
    stage.dispatchers[-1].drain()
    assert [version for _, version, _ in ledger.held()] == [3, 4]
    ledger.poison.clear()
    assert ledger.redrive() == (2, [], 0)
    assert ledger.done()["b"] == [1, 2, 3, 4]


def test_what_comes_while_the_last_is_delivered_does_not_slip_past(
    ledger: Ledger, stage: Stage
) -> None:
    ledger.poison.clear()

    def write_once() -> None:
        ledger.within = lambda: None
        ledger.write("b")
        stage.dispatchers[-1].drain()  # is held, for nobody has let the item out yet

    ledger.within = write_once
    assert ledger.redrive() == (3, [], 0)
    assert ledger.done()["b"] == [1, 2, 3, 4]
    assert ledger.set_aside() == set()


def test_what_was_to_be_held_when_its_item_was_let_out_is_delivered(stage: Stage) -> None:
    ledger = Ledger(stage, Shape.BATCH)
    ledger.poison = {("b", 1)}
    ledger.write("b")
    stage.run(ledger.mapping)
    ledger.poison.clear()

    def let_out() -> None:
        ledger.within = lambda: None
        assert ledger.redrive() == (1, [], 0)

    ledger.within = let_out
    ledger.write(*"abab")
    stage.dispatchers[-1].drain()
    assert ledger.done() == {"a": [1, 2], "b": [1, 2, 3]}
    assert (ledger.held(), ledger.set_aside()) == ([], set())


def test_a_held_letter_that_somebody_removes_is_waited_for_no_more(
    ledger: Ledger, stage: Stage
) -> None:
    for letter in letters_of(stage.database):
        for key in letter.item_keys:
            wire = {name: {"S": value} for name, value in key.items()}
            stage.call("DeleteItem", TableName=DEAD_LETTER_TABLE, Key=wire)
    assert ledger.redrive() == (0, [], 0)
    assert ledger.set_aside() == set()
    ledger.write("b")
    stage.dispatchers[-1].drain()
    assert ledger.done()["b"] == [1, 4]


def test_a_handler_that_is_forgotten_has_set_nothing_aside(ledger: Ledger, stage: Stage) -> None:
    stage.dispatchers.pop().stop()
    forget(stage.database, "ledger")
    ledger.poison.clear()
    stage.call("DeleteTable", TableName="ledger")
    stage.create("ledger")
    stage.run(ledger.mapping)
    assert ledger.done() == {name: [1, 2, 3] for name in "abc"}


@pytest.mark.parametrize("calls", range(3))
def test_a_redrive_that_dies_has_delivered_what_is_gone(ledger: Ledger, calls: int) -> None:
    ledger.poison.clear()
    left = [calls]

    def die() -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1

    ledger.within = die
    try:
        ledger.redrive()
    except KeyboardInterrupt:
        assert len(ledger.done()["b"]) + len(ledger.held()) == 3
    ledger.within = lambda: None
    ledger.redrive()
    assert ledger.done()["b"] == [1, 2, 3]
    assert ledger.set_aside() == set()


# --- whatever happens -----------------------------------------------------------------------------

OPTIONS: list[tuple[Shape, dict[str, Any]]] = [
    (Shape.CHANGE, {}),
    (Shape.CHANGE, {"parallelization_factor": 3, "batch_size": 2}),
    (Shape.BATCH, {"batch_size": 4}),
    (Shape.BATCH, {"batch_size": 3, "bisect_batch_on_function_error": False}),
    (Shape.BATCH, {"function_response_types": ("ReportBatchItemFailures",)}),
    (
        Shape.BATCH,
        {
            "function_response_types": ("ReportBatchItemFailures",),
            "bisect_batch_on_function_error": False,
            "parallelization_factor": 2,
        },
    ),
]


class Chaos:
    """Writes, steps, rolls, crashes, zombies and redrives in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.stage = Stage(shard_seconds_max=0.04)
        shape, options = OPTIONS[seed % len(OPTIONS)]
        units = self.random.choice([1, 3_000])
        retries = self.random.choice([0, 1])
        self.ledger = Ledger(
            self.stage, shape, **{"maximum_retry_attempts": retries, **options}, write_units=units
        )
        self.ledger.poison = {
            (f"i{item}", version)
            for item in range(ITEMS - 2)
            for version in range(1, 60)
            if self.random.random() < 0.15
        }
        self.depth = 0
        self.zombies: list[Dispatcher] = []
        self.current = self.begin()
        self.ledger.within = self.suffer

    def begin(self) -> Dispatcher:
        return self.stage.start(self.ledger.mapping, seed=self.random.randrange(1 << 30))

    def suffer(self) -> None:
        """What others do in the middle of a call."""
        if self.depth < 3 and self.random.random() < 0.3:
            self.depth += 1
            kinds = [self.step, self.step_zombie, self.write, self.redrive]
            self.random.choices(kinds, weights=[3, 1, 2, 1])[0]()
            self.depth -= 1

    def write(self) -> None:
        self.ledger.write(f"i{self.random.randrange(ITEMS)}")

    def step(self) -> None:
        scheduler_of(self.current).step()

    def step_zombie(self) -> None:
        if self.zombies:
            scheduler_of(self.random.choice(self.zombies)).step()

    def pass_time(self) -> None:
        self.stage.clock.advance(seconds=self.random.random() * 0.05)
        if self.random.random() < 0.2:
            self.stage.streams.roll_aged()

    def crash(self) -> None:
        if self.random.random() < 0.5:
            self.zombies.append(self.current)
        self.current = self.begin()

    def mend(self) -> None:
        """One thing that could not be done can be done now."""
        if self.ledger.poison:
            self.ledger.poison.remove(self.random.choice(sorted(self.ledger.poison)))

    def redrive(self) -> None:
        key = {"id": f"i{self.random.randrange(ITEMS)}"}
        self.ledger.redrive(self.random.choice([None, key]))

    def run(self, events: int) -> None:
        kinds = [
            (self.write, 30),
            (self.step, 100),
            (self.step_zombie, 10),
            (self.pass_time, 10),
            (self.crash, 1),
            (self.mend, 3),
            (self.redrive, 3),
        ]
        for _ in range(events):
            self.random.choices([each for each, _ in kinds], [each for _, each in kinds])[0]()
        self.check_order()
        self.ledger.within = lambda: None
        self.settle()
        self.check_flow()
        self.ledger.poison.clear()
        self.ledger.redrive()
        self.settle()
        self.check_all_done()

    def settle(self) -> None:
        self.current.drain()
        for zombie in self.zombies:
            try:
                zombie.drain()
            except OwnershipLostError:
                pass
        self.current.drain()

    # --- what must hold ------------------------------------------------------------------------

    def check_order(self) -> None:
        """Of no item anything is missing, twice or too early."""
        for versions in self.ledger.done().values():
            assert versions == list(range(1, len(versions) + 1))

    def check_flow(self) -> None:
        """All is done but for what is held, and only items with poison are where that is alone."""
        done, held = self.ledger.done(), defaultdict(list)
        for name, version, is_held in self.ledger.held():
            held[name].append((version, is_held))
        for name, count in self.ledger.versions.items():
            waiting = [version for version, _ in held[name]]
            assert done.get(name, []) + waiting == list(range(1, count + 1))
        waiting_items = {name for name, letters in held.items() if letters}
        assert self.ledger.set_aside() == {
            f'{{"id":{{"S":"{name}"}}}}'.encode() for name in waiting_items
        }
        if self.ledger.mapping.bisect_batch_on_function_error:
            assert waiting_items <= {name for name, _ in self.ledger.poisonous}

    def check_all_done(self) -> None:
        assert self.ledger.done() == {
            name: list(range(1, count + 1)) for name, count in self.ledger.versions.items()
        }
        assert (self.ledger.held(), self.ledger.set_aside()) == ([], set())


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_no_order_is_broken_nothing_is_lost_and_others_flow(seed: int) -> None:
    chaos = Chaos(seed)
    chaos.run(events=200)
    chaos.stage.close()


@pytest.mark.parametrize("variant", range(len(OPTIONS)))
def test_a_crash_between_any_two_steps_changes_nothing(variant: int) -> None:
    shape, options = OPTIONS[variant]

    def run_with_crash(after_steps: int) -> bool:
        stage = Stage(shard_seconds_max=0.01)
        ledger = Ledger(stage, shape, **options)
        ledger.poison = {("b", 2), ("d", 1)}
        for name in "abcd" * 4:
            stage.clock.advance(seconds=0.002)
            ledger.write(name)
        first = stage.start(ledger.mapping)
        is_working = all(scheduler_of(first).step() for _ in range(after_steps))
        stage.run(ledger.mapping)
        for name, held in (("b", 3), ("d", 4)):
            assert len([each for each, *_ in ledger.held() if each == name]) == held
        ledger.poison.clear()
        ledger.redrive()
        assert ledger.done() == {name: [1, 2, 3, 4] for name in "abcd"}
        assert ledger.set_aside() == set()
        stage.close()
        return is_working

    crashes = 0
    while run_with_crash(crashes):
        crashes += 1
    assert crashes > 8
