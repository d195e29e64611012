"""Following: handlers at work on streams, each with a row in the file of all that it has done.

What a handler has done is one list for each item, written in the transaction that moves its
position. So nothing may be in it twice, and what has left the stream before it was done must have
been told of, unless the handler pins its records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from pelton.handlers import Context, Dispatcher, EventSourceMapping, RecordChange
from pelton.handlers.errors import RecordsTrimmedError
from pelton.streams import from_wire
from tests.handlers.stage import Stage, on_batch, on_change
from tests.handlers.stepped import SteppedScheduler
from tests.model_writes import Address
from tests.region import Region

from .model import Model, StreamModel, Told, demand

DONE_TABLE = "done"
FAILURE_CHANCE = 0.1


@dataclass
class Following:
    """A mapping, and what it is to do from its first start on."""

    name: str
    table_name: str
    is_batch: bool
    starting_position: str
    pins_records: bool
    batch_size: int
    is_begun: bool = False
    skips: bool = False
    """Whether it runs with on_trimmed="skip" now."""
    passed_by: set[str] = field(default_factory=set)
    """The streams that had ended before it started."""
    older: set[int] = field(default_factory=set)
    """The sequences that are not for it, for they were there when it started."""
    forgiven: set[int] = field(default_factory=set)
    """Those that were lost while it was told to skip what is lost."""

    def begin(self, model: Model) -> None:
        """It starts for the first time."""
        self.is_begun = True
        for stream in model.streams:
            if stream.disabled_ms is not None:
                self.passed_by.add(stream.arn)
            for told in stream.records:
                if told.is_trimmed or self.starting_position == "LATEST":
                    self.older.add(told.sequence)

    def is_meant_for(self, stream: StreamModel) -> bool:
        return stream.table_name == self.table_name and stream.arn not in self.passed_by

    def due(self, model: Model) -> list[Told]:
        """All that it was ever to do, in commit order."""
        if not self.is_begun:
            return []
        return [
            told
            for stream in model.streams
            if self.is_meant_for(stream)
            for told in stream.records
            if told.sequence not in self.older
        ]


class Followers:
    """The handlers of a world: they run on the first process, step by step, or are stopped."""

    def __init__(self, model: Model, random: Random) -> None:
        self._model = model
        self._random = random
        self._followings: list[Following] = []
        self._dispatcher: Dispatcher | None = None
        self._is_calm = False

    @property
    def count(self) -> int:
        return len(self._followings)

    @property
    def is_running(self) -> bool:
        return self._dispatcher is not None

    def add(self, table_name: str) -> Following:
        """One more, which runs from the next start on."""
        following = Following(
            name=f"handler {len(self._followings) + 1}",
            table_name=table_name,
            is_batch=self._random.random() < 0.5,
            starting_position=self._random.choice(["TRIM_HORIZON", "TRIM_HORIZON", "LATEST"]),
            pins_records=self._random.random() < 0.3,
            batch_size=self._random.choice([1, 2, 10]),
        )
        self._followings.append(following)
        return following

    def start(self, stage: Stage, *, skips: bool = False) -> None:
        """Starts all; `skips` has them leave behind what they have missed."""
        for each in self._followings:
            each.skips = skips
            if not each.is_begun:
                each.begin(self._model)
        mappings = [self._mapping(each) for each in self._followings]
        self._dispatcher = stage.start(*mappings, seed=self._random.randrange(1 << 30))

    def stop(self, stage: Stage, *, is_clean: bool) -> None:
        """They are stopped, or their process is gone and takes no leave."""
        if self._dispatcher is not None and is_clean:
            self._dispatcher.stop()
        self._dispatcher = None
        self._excuse(stage)

    def step(self, stage: Stage, steps: int) -> str:
        """Some steps of some of them; says which have given up."""
        assert self._dispatcher is not None
        scheduler = self._dispatcher._scheduler
        assert isinstance(scheduler, SteppedScheduler)
        for _ in range(steps):
            scheduler.step()
        stats = self._dispatcher.stats()
        given_up = [each for each in self._followings if not stats[each.name].is_running]
        for following in given_up:
            self._check_loss(stage, following)
        return ", ".join(each.name for each in given_up) or f"{steps} steps"

    def finish(self, stage: Stage) -> None:
        """They do all there is to do; each has done everything once, or was told of its loss."""
        self._is_calm = True
        if self._dispatcher is None:
            self.start(stage)
        assert self._dispatcher is not None
        try:
            self._dispatcher.drain()
        except RecordsTrimmedError:
            stats = self._dispatcher.stats()
            for following in self._followings:
                if not stats[following.name].is_running:
                    self._check_loss(stage, following)
            self.stop(stage, is_clean=True)
            self.start(stage, skips=True)
            self._dispatcher.drain()
        self.stop(stage, is_clean=True)
        for following in self._followings:
            self._check_done(stage, following)

    # --- what retention may do -----------------------------------------------------------------

    def pinned(self, region: Region) -> set[int]:
        """The sequences that must stay in their streams for one of them, whatever their age."""
        return {
            told.sequence
            for following in self._followings
            if following.pins_records
            for told in self._undone(region, following)
        }

    def has_pin_on(self, stream: StreamModel) -> bool:
        return any(
            each.pins_records and each.is_begun and each.table_name == stream.table_name
            for each in self._followings
        )

    # --- what they do --------------------------------------------------------------------------

    def _mapping(self, following: Following) -> EventSourceMapping:
        def take_batch(event: dict[str, Any], context: Context) -> None:
            self._suffer()
            for record in event["Records"]:
                data = record["dynamodb"]
                keys = data["Keys"]
                done(keys["id"]["S"], keys["sk"]["N"], data["SequenceNumber"], context)
            self._suffer()

        def take_change(change: RecordChange, context: Context) -> None:
            self._suffer()
            done(change.keys["id"], change.keys["sk"], change.sequence_number, context)
            self._suffer()

        def done(partition: str, sort: Any, number: str, context: Context) -> None:
            context.transaction.update(
                DONE_TABLE,
                {"id": following.name, "sk": f"{partition}/{sort}"},
                "SET seen = list_append(if_not_exists(seen, :none), :one)",
                values={":none": [], ":one": [number]},
            )

        options: dict[str, Any] = {
            "name": following.name,
            "batch_size": following.batch_size,
            "starting_position": following.starting_position,
            "pins_records": following.pins_records,
            "maximum_retry_attempts": -1,
            "on_trimmed": "skip" if following.skips else "fail",
        }
        if following.is_batch:
            return on_batch(take_batch, following.table_name, **options)
        return on_change(take_change, following.table_name, **options)

    def _suffer(self) -> None:
        if not self._is_calm and self._random.random() < FAILURE_CHANCE:
            raise ConnectionError("bad luck")

    # --- what must hold ------------------------------------------------------------------------

    def _done(self, region: Region, following: Following) -> dict[str, list[int]]:
        """What the handler has done, by item."""
        rows = region.items(
            "Query",
            TableName=DONE_TABLE,
            KeyConditionExpression="id = :id",
            ExpressionAttributeValues={":id": {"S": following.name}},
        )
        return {row["sk"]["S"]: [from_wire(each["S"]) for each in row["seen"]["L"]] for row in rows}

    def _undone(self, region: Region, following: Following) -> list[Told]:
        done = {each for seen in self._done(region, following).values() for each in seen}
        return [told for told in following.due(self._model) if told.sequence not in done]

    def _check_loss(self, region: Region, following: Following) -> None:
        lost = any(told.is_trimmed for told in self._undone(region, following))
        what = f"{following.name} gives up for records that it has missed alone"
        demand(lost and not following.skips and not following.pins_records, what)

    def _excuse(self, stage: Stage) -> None:
        for following in self._followings:
            if following.skips and not following.pins_records:
                undone = self._undone(stage, following)
                following.forgiven |= {told.sequence for told in undone if told.is_trimmed}

    def _check_done(self, region: Region, following: Following) -> None:
        done = self._done(region, following)
        all_done = {each for seen in done.values() for each in seen}
        due: dict[str, list[int]] = {}
        for told in following.due(self._model):
            if told.sequence in all_done or told.sequence not in following.forgiven:
                due.setdefault(item_name(told.address), []).append(told.sequence)
        passed = [
            f"{told}{' (trimmed)' if told.is_trimmed else ''}"
            for told in following.due(self._model)
            if told.sequence not in all_done | following.forgiven
        ]
        demand(not passed, f"{following} has done these: {'; '.join(passed)}")
        demand(done == due, f"{following.name} has done {due}, once and in order, not {done}")


def item_name(address: Address) -> str:
    return f"{address[1]}/{address[2]}"
