"""The witness: looks into the log behind every step and holds it against the model at once."""

from __future__ import annotations

import orjson

from pelton.streams import Record, Shard, Streams, to_wire
from tests.model_writes import plain_item
from tests.region import Region

from .following import Followers
from .model import Model, StreamModel, Told, demand

SLICE_RECORDS = 1000


class Witness:
    """Learns the sequence of each record, in the order of commits; finds any that should not be."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._group_of: dict[int, int] = {}
        self._transaction_of: dict[int, int] = {}
        self._event_ids: set[str] = set()
        self.latest_ms = 0
        """The latest that any clock has ever shown."""

    def see_new(self, region: Region) -> None:
        """Each stream has exactly the records that are new in the model, and they are right.

        The region is one that knows of every commit.
        """
        before = self._model.last_sequence
        for stream in self._model.streams_kept():
            expected = [told for told in stream.records if not told.sequence]
            if not expected and stream.disabled_ms is not None:
                continue
            found = records_behind(region.streams, stream.arn, before)
            told_of = [(shard.shard_id, record.sequence) for shard, record in found]
            demand(
                len(found) == len(expected),
                f"{stream.arn}: {len(expected)} new records, not {told_of}",
            )
            for told, (shard, record) in zip(expected, found, strict=True):
                self._bind(stream, told, shard, record)

    def see_trimmed(
        self, region: Region, before_ms: int, followers: Followers, *, is_exact: bool
    ) -> None:
        """Of each shard the records up to the first that is not older than `before_ms` have gone.

        Those that a handler pins have not, and none behind them. Where it is not to be exact, fewer
        may have gone.
        """
        pinned = followers.pinned(region)
        for stream in self._model.streams_kept():
            takes_all = is_exact and not followers.has_pin_on(stream)
            shards = {shard.shard_id: shard for shard in region.streams.shards_of(stream.arn)}
            for shard_id, records in stream.by_shard.items():
                kept: set[int] = set()
                if shard_id in shards:
                    kept = {each.sequence for each in read_all(region.streams, shards[shard_id])}
                self._compare(records, kept, before_ms, is_exact=takes_all)
                demand(
                    not any(each.is_trimmed and each.sequence in pinned for each in records),
                    f"{shard_id}: what a handler pins is kept",
                )
            is_listed = stream.arn in region.streams.streams.by_arn
            if not is_listed:
                self._check_removal(stream, before_ms)
                stream.is_gone = True

    def _bind(self, stream: StreamModel, told: Told, shard: Shard, record: Record) -> None:
        told.sequence, told.shard_id, told.at_ms = record.sequence, shard.shard_id, record.at_ms
        told.body = body = orjson.loads(record.body)
        data = body["dynamodb"]
        what = f"the record of {told}"
        names = {"INSERT": told.old is None, "REMOVE": told.new is None}
        expected = next((name for name, holds in names.items() if holds), "MODIFY")
        demand(body["eventName"] == expected == record.event_name, f"{what} is an {expected}")
        demand(data["SequenceNumber"] == to_wire(record.sequence), f"{what} has its number")
        _, partition, sort = told.address
        demand(plain_item(data["Keys"]) == {"id": partition, "sk": sort}, f"{what} has its key")
        for member, image in (("NewImage", told.new), ("OldImage", told.old)):
            is_shown = member[:3].upper() in stream.view_type.split("_") and image is not None
            shown = plain_item(data[member]) if member in data else None
            demand(shown == (image if is_shown else None), f"{what} shows its {member}")
        demand(body["eventID"] not in self._event_ids, f"{what} has an id of its own")
        self._event_ids.add(body["eventID"])
        demand(told.written_ms <= told.at_ms <= self.latest_ms, f"{what} has its time")
        demand(data["ApproximateCreationDateTime"] == told.at_ms // 1000, f"{what} shows its time")
        last = self._model.last_sequence
        group = self._group_of.setdefault(record.transaction, told.group)
        transaction = self._transaction_of.setdefault(told.group, record.transaction)
        demand(
            (group, transaction) == (told.group, record.transaction),
            f"{what} shares its transaction with those of its request alone",
        )
        end = shard.end_seq if shard.end_seq is not None else record.sequence
        demand(shard.start_seq <= record.sequence <= end, f"{what} is in its shard's range")
        newest = max((each.at_ms for each in stream.of_shard(told.shard_id)), default=0)
        demand(told.at_ms >= newest, f"{what} is no older than those before it in its shard")
        self._model.last_sequence = max(last, record.sequence)
        stream.bind(told)

    def _compare(
        self, records: list[Told], kept: set[int], before_ms: int, *, is_exact: bool
    ) -> None:
        is_prefix = True
        for told in records:
            is_kept = told.sequence in kept
            is_prefix = is_prefix and told.at_ms < before_ms
            if told.is_trimmed:
                demand(not is_kept, f"{told} stays trimmed")
                continue
            if not is_kept:
                demand(is_prefix, f"{told} is kept: it, or one before it, is young enough")
                told.is_trimmed = True
            elif is_exact:
                demand(not is_prefix, f"{told} is trimmed: it is too old")

    def _check_removal(self, stream: StreamModel, before_ms: int) -> None:
        demand(
            stream.disabled_ms is not None and stream.disabled_ms < before_ms,
            f"{stream.arn} is listed for as long as records are kept behind its end",
        )


def records_behind(streams: Streams, arn: str, sequence: int) -> list[tuple[Shard, Record]]:
    """All records of a stream behind a sequence, in commit order, each with its shard."""
    found: list[tuple[Shard, Record]] = []
    for shard in streams.shards_of(arn):
        if shard.end_seq is None or shard.end_seq > sequence:
            found += [(shard, each) for each in read_all(streams, shard, sequence)]
    return sorted(found, key=lambda each: each[1].sequence)


def read_all(streams: Streams, shard: Shard, after: int = 0) -> list[Record]:
    records: list[Record] = []
    after = max(after, streams.trim_horizon(shard))
    while True:
        found = streams.read(shard, after, SLICE_RECORDS).records
        records += found
        if not found:
            return records
        after = found[-1].sequence
