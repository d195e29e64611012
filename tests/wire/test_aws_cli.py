"""The AWS CLI, unchanged, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import CREDENTIALS

from .tables import WireTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

AWS = Path(sys.executable).parent / "aws"
KEY = '{"id": {"S": "x"}}'


@pytest.fixture
def environment(endpoint: str | None, tmp_path: Path) -> dict[str, str]:
    """The CLI's environment: credentials that are nobody's, unless the tests run against AWS."""
    if endpoint is None:
        return dict(os.environ)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_MAX_ATTEMPTS": "1",
    }


def aws(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AWS), *arguments, "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def answer(environment: dict[str, str], *arguments: str) -> Any:
    finished = aws(environment, *arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout) if finished.stdout else None


CREATION = (
    *("--attribute-definitions", "AttributeName=id,AttributeType=S"),
    *("--key-schema", "AttributeName=id,KeyType=HASH"),
    *("--billing-mode", "PAY_PER_REQUEST"),
    *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE"),
)


def test_a_table_its_items_and_its_stream(
    environment: dict[str, str],
    dynamodb: DynamoDBClient,
    dynamodbstreams: DynamoDBStreamsClient,
) -> None:
    name = f"pelton-cli-{os.getpid()}"

    def table(operation: str, *arguments: str) -> Any:
        return answer(environment, "dynamodb", operation, "--table-name", name, *arguments)

    def stream(operation: str, *arguments: str) -> Any:
        return answer(environment, "dynamodbstreams", operation, *arguments)

    try:
        created = table("create-table", *CREATION)["TableDescription"]
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        item = {"id": {"S": "x"}, "n": {"N": "1.5"}, "tags": {"L": [{"BOOL": True}]}}
        table("put-item", "--item", json.dumps(item))
        assert table("get-item", "--key", KEY, "--consistent-read") == {"Item": item}

        (listed,) = stream("list-streams", "--table-name", name)["Streams"]
        arn = listed["StreamArn"]
        assert arn == created["LatestStreamArn"]
        described = stream("describe-stream", "--stream-arn", arn)["StreamDescription"]
        shard = shard_with_records(dynamodbstreams, arn)
        assert shard in [each["ShardId"] for each in described["Shards"]]
        position = ("--stream-arn", arn, "--shard-id", shard)
        oldest = stream("get-shard-iterator", *position, "--shard-iterator-type", "TRIM_HORIZON")
        (record,) = stream("get-records", "--shard-iterator", oldest["ShardIterator"])["Records"]
        assert (record["eventName"], record["dynamodb"]["NewImage"]) == ("INSERT", item)
    finally:
        WireTable(dynamodb, name).drop()


def shard_with_records(client: DynamoDBStreamsClient, arn: str) -> str:
    """The one shard that has any; found without the CLI, whose every process takes a second."""
    (found,) = [
        shard["ShardId"]
        for shard in client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        if client.get_records(
            ShardIterator=client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        )["Records"]
    ]
    return found


def test_an_error_is_told(environment: dict[str, str], table: WireTable) -> None:
    wrong = ("--key", '{"other": {"S": "x"}}')
    finished = aws(environment, "dynamodb", "get-item", "--table-name", table.name, *wrong)
    assert finished.returncode != 0
    assert "(ValidationException)" in finished.stderr
    assert "The provided key element does not match the schema" in finished.stderr
