"""Subjects: the mappings of a schedule, each with the options that the seed has chosen for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from pelton.handlers import EventSourceMapping, Handler, Shape

from .facts import Fact

COLOURS = ("red", "blue")
RETRIES = (-1, -1, 0, 1, 2)
AGE_SECONDS = 60

Options = dict[str, Any]


@dataclass(eq=False)
class Subject:
    """A mapping under test, and what is expected of it.

    `kind` is exact (a list for each item, written through its transaction), loose (an effect
    outside), or mirror (a copy of the table, fed from its beginning).
    """

    name: str
    kind: str
    shape: Shape
    options: Options
    reads: bool
    """Whether it reads and writes an item that all its calls share: they get in each other's way.
    """
    stops_at_failure: bool
    """Of one that reports failures: whether it goes on behind the first."""
    is_begun: bool = False
    is_paused: bool = False
    is_cured: bool = False
    """Whether it takes poison now, too."""
    moves: int = 0
    """How often it was rewound."""
    owed: Counter[int] = field(default_factory=Counter)
    """How often each sequence is to be done by the end."""
    passed_over: set[int] = field(default_factory=set)
    """What it was told to skip."""
    failed: set[int] = field(default_factory=set)
    """The sequences that were in a call that failed."""
    flaked: set[int] = field(default_factory=set)
    seen: dict[str, list[int]] = field(default_factory=dict)
    """Of a loose one, what it was called for, by item."""
    first_index: dict[str, int] = field(default_factory=dict)
    """Of a mirror, how many of an item's facts had happened when it began."""

    def __str__(self) -> str:
        told = {name: each for name, each in self.options.items() if each not in (None, ())}
        return f"{self.name} ({self.kind}, {self.shape.name}, {told})"

    @property
    def takes_batches(self) -> bool:
        return self.shape is Shape.BATCH

    @property
    def reports(self) -> bool:
        return bool(self.options["function_response_types"])

    @property
    def isolates(self) -> bool:
        """Whether a record that fails is given up alone."""
        return not self.takes_batches or bool(self.options["bisect_batch_on_function_error"])

    @property
    def gives_up(self) -> bool:
        return int(self.options["maximum_retry_attempts"]) >= 0

    @property
    def sets_aside(self) -> bool:
        return bool(self.options["on_poison"] == "quarantine")

    @property
    def age_ms_max(self) -> int | None:
        age = int(self.options["maximum_record_age_in_seconds"])
        return None if age < 0 else age * 1000

    def refuses(self, fact: Fact) -> bool:
        return self.gives_up and fact.is_poison and not self.is_cured

    def wants(self, fact: Fact) -> bool:
        if fact.event not in self.shape.event_names:
            return False
        if not self.options["filter_criteria"]:
            return True
        return fact.new is not None and fact.new["colour"] == COLOURS[0]

    def mapping(self, function: Callable[..., Any]) -> EventSourceMapping:
        return EventSourceMapping(Handler(self.name, function, self.shape), "sales", **self.options)

    def change_options(self, random: Random) -> None:
        """Another batch size, another window, another number of lanes: what may change at work."""
        self.options |= working_options(random)

    # --- what is expected ----------------------------------------------------------------------

    def begin(self, facts: list[Fact]) -> None:
        """It starts for the first time."""
        self.is_begun = True
        start = self.options["start"]
        for fact in facts:
            if self.kind == "mirror":
                self.first_index[fact.item] = self.first_index.get(fact.item, 0) + 1
            elif isinstance(start, datetime):
                self._owe(fact, not fact.is_trimmed and fact.at_ms >= start.timestamp() * 1000)
            else:
                is_late = self.options["starting_position"] == "LATEST"
                self._owe(fact, not fact.is_trimmed and not is_late)

    def see(self, facts: list[Fact]) -> None:
        """Something has happened."""
        if self.is_begun:
            for fact in facts:
                self._owe(fact, is_due=True)

    def _owe(self, fact: Fact, is_due: bool) -> None:
        if is_due and self.wants(fact):
            self.owed[fact.sequence] += 1


def random_subject(name: str, random: Random, now_ms: int) -> Subject:
    kind = random.choices(["exact", "loose", "mirror"], weights=[6, 2, 2])[0]
    shape = random.choice([Shape.BATCH, Shape.BATCH, Shape.CHANGE, Shape.INSERT, Shape.MODIFY])
    options: Options = {
        "starting_position": random.choice(["TRIM_HORIZON", "TRIM_HORIZON", "LATEST"]),
        "start": None,
        "maximum_record_age_in_seconds": -1,
        "maximum_retry_attempts": random.choice(RETRIES),
        "bisect_batch_on_function_error": random.random() < 0.7,
        "function_response_types": (),
        "filter_criteria": (),
        "pins_records": random.random() < 0.4,
        "on_trimmed": "skip",
        "on_poison": "dead-letter",
        "may_cycle": True,
        **working_options(random),
    }
    subject = Subject(name, kind, shape, options, random.random() < 0.3, random.random() < 0.5)
    if kind == "mirror":
        subject.shape = random.choice([Shape.BATCH, Shape.CHANGE])
        options |= {"start": "beginning", "pins_records": True, "maximum_retry_attempts": -1}
        options["parallelization_factor"] = random.choice([1, 1, 3])
        return subject
    if random.random() < 0.2:
        options["start"] = datetime.fromtimestamp(now_ms / 1000, UTC)
    if subject.takes_batches and random.random() < 0.3:
        options["function_response_types"] = ("ReportBatchItemFailures",)
        # Whoever goes on behind a failure, with effects outside, sees to the order itself.
        subject.stops_at_failure |= kind == "loose"
    if random.random() < 0.25:
        pattern = {"dynamodb": {"NewImage": {"colour": {"S": [COLOURS[0]]}}}}
        options["filter_criteria"] = (json.dumps(pattern),)
    if random.random() < 0.15:
        options["maximum_record_age_in_seconds"] = AGE_SECONDS
    elif random.random() < 0.3 and subject.gives_up and subject.isolates:
        options["on_poison"] = "quarantine"
    return subject


def working_options(random: Random) -> Options:
    return {
        "batch_size": random.choice([1, 2, 3, 10]),
        "maximum_batching_window_in_seconds": random.choice([0, 0, 0, 1, 5]),
        "parallelization_factor": random.choice([1, 1, 2, 3, 10]),
    }
