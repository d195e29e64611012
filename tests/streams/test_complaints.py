"""What users of other streams complained about, each as a test: reading by the API.

The issue that a test is named after is another project's; its docstring says which.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

from tests.region import Answer, N, Region, S

HOUR = 3600


class Consumer:
    """A plain consumer of the Streams API, as the developer guide describes one.

    Reads each shard from its beginning once its parent has ended, and begins anew behind the last
    record it has seen when its iterator has expired.
    """

    def __init__(self, region: Region, arn: str) -> None:
        self.region = region
        self.arn = arn
        self.seen: list[Answer] = []
        self._iterators: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._ended: set[str] = set()

    def poll(self) -> list[Answer]:
        """One round over all shards there are; returns the records that were new."""
        before = len(self.seen)
        for shard in self._shards():
            parent = shard.get("ParentShardId")
            if shard["ShardId"] in self._ended or (parent and parent not in self._ended):
                continue
            self._read(shard["ShardId"])
        return self.seen[before:]

    def _shards(self) -> Iterator[Answer]:
        more: Answer = {}
        while True:
            request = {"StreamArn": self.arn, "Limit": 3, **more}
            page = self.region.call("DescribeStream", **request)["StreamDescription"]
            yield from page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return
            more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def _read(self, shard_id: str) -> None:
        iterator = self._iterators.get(shard_id) or self._fresh(shard_id)
        while True:
            answer = self._records(shard_id, iterator)
            for record in answer["Records"]:
                self._last[shard_id] = record["dynamodb"]["SequenceNumber"]
            self.seen += answer["Records"]
            if "NextShardIterator" not in answer:
                self._ended.add(shard_id)
                return
            iterator = self._iterators[shard_id] = answer["NextShardIterator"]
            if not answer["Records"]:
                return

    def _records(self, shard_id: str, iterator: str) -> Answer:
        try:
            return self.region.call("GetRecords", ShardIterator=iterator, Limit=2)
        except Exception as error:
            assert type(error).__name__ == "ExpiredIteratorException"
            return self.region.call("GetRecords", ShardIterator=self._fresh(shard_id), Limit=2)

    def _fresh(self, shard_id: str) -> str:
        if shard_id in self._last:
            after = self._last[shard_id]
            return self.region.iterator(
                self.arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=after
            )
        return self.region.iterator(self.arn, shard_id)

    def numbers(self) -> list[int]:
        return [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in self.seen]


def put(region: Region, number: int, key: str = "a") -> None:
    region.put({"id": S(key), "n": N(number)})


def test_a_fresh_table_has_nothing_trimmed(region: Region) -> None:
    """aws-sdk-java#2923: TrimmedDataAccessException at the first record of an empty table."""
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    (shard,) = region.shards(arn)
    starting = shard["SequenceNumberRange"]["StartingSequenceNumber"]
    iterators = [
        region.iterator(arn, shard["ShardId"], "LATEST"),
        region.iterator(arn, shard["ShardId"], "TRIM_HORIZON"),
        region.iterator(arn, shard["ShardId"], "AT_SEQUENCE_NUMBER", SequenceNumber=starting),
    ]
    region.streams.trim()
    put(region, 1)
    for iterator in iterators:
        records, _ = region.read(iterator)
        assert [record["eventName"] for record in records] == ["INSERT"]


def test_a_consumer_goes_on_for_days(region: Region) -> None:
    """serverless-plugins#154, #164: "Invalid ShardId in ShardIterator" after a day or two, then a
    hang. node-dynamodb-stream#8: "shard doesn't exist" for good after two days.
    """
    region.create(stream="NEW_IMAGE")
    consumer = Consumer(region, region.stream_arn())
    for hour in range(72):
        put(region, hour)
        consumer.poll()
        region.clock.advance(seconds=HOUR)
        region.streams.roll_aged()
        region.streams.trim()
    assert consumer.numbers() == list(range(72))
    assert len(region.shards(region.stream_arn())) < 12, "old shards are gone"


