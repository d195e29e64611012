"""Checks: what must hold of all that the mappings have done, now and in the end."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from pelton.handlers.control import ShardMove
from pelton.handlers.letters import Letter, letters_of
from pelton.streams import from_wire
from pelton.streams.checkpoints import read_lanes, read_positions
from tests.handlers.stage import Stage
from tests.simulation.model import demand

from .calls import COPY_TABLE, DONE_TABLE, ECHO_TABLE, SHARED_ITEM
from .facts import Fact, Facts
from .subjects import Subject

AGE = "RecordAgeExceeded"


class Checks:
    """Holds the tables that the mappings have written against the facts."""

    def __init__(self, stage: Stage, facts: Facts) -> None:
        self._stage = stage
        self._facts = facts
        self._at_pause: dict[str, Counter[int]] = {}

    # --- at any time ---------------------------------------------------------------------------

    def settled(self, subject: Subject) -> Counter[int]:
        """How often each sequence is done, as far as the file tells."""
        seen = self._seen(subject)
        return Counter(sequence for each in seen.values() for sequence in each)

    def note_pause(self, subject: Subject) -> None:
        self._at_pause[subject.name] = self.settled(subject)

    def check_pause(self, subject: Subject) -> None:
        """Nothing was done while it was paused."""
        before = self._at_pause.pop(subject.name)
        if subject.kind != "loose":
            demand(self.settled(subject) == before, f"{subject.name} does nothing in its pause")

    def check_positions(self, subject: Subject) -> None:
        """What lies before its positions is done."""
        if subject.kind != "exact":
            return
        done, letters = self.settled(subject), self._letters(subject)
        for number, (position, lanes) in self._positions(subject).items():
            demand(not lanes or min(lanes) == position, f"{subject.name} stands at its last lane")
            for fact in self._facts.all:
                is_passed = fact.shard_number == number and fact.sequence <= position
                if is_passed and subject.wants(fact) and not fact.is_trimmed:
                    is_settled = done[fact.sequence] >= subject.owed[fact.sequence]
                    demand(
                        is_settled or fact.sequence in letters,
                        f"{subject.name} has done {fact} before it stands at {position}",
                    )

    def take_moves(
        self,
        subject: Subject,
        moves: list[ShardMove],
        settled: Counter[int],
        *,
        is_rewind: bool,
    ) -> None:
        """What is behind the new positions comes again, or what is before them never."""
        numbers = {shard.shard_id: shard.number for shard in self._stage.streams.shards.all()}
        subject.moves += bool(moves)
        for move in moves:
            number = numbers[move.shard_id]
            for fact in self._facts.all:
                if fact.shard_number != number or not subject.wants(fact):
                    continue
                if is_rewind and fact.sequence > move.after:
                    subject.owed[fact.sequence] = settled[fact.sequence] + 1
                elif not is_rewind and move.before < fact.sequence <= move.after:
                    subject.owed[fact.sequence] = settled[fact.sequence]

    # --- in the end ----------------------------------------------------------------------------

    def check_all(
        self, subjects: list[Subject], *, has_echo: bool, are_redriven: bool = False
    ) -> None:
        for subject in subjects:
            if not subject.is_begun:
                continue
            if subject.kind == "mirror":
                self._check_mirror(subject)
            else:
                self._check_each(subject, are_redriven=are_redriven and not subject.moves)
            if subject.kind == "exact":
                self._check_order(subject, are_redriven=are_redriven)
                self.check_positions(subject)
            elif subject.kind == "loose" and not subject.moves and not are_redriven:
                self._check_first_seen(subject)
            self._check_shared(subject)
        if has_echo:
            done, echo = (self._by_id(table) for table in (DONE_TABLE, ECHO_TABLE))
            demand(done == echo, f"the echo is {done}, not {echo}")

    def _check_each(self, subject: Subject, *, are_redriven: bool) -> None:
        """Each fact is done as often as it is owed, or told of."""
        done, letters = self.settled(subject), self._letters(subject)
        demand(not (are_redriven and letters), f"{subject.name} has no letters left: {letters}")
        for sequence in (*done, *letters):
            fact = self._facts.by_sequence.get(sequence)
            demand(
                fact is not None and subject.wants(fact),
                f"{subject.name} has only done what is for it, not {fact}",
            )
        for fact in self._facts.all:
            if not subject.wants(fact):
                continue
            count, owed = done[fact.sequence], subject.owed[fact.sequence]
            if subject.kind == "loose":  # as often as it likes, if only it is
                owed = min(owed, 1)
                count = min(count, owed)
            what = f"{subject} has done {fact} {owed} times, not {count}"
            if (letter := letters.get(fact.sequence)) is not None:
                self._check_letter(subject, fact, letter)
                is_early = subject.kind == "loose" or subject.moves > 0
                demand(count < owed + is_early, f"{what}, and has a letter")
            elif subject.refuses(fact) and subject.kind == "exact":
                demand(count == 0, f"{subject.name} refuses {fact}")
                demand(owed == 0 or self._may_miss(subject, fact), f"{fact} is a letter")
            elif count < owed:
                demand(self._may_miss(subject, fact), what)
            else:
                demand(count == owed, what)

    def _may_miss(self, subject: Subject, fact: Fact) -> bool:
        return fact.is_trimmed and not subject.options["pins_records"]

    def _check_letter(self, subject: Subject, fact: Fact, letter: Letter) -> None:
        what = f"{subject} has no letter of {fact}: {letter.condition}, {letter.error_message}"
        if letter.is_held and not letter.condition:
            before = [
                each
                for each in self._facts.of_item(fact.item)
                if each.sequence < fact.sequence and each.is_poison and subject.wants(each)
            ]
            demand(subject.sets_aside and bool(before), f"{what}: it is held")
        elif letter.condition == AGE:
            age_ms = letter.failed_at_ms - fact.at_ms
            demand(subject.age_ms_max is not None and age_ms > subject.age_ms_max, what)
        elif subject.isolates:
            demand(subject.gives_up and fact.is_poison, what)
        else:
            demand(subject.gives_up and fact.sequence in subject.failed, what)

    def _check_order(self, subject: Subject, *, are_redriven: bool) -> None:
        """The facts of an item come in order; each time it was sent back they may begin anew."""
        if are_redriven and not subject.sets_aside:
            return
        for item, seen in self._seen(subject).items():
            steps_back = sum(later <= earlier for earlier, later in pairwise(seen))
            demand(steps_back <= subject.moves, f"{subject} has done {item} in order, not {seen}")

    def _check_first_seen(self, subject: Subject) -> None:
        # What has left the stream may come late, from a dispatcher that had read it in time.
        kept = {fact.sequence for fact in self._facts.all if not fact.is_trimmed}
        for item, seen in subject.seen.items():
            first = [each for each in dict.fromkeys(seen) if each in kept]
            demand(first == sorted(first), f"{subject} has seen {item} in order, not {seen}")

    def _check_mirror(self, subject: Subject) -> None:
        """Of each item it has got one state that was there and all that came behind it."""
        seen = self._seen(subject)
        items = {item["id"]: item for item in self._stage.all("sales")}
        for item in {fact.item for fact in self._facts.all}:
            history = [fact.version for fact in self._facts.of_item(item)]
            got = seen.get(item, [])
            start = len(history) - len(got)
            what = f"{subject} has got the last of {history} for {item}, not {got}"
            demand(start >= 0 and history[start:] == got, what)
            demand(not got or got[0] > 0, f"{what}: it begins with an item")
            began = subject.first_index.get(item, 0)
            was_there = began > 0 and history[began - 1] > 0
            demand(start >= began - was_there, f"{what}: {began} were over")
            demand(item not in items or bool(got), f"{what}: it is there")
        name = f"{subject.name}/"
        copies = {
            key.removeprefix(name): {**copy, "id": key.removeprefix(name)}
            for key, copy in self._by_id(COPY_TABLE).items()
            if key.startswith(name)
        }
        demand(copies == items, f"{subject.name} has copied {items}, not {copies}")

    def _check_shared(self, subject: Subject) -> None:
        if subject.reads and subject.kind != "loose":
            shared = self._stage.load(DONE_TABLE, id=f"{subject.name}/{SHARED_ITEM}")
            count = int(shared["count"]) if shared else 0
            total = self.settled(subject).total()
            demand(count == total, f"{subject.name} has counted {total}, not {count}")

    # --- what is in the file -------------------------------------------------------------------

    def _by_id(self, table: str) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self._stage.all(table)}

    def _seen(self, subject: Subject) -> dict[str, list[int]]:
        if subject.kind == "loose":
            return subject.seen
        name = f"{subject.name}/"
        return {
            key.removeprefix(name): [int(each) for each in row["seen"]]
            for key, row in self._by_id(DONE_TABLE).items()
            if key.startswith(name) and "seen" in row
        }

    def _letters(self, subject: Subject) -> dict[int, Letter]:
        found = letters_of(self._stage.database, subject.name)
        return {from_wire(letter.sequence_number): letter for letter in found}

    def _positions(self, subject: Subject) -> dict[int, tuple[int, list[int]]]:
        name = subject.name
        return self._stage.database.store.read(
            lambda reader: {
                number: (position, read_lanes(reader, name, number))
                for number, position in read_positions(reader, name).items()
            }
        )
