"""Consumers: careful users of the Streams API, who keep a checkpoint for each shard.

They read as AWS says one should: parents before children, a new iterator when one has expired,
children when a shard has ended. Whatever they see, and whatever error they meet, is held against
the model at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from pelton.engine import DynamoDBError
from pelton.streams import from_wire, to_wire
from tests.region import Region

from .lineage import ShardMember, described_shards, range_of
from .model import Model, StreamModel, Told, demand

Refresh = Callable[[Region], bool]
"""Has a region take in every commit; returns whether there was one it did not know of."""

PAGES_MAX = 2_000
"""More pages than a stream of a schedule can have, errors met on the way included."""


@dataclass
class Lease:
    """How far a consumer has come in one shard."""

    shard_id: str
    parent_id: str | None
    kind: str = "TRIM_HORIZON"
    """Where it starts as long as there is no checkpoint."""
    checkpoint: int | None = None
    """The last sequence that was processed: the only thing that outlives the consumer."""
    position: int = 0
    """The sequence behind which everything is still to be seen."""
    forgiven: int = 0
    """What was trimmed up to this sequence may be missing: TRIM_HORIZON was asked for behind it."""
    iterator: str | None = None
    issued_ms: int = 0
    is_done: bool = False


class Consumer:
    """Reads one stream. `finds_children` has it ask for the children of each shard that ended;
    `start` is TRIM_HORIZON or LATEST.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        stream: StreamModel,
        random: Random,
        iterator_seconds_max: float,
        *,
        start: str,
        finds_children: bool,
    ) -> None:
        self.name = name
        self.stream = stream
        self.start = start
        self.pace = random.choice([0.1, 1, 1])
        """How often it has its turn beside others: some are slow."""
        self._model = model
        self._random = random
        self._iterator_ms_max = iterator_seconds_max * 1000
        self._finds_children = finds_children
        self._leases: dict[str, Lease] = {}
        self._seen: set[int] = set()
        self._excused: set[int] = set()
        self._last_of: dict[Any, int] = defaultdict(int)
        self._is_fresh_start = True
        self._is_stream_gone = False

    # --- what it does --------------------------------------------------------------------------

    def step(self, region: Region, refresh: Refresh) -> str:
        """Looks for shards or reads a page of one; returns what it did."""
        ready = self._ready()
        if self._is_fresh_start or not ready or self._random.random() < 0.1:
            refresh(region)
            return self.discover(region)
        return self._read(region, self._random.choice(ready), refresh)

    def restart(self) -> None:
        """It dies and comes back: only its checkpoints are left."""
        for lease in self._leases.values():
            lease.iterator = None

    def drain(self, region: Region, refresh: Refresh) -> None:
        """Reads until there is nothing more; then it has seen everything it should have."""
        refresh(region)
        is_moving = True
        pages = 0
        while is_moving:
            self.discover(region)
            is_moving = False
            for lease in self._ready():
                while not lease.is_done and self._read(region, lease, refresh, limit=1000) != "":
                    is_moving = True
                    pages += 1
                    demand(pages < PAGES_MAX, f"{self.name} comes to the end of {lease.shard_id}")
                is_moving |= lease.is_done
        self._check_all_seen()

    def discover(self, region: Region) -> str:
        """Takes up shards that are new, in a region that knows of every commit."""
        try:
            listed = described_shards(region, self.stream.arn, self._random)
        except DynamoDBError as error:
            demand(
                self.stream.is_gone and error.code == "ResourceNotFoundException",
                f"{self.name}: DescribeStream works, not {error!r}",
            )
            listed = []
        self._take(listed, region)
        known = {shard["ShardId"] for shard in listed}
        for lease in self._leases.values():
            if lease.shard_id not in known and not lease.is_done:
                self._give_up(lease)
        self._is_fresh_start = False
        return f"finds {len(listed)} shards"

    def _take(self, shards: list[ShardMember], region: Region) -> None:
        for shard in shards:
            if shard["ShardId"] in self._leases:
                continue
            lease = Lease(shard["ShardId"], shard.get("ParentShardId"))
            self._leases[lease.shard_id] = lease
            if self._is_fresh_start and self.start == "LATEST":
                if range_of(shard)[1] is None:
                    lease.kind = "LATEST"
                    self._get_iterator(region, lease)
                else:
                    lease.is_done = True
                self._excuse(lease)

    def _ready(self) -> list[Lease]:
        """The shards whose turn it is: parents before children."""
        return [
            lease
            for lease in self._leases.values()
            if not lease.is_done
            and (lease.parent_id not in self._leases or self._leases[lease.parent_id].is_done)
        ]

    # --- reading a shard -----------------------------------------------------------------------

    def _read(
        self,
        region: Region,
        lease: Lease,
        refresh: Refresh,
        *,
        limit: int | None = None,
    ) -> str:
        """One page; returns what came of it, "" when there was nothing."""
        try:
            if lease.iterator is None:
                self._get_iterator(region, lease)
            answer = self._get_records(region, lease, limit or self._random.choice([1, 2, 5, 1000]))
        except DynamoDBError as error:
            return self._meet(error, region, lease, refresh)
        records = answer["Records"]
        taken = len(records)
        if limit is None and records and self._random.random() < 0.1:
            taken = self._random.randrange(len(records))  # it dies in the middle of the page
        for record in records[:taken]:
            self._see(lease, record)
        if taken < len(records):
            lease.iterator = None
            return f"dies behind {taken} records of {lease.shard_id}"
        lease.iterator = answer.get("NextShardIterator")
        lease.issued_ms = region.clock.now_ms()
        if lease.iterator is None:
            self._finish(region, lease, refresh)
            return f"sees {len(records)} records and the end of {lease.shard_id}"
        return f"sees {len(records)} records of {lease.shard_id}" if records else ""

    def _get_iterator(self, region: Region, lease: Lease) -> None:
        lease.issued_ms = region.clock.now_ms()
        if lease.checkpoint is not None:
            lease.iterator = region.iterator(
                self.stream.arn,
                lease.shard_id,
                "AFTER_SEQUENCE_NUMBER",
                SequenceNumber=to_wire(lease.checkpoint),
            )
            return
        lease.iterator = region.iterator(self.stream.arn, lease.shard_id, lease.kind)
        if lease.kind == "LATEST":
            # Whoever has no checkpoint when an iterator expires can only ask for LATEST again.
            lease.position = self._model.last_sequence
            self._excuse(lease)
        else:
            lease.forgiven = self.stream.trimmed_through(lease.shard_id)

    def _get_records(self, region: Region, lease: Lease, limit: int) -> dict[str, Any]:
        assert lease.iterator is not None
        is_expired = region.clock.now_ms() - lease.issued_ms > self._iterator_ms_max
        answer = region.call("GetRecords", ShardIterator=lease.iterator, Limit=limit)
        demand(not is_expired, f"{self.name}: an iterator lasts {self._iterator_ms_max} ms")
        demand(len(answer["Records"]) <= limit, f"{self.name}: a page holds {limit} records")
        return answer

    def _meet(
        self,
        error: DynamoDBError,
        region: Region,
        lease: Lease,
        refresh: Refresh,
    ) -> str:
        """Goes on behind an error, if it is one that may come here and now."""
        what = f"{self.name}: no {error.code} at {lease.position} of {lease.shard_id}"
        had_iterator, lease.iterator = lease.iterator is not None, None
        if error.code == "ExpiredIteratorException":
            is_expired = region.clock.now_ms() - lease.issued_ms > self._iterator_ms_max
            demand(had_iterator and is_expired, what)
        elif error.code == "TrimmedDataAccessException":
            self._meet_trimmed(had_iterator, lease, what)
        else:
            demand(error.code == "ResourceNotFoundException", f"{what}: {error.message}")
        was_stale = refresh(region)
        self.discover(region)
        if error.code == "ResourceNotFoundException":
            # Another process may have made what this one did not know of yet.
            demand(was_stale or lease.is_done, f"{what}: it is there")
        return f"meets {error.code} at {lease.position} of {lease.shard_id}"

    def _meet_trimmed(self, had_iterator: bool, lease: Lease, what: str) -> None:
        if had_iterator:
            behind = self.stream.between(lease.shard_id, lease.position)
            is_right = any(told.is_trimmed for told in behind) or self._is_empty(lease)
        else:
            # AWS says so too of a sequence number that is no longer there itself.
            at = self.stream.by_sequence.get(lease.checkpoint or 0)
            is_right = at is not None and at.is_trimmed
        demand(is_right, what)
        lease.checkpoint, lease.kind = None, "TRIM_HORIZON"

    def _is_empty(self, lease: Lease) -> bool:
        return all(told.is_trimmed for told in self.stream.of_shard(lease.shard_id))

    def _finish(self, region: Region, lease: Lease, refresh: Refresh) -> None:
        self._check_skipped(lease, None)
        lease.is_done = True
        if self._finds_children:
            refresh(region)
            shard_filter = {"Type": "CHILD_SHARDS", "ShardId": lease.shard_id}
            children = described_shards(
                region, self.stream.arn, self._random, ShardFilter=shard_filter
            )
            for child in children:
                demand(child.get("ParentShardId") == lease.shard_id, "children have their parent")
            self._take(children, region)

    def _give_up(self, lease: Lease) -> None:
        """The shard is no longer listed: nothing that is kept may have been in it."""
        for told in self.stream.between(lease.shard_id, lease.position):
            demand(told.is_trimmed, f"{self.name}: {told} is in a shard that is listed")
            self._excused.add(told.sequence)
        lease.is_done = True

    # --- what must hold ------------------------------------------------------------------------

    def _see(self, lease: Lease, record: dict[str, Any]) -> None:
        sequence = from_wire(record["dynamodb"]["SequenceNumber"])
        told = self.stream.by_sequence.get(sequence)
        demand(told is not None and told.body == record, f"{self.name}: {record} was written")
        assert told is not None
        demand(told.shard_id == lease.shard_id, f"{self.name}: {told} is in its shard")
        demand(sequence > lease.position, f"{self.name}: {told} comes once, not again")
        demand(sequence not in self._seen, f"{self.name}: {told} comes once")
        demand(not told.is_trimmed, f"{self.name}: {told} has been trimmed")
        demand(
            sequence > self._last_of[told.address], f"{self.name}: {told} comes in its item's order"
        )
        self._check_skipped(lease, sequence)
        self._last_of[told.address] = sequence
        self._seen.add(sequence)
        lease.position = lease.checkpoint = sequence

    def _check_skipped(self, lease: Lease, before: int | None) -> None:
        for told in self.stream.between(lease.shard_id, lease.position, before):
            is_forgiven = told.is_trimmed and told.sequence <= lease.forgiven
            demand(is_forgiven, f"{self.name}: {told} is not passed over without an error")
            self._excused.add(told.sequence)

    def _excuse(self, lease: Lease) -> None:
        """What the shard holds by now is not for who starts at LATEST."""
        self._excused |= {told.sequence for told in self.stream.of_shard(lease.shard_id)}
        lease.position = self._model.last_sequence

    def _check_all_seen(self) -> None:
        for told in self.stream.records:
            if told.sequence in self._seen or told.sequence in self._excused:
                continue
            may_miss = told.is_trimmed and self._may_miss(told)
            demand(may_miss, f"{self.name}: sees {told} in the end")

    def _may_miss(self, told: Told) -> bool:
        lease = self._leases.get(told.shard_id)
        return lease is None or told.sequence <= lease.forgiven
