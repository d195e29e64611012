"""The lineage of a stream's shards: which came of which, and what each of them holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..engine.storage import Reader
from .shards import Shard

if TYPE_CHECKING:
    from .streams import Streams

Tokens = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """What is known of one shard at one moment."""

    shard: Shard
    fork: int
    """How many splits lie between the shard and the first of its lineage that is still known."""
    state: str
    """open; rolled or split, where it has a child or two; ended, with its stream."""
    tokens: Tokens | None
    """The first and the last token of its partition; None where the table is gone."""
    records: int
    """How many are kept."""
    first_ms: int | None
    last_ms: int | None
    """When the first and the last record were made that are kept."""
    age_seconds: float
    """How long ago it was opened."""
    records_per_second: float
    """How many it took a second while it was open, over the records that are kept."""

    @property
    def is_trimmed(self) -> bool:
        """Whether records of it have been dropped."""
        return self.shard.trimmed_seq > 0


def trace_lineage(streams: Streams, stream_arn: str) -> list[ShardFacts]:
    """The shards of a stream, each behind its parent; the line of one partition stays together.

    Siblings stand in the order of their tokens. Empty where the stream has gone.
    """
    now_ms = streams.database.clock.now_ms()

    def look(reader: Reader) -> list[ShardFacts]:
        shards = streams.shards.stored_of(reader, stream_arn)
        children: dict[str | None, list[Shard]] = {}
        known = {shard.shard_id for shard in shards}
        for shard in shards:
            parent = shard.parent_id if shard.parent_id in known else None
            children.setdefault(parent, []).append(shard)
        facts: list[ShardFacts] = []
        waiting = [(shard, 0) for shard in reversed(children.get(None, []))]
        while waiting:
            shard, fork = waiting.pop()
            heirs = children.get(shard.shard_id, [])
            facts.append(_facts_of(reader, shard, fork, heirs, now_ms))
            deeper = fork + (len(heirs) > 1)
            waiting += [(heir, deeper) for heir in reversed(heirs)]
        return _with_tokens(facts, _partition_tokens(streams, reader, stream_arn))

    return streams.database.store.read(look)


def _facts_of(
    reader: Reader, shard: Shard, fork: int, heirs: list[Shard], now_ms: int
) -> ShardFacts:
    ends = reader.log_ends(shard.number)
    records = 0 if ends is None else reader.log_count(shard.number)
    since_ms = shard.created_ms if ends is None or not shard.trimmed_seq else ends[0].at_ms
    until_ms = now_ms if shard.closed_ms is None else shard.closed_ms
    state = ("ended", "rolled", "split")[min(len(heirs), 2)] if not shard.is_open else "open"
    return ShardFacts(
        shard=shard,
        fork=fork,
        state=state,
        tokens=None,
        records=records,
        first_ms=ends[0].at_ms if ends else None,
        last_ms=ends[1].at_ms if ends else None,
        age_seconds=max(0, now_ms - shard.created_ms) / 1000,
        records_per_second=records * 1000 / max(1000, until_ms - since_ms),
    )


def _partition_tokens(streams: Streams, reader: Reader, stream_arn: str) -> dict[int, Tokens]:
    """The tokens of the partitions that the stream's table has now."""
    stream = streams.streams.stored(reader, stream_arn)
    table = None if stream is None else streams.database.catalog.tables.get(stream.table_name)
    if (
        stream is None or table is None or table.created_ms > stream.created_ms
    ):  # another table of the same name
        return {}
    return {each.number: (each.token_low, each.token_high) for each in table.partitions}


def _with_tokens(facts: list[ShardFacts], partitions: dict[int, Tokens]) -> list[ShardFacts]:
    """A partition that was split is gone; it had what its halves have."""
    found: dict[str, Tokens] = {}
    inherited: dict[str | None, list[Tokens]] = {}
    for each in reversed(facts):  # children before parents
        shard = each.shard
        halves = inherited.get(shard.shard_id)
        tokens = partitions.get(shard.partition)
        if tokens is None and halves:
            tokens = min(low for low, _ in halves), max(high for _, high in halves)
        if tokens is not None:
            found[shard.shard_id] = tokens
            inherited.setdefault(shard.parent_id, []).append(tokens)
    return [replace(each, tokens=found.get(each.shard.shard_id)) for each in facts]