def test_nothing_is_lost_and_nothing_twice_where_shards_roll_and_split(region: Region) -> None:
    """camel PR#24861, kafka-connect-dynamodb#21, estuary/connectors PR#3418: records missed around
    the close of a shard. dynamodb-streams-kinesis-adapter#40: idle after the end of a shard.
    """
    region.create(stream="NEW_IMAGE", write_units=3000)
    consumer = Consumer(region, region.stream_arn())
    for number in range(60):
        put(region, number, key=f"k{number % 7}")
        if number % 3 == 0:
            consumer.poll()
        if number % 5 == 0:
            region.clock.advance(seconds=1.5 * HOUR)
        if number % 11 == 0:
            region.streams.roll_aged()
    while consumer.poll():
        pass
    assert sorted(consumer.numbers()) == list(range(60))
    for key in range(7):
        of_key = [number for number in consumer.numbers() if number % 7 == key]
        assert of_key == sorted(of_key)


def test_an_expired_iterator_is_replaced_without_a_gap(region: Region) -> None:
    """redpanda-data/connect PR#4545, node-dynamodb-stream PR#5: an expired iterator loops for ever,
    or a new one begins at the wrong place.
    """
    region.create(stream="NEW_IMAGE")
    consumer = Consumer(region, region.stream_arn())
    for number in range(8):
        put(region, number)
        consumer.poll()
        region.clock.advance(seconds=16 * 60)
    assert consumer.numbers() == list(range(8))


def test_partiql_leaves_records_with_ids(region: Region) -> None:
    """localstack#6507: PartiQL writes emit nothing. localstack#5957: eventID is null."""
    region.create(stream="KEYS_ONLY")
    for text in (
        "INSERT INTO things VALUE {'id': 'a'}",
        "UPDATE things SET v = 1 WHERE id = 'a'",
        "DELETE FROM things WHERE id = 'a'",
    ):
        region.call("ExecuteStatement", Statement=text)
    records = region.records()
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert len({record["eventID"] for record in records}) == 3
    assert all(record["eventID"] for record in records)


def test_a_record_is_there_when_the_write_is_answered(region: Region) -> None:
    """scylladb#6929: records come 10 seconds late. scylladb#6918, #6930: wrong kinds of events."""
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    (shard,) = region.shards(arn)
    at = region.iterator(arn, shard["ShardId"])
    seen = []
    for write in (
        lambda: put(region, 1),
        lambda: put(region, 1),
        lambda: put(region, 2),
        lambda: region.delete({"id": S("a")}),
        lambda: region.delete({"id": S("a")}),
    ):
        write()
        records, next_at = region.read(at)
        assert next_at is not None
        at = next_at
        seen.append([record["eventName"] for record in records])
    assert seen == [["INSERT"], [], ["MODIFY"], ["REMOVE"], []]


def test_a_small_table_has_few_shards(region: Region) -> None:
    """scylladb#13080: hundreds of shards for a table with one item."""
    region.create(stream="KEYS_ONLY")
    put(region, 1)
    assert len(region.shards(region.stream_arn())) == 1


def test_sequence_numbers_compare_as_integers_and_shards_list_in_order(region: Region) -> None:
    """scylladb#7424, #7158, #7409: numbers that are no numbers, and shards out of order."""
    region.create(stream="NEW_IMAGE")
    for number in range(12):
        put(region, number)
        region.clock.advance(seconds=2 * HOUR)
    sequences = [record["dynamodb"]["SequenceNumber"] for record in region.records()]
    assert all(text.isdecimal() for text in sequences)
    assert all(int(one) < int(other) for one, other in pairwise(sequences))
    ids = [shard["ShardId"] for shard in region.shards(region.stream_arn())]
    assert ids == sorted(ids)
    assert len(ids) == len(set(ids)) > 3


def test_writers_at_once_lose_no_record(region: Region) -> None:
    """localstack#3338: records dropped under load."""
    region.create(stream="NEW_IMAGE", write_units=3000)

    def write(writer: int) -> None:
        for number in range(50):
            put(region, number, key=f"w{writer}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen: dict[str, list[int]] = {}
    for record in region.records():
        image = record["dynamodb"]["NewImage"]
        seen.setdefault(image["id"]["S"], []).append(int(image["n"]["N"]))
    assert seen == {f"w{writer}": list(range(50)) for writer in range(6)}


def test_equal_maps_in_another_order_are_no_change(region: Region) -> None:
    """scylladb#27375: a map whose members come in another order makes a record."""
    region.create(stream="KEYS_ONLY")
    region.put({"id": S("a"), "m": {"M": {"x": N(1), "y": N(2)}}})
    region.put({"id": S("a"), "m": {"M": {"y": N(2), "x": N(1)}}})
    assert len(region.records()) == 1
