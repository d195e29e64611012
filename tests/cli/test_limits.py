"""`pelton serve --limit`: AWS's limits, changed for tests and demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pelton import PartitionLimits, StreamLimits
from pelton.cli.failure import CommandError
from pelton.cli.limits import limits_of
from tests.conftest import client_of

from .conftest import Run
from .processes import Command


def test_limits_go_where_they_belong() -> None:
    options = ["shard_seconds_max=0.5", "write_units_max=10", "retention_seconds=10"]
    assert limits_of(options) == (
        PartitionLimits(write_units_max=10),
        StreamLimits(shard_seconds_max=0.5, retention_seconds=10),
    )
    assert limits_of([]) == (PartitionLimits(), StreamLimits())


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("shard_seconds=1", "there is no such limit, only read_units_max, .*retention_seconds"),
        ("write_units_max=1.5", "write_units_max is a whole number"),
        ("retention_seconds", "retention_seconds is a number, as in retention_seconds=1"),
        ("retention_seconds=0", "retention_seconds is greater than 0, not 0"),
        ("retention_seconds=nan", "retention_seconds is greater than 0, not nan"),
    ],
)
def test_a_wrong_limit_is_told(option: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        limits_of([option])


def test_the_command_tells_of_it_before_it_serves(run: Run) -> None:
    code, _, complaint = run("serve", "--limit", "speed=1")
    assert code == 1
    assert complaint.startswith("pelton: --limit speed: there is no such limit, only ")


def test_a_server_rolls_shards_without_writes(tmp_path: Path) -> None:
    arguments = ("serve", "--port", "0", "--limit", "shard_seconds_max=0.2")
    with Command(*arguments, cwd=tmp_path) as command:
        url = command.line().split(" at ")[1]
        tables, streams = (client_of(kind, url) for kind in ("dynamodb", "dynamodbstreams"))
        made = tables.create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        arn = made["TableDescription"]["LatestStreamArn"]
        shards: list[Any] = []
        while len(shards) < 3:  # the test's own time limit ends this
            described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
            shards = described["Shards"]
        for parent, child in zip(shards, shards[1:], strict=False):
            assert child["ParentShardId"] == parent["ShardId"]
        assert command.stop() == (0, "", "")
