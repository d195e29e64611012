"""Calls: what the handlers of a schedule do, and what befalls them while they run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from pelton.handlers import Context, Handler, RecordChange, Shape
from pelton.handlers.mapping import EventSourceMapping
from pelton.handlers.python_values import item_to_python
from pelton.streams import from_wire, to_wire
from tests.simulation.model import demand

from .facts import Fact, Facts
from .subjects import Subject

DONE_TABLE = "done"
ECHO_TABLE = "echo"
COPY_TABLE = "copies"
SHARED_ITEM = "-all"

FAILURE_CHANCE = 0.1
OTHERS_CHANCE = 0.15
SLOW_SECONDS_MAX = 3.0

ECHO = "echo"


class Calls:
    """Makes the functions of subjects. `befall` is what may happen in the middle of one."""

    def __init__(
        self, facts: Facts, random: Random, now_ms: Callable[[], int], befall: Callable[[], None]
    ) -> None:
        self.is_calm = False
        self.made = 0
        self._facts = facts
        self._random = random
        self._now_ms = now_ms
        self._befall = befall

    def mapping_of(self, subject: Subject) -> EventSourceMapping:
        take = self._batch_function if subject.takes_batches else self._record_function
        return subject.mapping(take(subject))

    def echo(self, batch_size: int, lanes: int) -> EventSourceMapping:
        """Follows what all the others have done, by the stream of their table."""

        def copy(change: RecordChange, context: Context) -> None:
            self._suffer(is_patient=True)
            assert change.new is not None
            context.transaction.put(ECHO_TABLE, change.new)
            self._suffer(is_patient=True)

        return EventSourceMapping(
            Handler(ECHO, copy, Shape.CHANGE),
            DONE_TABLE,
            batch_size=batch_size,
            parallelization_factor=lanes,
            maximum_retry_attempts=-1,
            pins_records=True,
            on_trimmed="skip",
            may_cycle=True,
        )

    # --- the functions -------------------------------------------------------------------------

    def _batch_function(self, subject: Subject) -> Callable[..., Any]:
        def take(event: dict[str, Any], context: Context) -> Any:
            facts = [self._known(subject, record) for record in event["Records"]]
            self._begin(subject, facts)
            done, failed = [], []
            with self._failing(subject, facts):
                self._suffer(is_patient=not subject.gives_up)
                for fact in facts:
                    if self._fails(subject, fact):
                        failed.append(fact)
                        if not subject.reports:
                            raise ValueError(f"no {fact}")
                        if subject.stops_at_failure:
                            break
                    else:
                        done.append(fact)
                self._do(subject, done, context)
                self._suffer(is_patient=not subject.gives_up)
            if not failed:
                return self._random.choice([None, {}, {"batchItemFailures": []}])
            behind = facts[facts.index(failed[0]) :]
            subject.failed |= {fact.sequence for fact in behind}
            return {"batchItemFailures": [{"itemIdentifier": wire_of(each)} for each in failed]}

        return take

    def _record_function(self, subject: Subject) -> Callable[..., Any]:
        def take_change(change: RecordChange, context: Context) -> None:
            take(self._known(subject, change.record), context)

        def take_item(item: dict[str, Any], context: Context) -> None:
            facts = self._facts.of_item(item["id"])
            take(next(fact for fact in facts if fact.new == item), context)

        def take(fact: Fact, context: Context) -> None:
            self._begin(subject, [fact])
            with self._failing(subject, [fact]):
                self._suffer(is_patient=not subject.gives_up)
                if self._fails(subject, fact):
                    # What it has written before is to be undone.
                    self._do(subject, [fact], context)
                    raise ValueError(f"no {fact}")
                self._do(subject, [fact], context)
                self._suffer(is_patient=not subject.gives_up)

        return take_item if subject.shape is Shape.INSERT else take_change

    def _do(self, subject: Subject, facts: list[Fact], context: Context) -> None:
        for fact in facts:
            if subject.kind == "loose":
                subject.seen.setdefault(fact.item, []).append(fact.sequence)
                continue
            entry = fact.version if subject.kind == "mirror" else fact.sequence
            context.transaction.update(
                DONE_TABLE,
                {"id": f"{subject.name}/{fact.item}"},
                "SET seen = list_append(if_not_exists(seen, :none), :one)",
                values={":none": [], ":one": [entry]},
            )
            if subject.kind == "mirror" and fact.new is None:
                context.transaction.delete(COPY_TABLE, {"id": f"{subject.name}/{fact.item}"})
            elif subject.kind == "mirror":
                assert fact.new is not None
                copy = {**fact.new, "id": f"{subject.name}/{fact.item}"}
                context.transaction.put(COPY_TABLE, copy)
        if subject.reads and facts and subject.kind != "loose":
            key = {"id": f"{subject.name}/{SHARED_ITEM}"}
            shared = context.transaction.get(DONE_TABLE, key) or {**key, "count": 0}
            self._suffer(is_patient=not subject.gives_up)
            shared["count"] += len(facts)
            context.transaction.put(DONE_TABLE, shared)

    # --- what befalls them ---------------------------------------------------------------------

    def _suffer(self, *, is_patient: bool) -> None:
        """Others go first, time passes, and where it does not matter how often: it fails."""
        if self.is_calm:
            return
        chance = self._random.random()
        if chance < OTHERS_CHANCE:
            self._befall()
        elif is_patient and chance < OTHERS_CHANCE + FAILURE_CHANCE:
            raise ConnectionError("bad luck")

    def _fails(self, subject: Subject, fact: Fact) -> bool:
        if subject.refuses(fact):
            return True
        is_new = fact.sequence not in subject.flaked
        if fact.is_flaky and is_new and subject.options["maximum_retry_attempts"] != 0:
            subject.flaked.add(fact.sequence)
            return not self.is_calm
        return False

    def _failing(self, subject: Subject, facts: list[Fact]) -> _NotingFailure:
        return _NotingFailure(subject, facts)

    # --- what must hold of a call --------------------------------------------------------------

    def _known(self, subject: Subject, record: dict[str, Any]) -> Fact:
        data = record["dynamodb"]
        sequence = from_wire(data["SequenceNumber"])
        if subject.kind == "mirror" and sequence not in self._facts.by_sequence:
            return fact_of_item(sequence, item_to_python(data["NewImage"]), self._now_ms())
        found = self._facts.by_sequence.get(sequence)
        demand(found is not None, f"{subject.name} is called for what happened, not {record}")
        assert found is not None
        return found

    def _begin(self, subject: Subject, facts: list[Fact]) -> None:
        self.made += 1
        options = subject.options
        demand(bool(facts), f"{subject.name} is called for something")
        items: dict[str, int] = {}
        for fact in facts:
            demand(subject.wants(fact), f"{subject.name} is not called for {fact}")
            demand(
                fact.sequence > items.get(fact.item, 0), f"{subject.name} sees {fact} in its order"
            )
            items[fact.item] = fact.sequence
        if subject.age_ms_max is not None:
            oldest_ms = self._now_ms() - options["maximum_record_age_in_seconds"] * 1000
            is_timely = facts[0].at_ms >= oldest_ms or subject.is_cured or not subject.takes_batches
            demand(is_timely, f"{subject.name} is called too late for {facts[0]}")


class _NotingFailure:
    """Notes that a call has failed, whatever it failed with."""

    def __init__(self, subject: Subject, facts: list[Fact]) -> None:
        self._subject = subject
        self._facts = facts

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is not None:
            self._subject.failed |= {fact.sequence for fact in self._facts}


def fact_of_item(sequence: int, item: dict[str, Any], now_ms: int) -> Fact:
    """What stands for an item that was there before."""
    return Fact(sequence, now_ms, 0, item["id"], "INSERT", None, item)


def wire_of(fact: Fact) -> str:
    return to_wire(fact.sequence)
