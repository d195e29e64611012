"""The world of one seed: a file, the processes that have it open, a clock, and what goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

from pelton.engine import DynamoDBError, ManualClock
from pelton.engine.partitions.splitting import split_partition
from pelton.streams import StreamLimits, Upkeep
from tests.handlers.stage import Stage
from tests.model_writes import Address, Plain, plain_item
from tests.region import N, Region, S

from .consumer import Consumer
from .deeds import Deed, random_deed
from .following import DONE_TABLE, Followers
from .lineage import check_lineage
from .model import Model, TableModel, demand
from .own_reader import OwnReader
from .witness import Witness

VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")
TABLES = ("ants", "bees")
CONSUMERS_MAX = 4
OWN_READERS_MAX = 3
HANDLERS_MAX = 3
PARTITIONS_MAX = 12
REGIONS_MAX = 2
STEPS_MIN, STEPS_MAX = 30, 120

LIMITS = (
    StreamLimits(),
    StreamLimits(shard_seconds_max=60, retention_seconds=300, iterator_seconds_max=30),
    StreamLimits(shard_seconds_max=2, retention_seconds=90, iterator_seconds_max=120),
)


class World:
    """`step` does one thing that the seed chooses, `finish` lets every reader come to its end.

    `trace` is told each step. Raises Broken where a promise is not kept.
    """

    def __init__(self, seed: int, folder: Path, trace: Callable[[str], None]) -> None:
        self.random = Random(seed)
        self.steps = Random(seed).randint(STEPS_MIN, STEPS_MAX)
        self.clock = ManualClock()
        self.model = Model()
        self.witness = Witness(self.model)
        self.limits = self.random.choices(LIMITS, weights=[1, 2, 2])[0]
        self._folder = folder
        self._trace = trace
        self._files = 0
        self._path = folder / "0.db"
        self.regions: list[Stage] = []
        self._stale: set[Region] = set()
        self.consumers: list[Consumer] = []
        self.own_readers: list[OwnReader] = []
        self._consumers_made = 0
        self.followers = Followers(self.model, self.random)
        self._note_time()
        self._open().create(DONE_TABLE, "id", "sk")
        for name in TABLES[: self.random.randint(1, 2)]:
            self._create_table(name)
        self._kinds: list[tuple[Callable[[], str], float]] = [
            (self.write, 30),
            (self.read, 40),
            (self.read_on, 15),
            (self.pass_time, 10),
            (self.look, 4),
            (self.split, 3),
            (self.keep_up, 7),
            (self.change_stream, 3),
            (self.change_table, 1),
            (self.begin_consumer, 3),
            (self.restart_consumer, 2),
            (self.change_own_readers, 3),
            (self.handle, 12),
            (self.change_handlers, 3),
            (self.crash, 1.5),
            (self.tear, 2.5),
            (self.reopen, 1),
            (self.change_processes, 2),
        ]

    @property
    def records(self) -> int:
        return sum(len(stream.records) for stream in self.model.streams)

    def step(self) -> None:
        kinds, weights = zip(*self._kinds, strict=True)
        kind = self.random.choices(kinds, weights=weights)[0]
        self._trace(f"{kind.__name__}: {kind() or 'nothing'}")

    def finish(self) -> None:
        """Everyone reads to the end and has seen what they should."""
        region = self.regions[0]
        self.refresh(region)
        for stream in self.model.streams_kept():
            check_lineage(region, stream, self.random, is_fresh=True)
        for consumer in self.consumers:
            self._trace(f"finish: {consumer.name}")
            consumer.drain(region, self.refresh)
        for reader in self.own_readers:
            self._trace(f"finish: {reader.name}")
            reader.drain(region)
        self._trace("finish: handlers")
        self.followers.finish(self.regions[0])

    def close(self) -> None:
        for region in self.regions:
            region.close()
        self.regions = []

    # --- processes -----------------------------------------------------------------------------

    def refresh(self, region: Region) -> bool:
        """Has a region take in the commits of others; returns whether there may have been any."""
        region.database.write(lambda transaction: None)
        was_stale = region in self._stale
        self._stale.discard(region)
        return was_stale

    def _open(self) -> Stage:
        limits = {name: getattr(self.limits, name) for name in StreamLimits.__dataclass_fields__}
        region = Stage(self._path, clock=self.clock, durability="OFF", **limits)
        self.regions.append(region)
        return region

    def _any_region(self) -> Stage:
        return self.random.choice(self.regions)

    def _has_written(self, region: Region) -> None:
        """What a region has committed, the others learn later."""
        self._stale.discard(region)
        self._stale |= {each for each in self.regions if each is not region}

    def change_processes(self) -> str:
        """Another process opens the file, or lets go of it."""
        if len(self.regions) < REGIONS_MAX:
            self._open()
            return "one more"
        region = self.regions.pop()
        self._stale.discard(region)
        region.close()
        return "one less"

    def reopen(self) -> str:
        """All processes end and one begins anew."""
        self.followers.stop(self.regions[0], is_clean=True)
        self.close()
        self._stale.clear()
        self._open()
        return "clean"

    def crash(self) -> str:
        """All processes are killed; what they have committed is in the file and its WAL."""
        path = self._copy(None)
        self._go_on_with(path)
        return "between two commits"

    def tear(self) -> str:
        """All processes are killed in the middle of something: each commit of it was done or not.

        They come back with a WAL that was cut off anywhere behind what had been answered before.
        """
        size_before = self._wal_size()
        begun: Callable[[], tuple[str, Callable[[], str]] | None] = self.random.choice(
            [self._begin_write, self._begin_write, self._begin_split, self._begin_upkeep]
            + [self._begin_change_of_stream]
        )
        if (what := begun()) is None:
            return ""
        name, find_out = what
        size = self.random.randint(size_before, self._wal_size())
        self._go_on_with(self._copy(size))
        return f"{name}, of which {size - size_before} bytes are written, {find_out()}"

    def _begin_write(self) -> tuple[str, Callable[[], str]] | None:
        if not self.model.tables:
            return None
        deed = random_deed(self.random, self.model)
        self._send(self._any_region(), deed)

        def find_out() -> str:
            is_done = self._was_done(deed)
            if is_done:
                self._take(deed)
            self.witness.see_new(self.regions[0])
            return f"done: {is_done}"

        return str(deed), find_out

    def _begin_split(self) -> tuple[str, Callable[[], str]] | None:
        told = self.split()
        return (told, lambda: "maybe") if told else None

    def _begin_upkeep(self) -> tuple[str, Callable[[], str]]:
        Upkeep(self._any_region().streams).run_round()

        def find_out() -> str:
            self._see_trimmed(self.regions[0], is_exact=False)
            return "some of it"

        return "upkeep", find_out

    def _begin_change_of_stream(self) -> tuple[str, Callable[[], str]] | None:
        if not self.model.tables:
            return None
        table = self.model.tables[self.random.choice(sorted(self.model.tables))]
        region = self._any_region()
        view = self._request_change_of_stream(region, table)
        arn = region.stream_arn(table.name)

        def find_out() -> str:
            found = self.regions[0].describe(table.name).get("StreamSpecification", {})
            is_done = found.get("StreamEnabled", False) == (view is not None)
            if is_done:
                self._take_change_of_stream(table, view, arn)
            return f"done: {is_done}"

        return f"{table.name} gets the stream {view}", find_out

    def _wal_size(self) -> int:
        wal = Path(f"{self._path}-wal")
        return wal.stat().st_size if wal.exists() else 0

    def _copy(self, wal_bytes: int | None) -> Path:
        """The files as a killed process leaves them; a WAL may have been cut off."""
        self._files += 1
        path = self._folder / f"{self._files}.db"
        shutil.copyfile(self._path, path)
        if os.path.exists(f"{self._path}-wal"):
            shutil.copyfile(f"{self._path}-wal", f"{path}-wal")
            if wal_bytes is not None:
                os.truncate(f"{path}-wal", wal_bytes)
        return path

    def _go_on_with(self, path: Path) -> None:
        # What they do before they are closed is done in a file that nobody opens again.
        self.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        self._stale.clear()
        self._path = path
        self.followers.stop(self._open(), is_clean=False)

    # --- writing -------------------------------------------------------------------------------

    def write(self) -> str:
        if not self.model.tables:
            return ""
        region = self._any_region()
        deeds = []
        for _ in range(self.random.choice([1, 1, 3])):
            deed = random_deed(self.random, self.model)
            self._send(region, deed)
            self._take(deed)
            deeds.append(str(deed))
        self._has_written(region)
        self.witness.see_new(region)
        return "; ".join(deeds)

    def _send(self, region: Region, deed: Deed) -> None:
        try:
            region.call(deed.operation, **deed.request)
        except DynamoDBError as error:
            if error.code == "ResourceNotFoundException" and self.refresh(region):
                self._send(region, deed)  # the table is one that another process has made
                return
            demand(error.code == deed.error, f"{deed}, not {error!r}: {error.message}")
        else:
            demand(deed.error is None, f"{deed}, but it was done")

    def _take(self, deed: Deed) -> None:
        for address, new, group in deed.effects:
            self.model.take(address, new, group, self.clock.now_ms())

    def _was_done(self, deed: Deed) -> bool:
        """Whether a write that nobody answered is in the file."""
        outcomes = set()
        for address, new, _ in deed.effects:
            found = self._item(address)
            old = self.model.item(address)
            if old != new:
                demand(found in (old, new), f"{address} is as before or as written, not {found}")
                outcomes.add(found == new)
        demand(len(outcomes) < 2, f"{deed} is done whole or not at all")
        return outcomes != {False}

    def _item(self, address: Address) -> Plain | None:
        table, partition, sort = address
        item = self.regions[0].get({"id": S(partition), "sk": N(str(sort))}, table)
        return None if item is None else plain_item(item)

    # --- tables and their streams --------------------------------------------------------------

    def _create_table(self, name: str) -> None:
        view = self.random.choice((None, *VIEWS, *VIEWS))
        units = self.random.choice([1, 1, 3000])
        region = self._any_region()
        answer = region.create(name, "id", "sk", types={"sk": "N"}, stream=view, write_units=units)
        table = self.model.tables[name] = TableModel(name)
        if view is not None:
            self.model.enable(table, answer["LatestStreamArn"], view)
        self._has_written(region)

    def change_table(self) -> str:
        """A table is deleted, or made anew."""
        name = self.random.choice(TABLES)
        if name not in self.model.tables:
            self._create_table(name)
            return f"{name} is made"
        region = self._any_region()
        self.refresh(region)
        region.call("DeleteTable", TableName=name)
        self.model.disable(self.model.tables.pop(name), self.clock.now_ms())
        self._has_written(region)
        return f"{name} is deleted"

    def change_stream(self) -> str:
        """A stream is enabled or disabled."""
        if not self.model.tables:
            return ""
        table = self.model.tables[self.random.choice(sorted(self.model.tables))]
        region = self._any_region()
        view = self._request_change_of_stream(region, table)
        self._take_change_of_stream(table, view, region.stream_arn(table.name))
        self._has_written(region)
        return f"{table.name} gets the stream {view}"

    def _request_change_of_stream(self, region: Region, table: TableModel) -> str | None:
        """Has a table's stream disabled, or enabled with the view that it returns."""
        self.refresh(region)
        view = self.random.choice(VIEWS) if table.stream is None else None
        specification: dict[str, object] = {"StreamEnabled": view is not None}
        if view is not None:
            specification["StreamViewType"] = view
        region.call("UpdateTable", TableName=table.name, StreamSpecification=specification)
        return view

    def _take_change_of_stream(self, table: TableModel, view: str | None, arn: str) -> None:
        if view is None:
            self.model.disable(table, self.clock.now_ms())
        else:
            self.model.enable(table, arn, view)

    def split(self) -> str:
        """A partition divides at any token."""
        if not self.model.tables:
            return ""
        name = self.random.choice(sorted(self.model.tables))
        region = self._any_region()
        self.refresh(region)
        partitions = region.database.catalog.table(name).partitions
        if len(partitions) >= PARTITIONS_MAX:
            return ""
        chosen = self.random.choice(partitions)
        token = self.random.choice(
            [None, self.random.randint(chosen.token_low, chosen.token_high - 1)]
        )
        split_partition(region.database, name, chosen.number, last_low_token=token)
        self._has_written(region)
        return f"partition {chosen.number} of {name} behind {token or 'its middle'}"

    # --- time ----------------------------------------------------------------------------------

    def pass_time(self) -> str:
        """Moments, a part of some limit, or more than one of them; now and then back."""
        limits, kept = self.limits, self.limits.retention_seconds
        chance = self.random.random()
        if chance < 0.4:
            seconds = self.random.choice([0.001, 0.01, 0.5, 1.0])
        elif chance < 0.9:
            longest = self.random.choice(
                [
                    limits.iterator_seconds_max,
                    limits.shard_seconds_max,
                    kept / 4,
                    kept,
                ]
            )
            seconds = longest * self.random.uniform(0.1, 1.2)
        else:
            seconds = -limits.shard_seconds_max * self.random.random() * 0.1
        self.clock.advance(seconds=seconds)
        self._note_time()
        return f"{seconds:.3f} s"

    def _note_time(self) -> None:
        self.witness.latest_ms = max(self.witness.latest_ms, self.clock.now_ms())

    def keep_up(self) -> str:
        """A round of upkeep, maybe the first for long: shards roll, records are trimmed."""
        region = self._any_region()
        if self.random.random() < 0.3:
            self.clock.advance(
                seconds=self.limits.retention_seconds * self.random.uniform(0.4, 1.1)
            )
            self._note_time()
        Upkeep(region.streams).run_round()
        self._has_written(region)
        self._see_trimmed(region, is_exact=True)
        trimmed = sum(told.is_trimmed for each in self.model.streams for told in each.records)
        return f"{trimmed} records have been trimmed by now"

    def _see_trimmed(self, region: Region, *, is_exact: bool) -> None:
        before_ms = self.clock.now_ms() - round(self.limits.retention_seconds * 1000)
        self.witness.see_trimmed(region, before_ms, self.followers, is_exact=is_exact)

    # --- handlers ------------------------------------------------------------------------------

    def handle(self) -> str:
        """Handlers run for a while; time passes as they wait for one another."""
        if not self.followers.is_running:
            return ""
        self.refresh(self.regions[0])
        told = self.followers.step(self.regions[0], self.random.randint(1, 12))
        self._note_time()
        self._has_written(self.regions[0])
        return told

    def change_handlers(self) -> str:
        """Handlers are stopped, started, or get one more beside them."""
        region = self.regions[0]
        was_running = self.followers.is_running
        if was_running:
            self.followers.stop(region, is_clean=True)
            self.refresh(region)
            self._has_written(region)
        chance = self.random.random()
        if was_running and chance < 0.4:
            return "stopped"
        if chance < 0.7 and self.followers.count < HANDLERS_MAX:
            self.followers.add(self.random.choice(TABLES))
        skips = self.random.random() < 0.3
        self.refresh(region)
        self.followers.start(region, skips=skips)
        self._has_written(region)
        return f"{self.followers.count} run, skipping: {skips}"

    # --- readers -------------------------------------------------------------------------------

    def look(self) -> str:
        """Somebody looks at the shards."""
        kept = self.model.streams_kept()
        if not kept:
            return ""
        region = self._any_region()
        stream = self.random.choice(kept)
        if region in self._stale and stream.arn not in region.streams.streams.by_arn:
            return ""
        check_lineage(region, stream, self.random, is_fresh=region not in self._stale)
        return stream.arn

    def read(self) -> str:
        if not self.consumers:
            return ""
        paces = [consumer.pace for consumer in self.consumers]
        consumer = self.random.choices(self.consumers, weights=paces)[0]
        return f"{consumer.name} {consumer.step(self._any_region(), self.refresh)}"

    def begin_consumer(self) -> str:
        kept = self.model.streams_kept()
        if not kept or len(self.consumers) >= CONSUMERS_MAX:
            return ""
        stream = self.random.choice(kept)
        self._consumers_made += 1
        start = self.random.choice(["TRIM_HORIZON", "TRIM_HORIZON", "LATEST"])
        name = f"consumer {self._consumers_made} ({start})"
        consumer = Consumer(
            name,
            self.model,
            stream,
            self.random,
            self.limits.iterator_seconds_max,
            start=start,
            finds_children=self.random.random() < 0.5,
        )
        region = self._any_region()
        self.consumers.append(consumer)
        return f"{name} of {stream.arn} {consumer.step(region, self.refresh)}"

    def restart_consumer(self) -> str:
        if not self.consumers:
            return ""
        consumer = self.random.choice(self.consumers)
        consumer.restart()
        return consumer.name

    def read_on(self) -> str:
        if not self.own_readers:
            return ""
        reader = self.random.choice(self.own_readers)
        return f"{reader.name} {reader.step(self._any_region())}"

    def change_own_readers(self) -> str:
        """One more, or one that has to go on by what it has kept."""
        kept = self.model.streams_kept()
        if not kept or len(self.own_readers) >= OWN_READERS_MAX:
            if not self.own_readers:
                return ""
            reader = self.random.choice(self.own_readers)
            reader.restart()
            return f"{reader.name} goes on anew"
        stream = self.random.choice(kept)
        name = f"own reader {len(self.own_readers) + 1}"
        self.own_readers.append(
            OwnReader(name, self.model, stream, self.random, self._any_region())
        )
        return f"{name} of {stream.arn}"
