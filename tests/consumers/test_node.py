"""Readers from npm. Two of them lose changes where shards end, and it is shown to be their own
doing: which shard each lost change lies in is read by the plain API, and what they asked for is in
the server's log.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .consumer import DRIVERS, Consumer
from .installing import node, node_modules
from .source import TABLE, Change, Source, assert_read_once_in_order, missing
from .tale import TURNS, take_turn, tell, tell_in_haste

pytestmark = [
    pytest.mark.consumers,
    pytest.mark.skipif(node() is None, reason="no node and npm on the PATH"),
]


def reading(driver: str, *arguments: str, cwd: Path | None = None) -> Consumer:
    command = [str(node()), str(DRIVERS / f"{driver}.js"), *arguments]
    return Consumer(command, cwd, NODE_PATH=str(node_modules()))


def test_the_sdk_for_javascript_reads_every_change_once_and_in_order(source: Source) -> None:
    source.write(50)
    with reading("read_sdk", source.url, source.stream_arn) as consumer:
        tell(source, consumer, 2 * TURNS)
        tell_in_haste(source, consumer, TURNS)
        consumer.stop()
        assert_read_once_in_order(source.history, consumer.changes)


def test_serverless_offline_reads_all_of_the_shards_that_were_there_when_it_began(
    source: Source, tmp_path: Path
) -> None:
    source.write(50)
    source.split()
    source.write(50)
    with reading("read_offline", source.url, TABLE, cwd=tmp_path) as consumer:
        consumer.wait_for(source.history)
        source.write(50)
        consumer.wait_for(source.history)
        for number in range(TURNS):
            take_turn(source, number)
        consumer.end()  # All that it reads has ended, and it never looks for children.
    asked = {each.members["ShardId"] for each in source.asked("GetShardIterator")}
    assert len(source.asked("DescribeStream")) == 1 + len(asked)
    shards = source.shards()
    assert_all_is_there(source, shards)
    reached = [change for shard in shards if shard in asked for change in shards[shard]]
    assert_read_once_in_order(reached, consumer.changes)
    lost = missing(source.history, consumer.changes)
    assert lost == missing(source.history, reached)
    assert len(lost) > 100
    # Started again it takes up the children, behind what its checkpoints say it has read; it reads
    # them beside their parents, so the changes of an item may come in another order.
    with reading("read_offline", source.url, TABLE, cwd=tmp_path) as again:
        again.wait_for(lost)
        assert Counter(consumer.changes + again.changes) == Counter(source.history)


def test_dynamodb_stream_reads_all_that_comes_after_it_has_met_a_shard(source: Source) -> None:
    with reading("read_polling", source.url, source.stream_arn) as consumer:
        consumer.ask("meets the first shard")
        for number in range(2 * TURNS):
            take_turn(source, number)
            consumer.ask(f"reads the end of the old shards and meets the new, {number}")
            source.write(40)
            consumer.ask(f"reads the new shards, {number}")
        consumer.stop()
    asked = source.asked("GetShardIterator")
    assert {each.members["ShardIteratorType"] for each in asked} == {"LATEST"}
    # It asks for closed shards again and again, which gives it nothing: the first time counts.
    met = {each.members["ShardId"]: each for each in reversed(asked)}
    shards = source.shards()
    assert_all_is_there(source, shards)
    at = {change: number for number, change in enumerate(source.history)}
    reached = [
        change
        for shard, changes in shards.items()
        if shard in met
        for change in changes
        if at[change] >= met[shard].written
    ]
    assert_read_once_in_order(reached, consumer.changes)
    lost = missing(source.history, consumer.changes)
    assert lost == missing(source.history, reached)
    assert len(lost) > 100


def assert_all_is_there(source: Source, shards: dict[str, list[Change]]) -> None:
    """The shards hold every change once, those of an item in the order they were made."""
    held = [change for changes in shards.values() for change in changes]
    assert_read_once_in_order(source.history, held)
