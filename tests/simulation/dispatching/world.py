"""The world of one seed: a table, mappings of every kind, dispatchers old and new, and a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from pelton.engine import ManualClock
from pelton.engine.partitions.splitting import split_partition
from pelton.engine.sweeping import delete_expired
from pelton.handlers import Dispatcher, OwnershipLostError, control
from pelton.handlers.python_values import item_to_wire
from pelton.streams import to_wire
from tests.handlers.stage import Stage
from tests.handlers.stepped import SteppedScheduler
from tests.simulation.model import demand

from .calls import COPY_TABLE, DONE_TABLE, ECHO_TABLE, SLOW_SECONDS_MAX, Calls
from .checks import Checks
from .facts import Facts
from .redriving import redrive
from .subjects import COLOURS, Subject, random_subject

SOURCE = "sales"
ITEMS = ("a", "b", "c", "d", "e", "f")
SUBJECTS_MAX = 4
DEPTH_MAX = 3
"""How many handlers may be in the middle of something at once."""
PARTITIONS_MAX = 6
ZOMBIES_MAX = 3
SHARD_SECONDS = (2.0, 60.0)
RETENTION_SECONDS = (90.0, 86_400.0)
STEPS_MIN, STEPS_MAX = 40, 120


class DispatchingWorld:
    """`step` does one thing that the seed chooses, `finish` lets every handler come to its end."""

    def __init__(self, seed: int, folder: Path, trace: Callable[[str], None]) -> None:
        self.random = Random(seed)
        self.steps = self.random.randint(STEPS_MIN, STEPS_MAX)
        self.clock = ManualClock()
        self.facts = Facts(SOURCE)
        self.subjects: list[Subject] = []
        self._trace = trace
        self._depth = 0
        self._versions = 0
        self.stage = Stage(
            clock=self.clock,
            shard_seconds_max=self.random.choice(SHARD_SECONDS),
            retention_seconds=self.random.choice(RETENTION_SECONDS),
        )
        self._make_tables()
        self.calls = Calls(self.facts, self.random, self.clock.now_ms, self._befall)
        self.checks = Checks(self.stage, self.facts)
        self._echo = self.random.random() < 0.3
        self._zombies: list[Dispatcher] = []
        self._add_subject()
        self._dispatcher = self._begin()
        self._kinds: list[tuple[Callable[[], str], float]] = [
            (self.handle, 45),
            (self.write, 25),
            (self.pass_time, 6),
            (self.keep_up, 4),
            (self.wake_zombie, 6),
            (self.crash, 4),
            (self.stop_and_start, 1),
            (self.split, 1.5),
            (self.add, 2),
            (self.change, 3),
            (self.pause_or_resume, 3),
            (self.move, 2),
            (self.look, 4),
        ]

    @property
    def records(self) -> int:
        return len(self.facts.all)

    def step(self) -> None:
        kinds, weights = zip(*self._kinds, strict=True)
        kind = self.random.choices(kinds, weights=weights)[0]
        self._trace(f"{kind.__name__}: {kind() or 'nothing'}")

    def finish(self) -> None:
        """Everyone does all there is to do; then what they have done is right."""
        self.calls.is_calm = True
        for subject in self.subjects:
            if subject.is_paused:
                self._resume(subject)
        last = self._dispatcher
        self._trace("finish: those of before")
        for zombie in self._zombies:
            self._drain(zombie, may_be_lost=True)
            zombie.stop()
        self._trace("finish: a new one")
        self._dispatcher = self._begin()
        self._drain(self._dispatcher, may_be_lost=False)
        self._drain(last, may_be_lost=True)
        self._drain(self._dispatcher, may_be_lost=True)
        self.checks.check_all(self.subjects, has_echo=self._echo)
        self._trace("finish: dead letters")
        for subject in self.subjects:
            if subject.is_begun and not subject.moves:
                subject.is_cured = True
                redrive(self.stage, self.calls.mapping_of(subject))
        self._drain(self._dispatcher, may_be_lost=True)
        self.checks.check_all(self.subjects, has_echo=self._echo, are_redriven=True)

    def close(self) -> None:
        self.stage.close()

    # --- the source ----------------------------------------------------------------------------

    def _make_tables(self) -> None:
        units = self.random.choice([1, 1, 3_000])
        self.stage.source(SOURCE, write_units=units)
        specification = {"Enabled": True, "AttributeName": "expires_at"}
        self.stage.call("UpdateTimeToLive", TableName=SOURCE, TimeToLiveSpecification=specification)
        self.stage.source(DONE_TABLE)
        for name in (ECHO_TABLE, COPY_TABLE):
            self.stage.create(name)

    def write(self) -> str:
        """Puts, deletes, or several at once."""
        names = self.random.sample(ITEMS, self.random.choice([1, 1, 1, 2, 3]))
        actions = [self._action(name) for name in names]
        if len(actions) == 1:
            ((kind, body),) = actions[0].items()
            self.stage.call(f"{kind}Item", **body)
        else:
            self.stage.call("TransactWriteItems", TransactItems=actions)
        return self._see()

    def _action(self, name: str) -> dict[str, Any]:
        if self.random.random() < 0.15:
            return {"Delete": {"TableName": SOURCE, "Key": item_to_wire({"id": name})}}
        self._versions += 1
        item: dict[str, Any] = {
            "id": name,
            "version": self._versions,
            "colour": self.random.choice(COLOURS),
        }
        chance = self.random.random()
        if chance < 0.06:
            item["poison"] = True
        elif chance < 0.14:
            item["flaky"] = True
        elif chance < 0.22:
            item["expires_at"] = self.clock.now_ms() // 1000 + self.random.choice([0, 30, 100])
        return {"Put": {"TableName": SOURCE, "Item": item_to_wire(item)}}

    def _see(self) -> str:
        found = self.facts.see_new(self.stage)
        for subject in self.subjects:
            subject.see(found)
        return "; ".join(map(str, found))

    def split(self) -> str:
        partitions = self.stage.database.catalog.table(SOURCE).partitions
        if len(partitions) >= PARTITIONS_MAX:
            return ""
        chosen = self.random.choice(partitions)
        split_partition(self.stage.database, SOURCE, chosen.number)
        return f"partition {chosen.number}"

    def pass_time(self) -> str:
        seconds = self.random.choice([0.01, 0.5, 3.0, 3.0, 40.0])
        self.clock.advance(seconds=seconds)
        return f"{seconds} s"

    def keep_up(self) -> str:
        """Upkeep, maybe the first for long: items expire, shards roll, records are trimmed."""
        if self.random.random() < 0.3:
            self.clock.advance(seconds=self.random.choice([10.0, 60.0, 100.0]))
        delete_expired(self.stage.database)
        told = self._see()
        self.stage.streams.roll_aged()
        trimmed = self.stage.streams.trim()
        self.facts.see_trimmed(self.stage)
        return f"{trimmed} trimmed, {told}"

    # --- dispatchers ---------------------------------------------------------------------------

    def handle(self) -> str:
        steps = self.random.randint(1, 10)
        made = self.calls.made
        for _ in range(steps):
            scheduler_of(self._dispatcher).step()
        return f"{steps} steps, {self.calls.made - made} calls"

    def wake_zombie(self) -> str:
        if not self._zombies:
            return ""
        zombie = self.random.choice(self._zombies)
        for _ in range(self.random.randint(1, 4)):
            scheduler_of(zombie).step()
        return f"one of {len(self._zombies)}"

    def crash(self) -> str:
        """The dispatcher's process is gone, or only believed to be: then it goes on as a zombie."""
        is_believed = self.random.random() < 0.5 and len(self._zombies) < ZOMBIES_MAX
        if is_believed:
            self._zombies.append(self._dispatcher)
        else:
            scheduler_of(self._dispatcher).stop()
        self._dispatcher = self._begin()
        return "only believed" if is_believed else ""

    def stop_and_start(self) -> str:
        self._dispatcher.stop()
        self._dispatcher = self._begin()
        return "cleanly"

    def _begin(self) -> Dispatcher:
        begun = [each for each in self.subjects if not each.is_begun]
        for subject in begun:
            subject.begin(self.facts.all)
        mappings = [self.calls.mapping_of(subject) for subject in self.subjects]
        if self._echo:
            lanes = self.random.choice([1, 1, 4])
            mappings.append(self.calls.echo(self.random.choice([1, 10]), lanes))
        return self.stage.start(*mappings, seed=self.random.randrange(1 << 30))

    def _drain(self, dispatcher: Dispatcher, *, may_be_lost: bool) -> None:
        try:
            dispatcher.drain()
        except OwnershipLostError:
            demand(may_be_lost, "nobody takes the last dispatcher's mappings over")

    # --- mappings ------------------------------------------------------------------------------

    def _add_subject(self) -> Subject:
        name = f"subject{len(self.subjects) + 1}"
        subject = random_subject(name, self.random, self.clock.now_ms())
        self.subjects.append(subject)
        return subject

    def add(self) -> str:
        """One more mapping, in the dispatcher that runs."""
        if len(self.subjects) >= SUBJECTS_MAX:
            return ""
        subject = self._add_subject()
        subject.begin(self.facts.all)
        self._dispatcher.add(self.calls.mapping_of(subject))
        return str(subject)

    def change(self) -> str:
        """A mapping goes on with other options, at once or with the next dispatcher."""
        subject = self.random.choice(self.subjects)
        subject.change_options(self.random)
        if subject.name in self._dispatcher.mappings and self.random.random() < 0.7:
            self._dispatcher.replace(self.calls.mapping_of(subject))
        return str(subject)

    def pause_or_resume(self) -> str:
        subject = self.random.choice(self.subjects)
        if subject.is_paused:
            self._resume(subject)
        else:
            control.pause(self.stage.database, subject.name)
            subject.is_paused = True
            self.checks.note_pause(subject)
            self._tell_running(subject)
        return f"{subject.name} is paused: {subject.is_paused}"

    def _resume(self, subject: Subject) -> None:
        self.checks.check_pause(subject)
        control.resume(self.stage.database, subject.name)
        subject.is_paused = False
        self._tell_running(subject)

    def _tell_running(self, subject: Subject) -> None:
        # Another process has no dispatcher to tell: it is noticed anyway.
        if self.random.random() < 0.5:
            self._dispatcher.restart(subject.name)

    def move(self) -> str:
        """A mapping is sent back, or on."""
        subject = self.random.choice(self.subjects)
        if not self.facts.all or subject.kind == "mirror" or subject.sets_aside:
            return ""
        way = self.random.choice([control.Way.REWIND, control.Way.REWIND, control.Way.SKIP])
        fact = self.random.choice(self.facts.all)
        targets: list[control.Target] = [
            "TRIM_HORIZON",
            "LATEST",
            to_wire(fact.sequence),
            datetime.fromtimestamp(fact.at_ms / 1000, UTC),
        ]
        target = self.random.choice(targets)
        self.checks.check_positions(subject)
        settled = self.checks.settled(subject)
        moves = control.move(self.stage.streams, subject.name, target, way)
        self.checks.take_moves(subject, moves, settled, is_rewind=way is control.Way.REWIND)
        self._tell_running(subject)
        return f"{subject.name} {way.name} to {target}: {moves}"

    def look(self) -> str:
        """Nothing may be passed that is not done."""
        subject = self.random.choice(self.subjects)
        self.checks.check_positions(subject)
        return subject.name

    # --- in the middle of a call ---------------------------------------------------------------

    def _befall(self) -> None:
        """What else happens while a handler runs."""
        if self._depth >= DEPTH_MAX:
            return
        kind = self.random.choice(
            [
                self._be_slow,
                self.write,
                self._step_other,
                self._step_other,
                self.wake_zombie,
                self.keep_up,
                self.pause_or_resume,
                self.move,
                self.change,
            ]
        )
        self._depth += 1
        self._trace(f"meanwhile {kind.__name__}: {kind() or 'nothing'}")
        self._depth -= 1

    def _step_other(self) -> str:
        scheduler_of(self._dispatcher).step()
        return "one"

    def _be_slow(self) -> str:
        seconds = self.random.random() * SLOW_SECONDS_MAX
        self.clock.advance(seconds=seconds)
        return f"{seconds:.3f} s"


def scheduler_of(dispatcher: Dispatcher) -> SteppedScheduler:
    scheduler = dispatcher._scheduler
    assert isinstance(scheduler, SteppedScheduler)
    return scheduler
