"""The AWS CLI, unchanged, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import CREDENTIALS

from .tables import WireTable

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

AWS = Path(sys.executable).parent / "aws"
SERVICE_ERRORS = (254, 255)
"""How the CLI ends when the service has refused the request: version 2, and version 1."""

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


ORDERS = (
    *("--attribute-definitions", "AttributeName=customer,AttributeType=S"),
    *("AttributeName=at,AttributeType=N", "AttributeName=state,AttributeType=S"),
    *("--key-schema", "AttributeName=customer,KeyType=HASH", "AttributeName=at,KeyType=RANGE"),
    *("--billing-mode", "PAY_PER_REQUEST"),
    "--global-secondary-indexes",
    "IndexName=by-state,KeySchema=[{AttributeName=state,KeyType=HASH},"
    "{AttributeName=at,KeyType=RANGE}],Projection={ProjectionType=KEYS_ONLY}",
)


def order(customer: str, at: int, **more: Any) -> dict[str, Any]:
    return {"customer": {"S": customer}, "at": {"N": str(at)}, **more}


@pytest.fixture
def orders(
    environment: dict[str, str], dynamodb: DynamoDBClient, tmp_path: Path
) -> Iterator[WireTable]:
    """A table that the CLI has made and waited for, with five orders of ada's from a file."""
    name = f"pelton-cli-orders-{os.getpid()}"
    table = WireTable(dynamodb, name)
    try:
        answer(environment, "dynamodb", "create-table", "--table-name", name, *ORDERS)
        answer(environment, "dynamodb", "wait", "table-exists", "--table-name", name)
        puts = [{"PutRequest": {"Item": order("ada", at, state={"S": "new"})}} for at in range(5)]
        path = tmp_path / "orders.json"
        path.write_text(json.dumps({name: puts}))
        batch = ("--request-items", f"file://{path}")
        assert answer(environment, "dynamodb", "batch-write-item", *batch) == {
            "UnprocessedItems": {}
        }
        yield table
    finally:
        table.drop()


def test_queries_and_scans_come_in_pages(environment: dict[str, str], orders: WireTable) -> None:
    named = ("--table-name", orders.name)
    condition = (
        *("--key-condition-expression", "customer = :c and #at > :low"),
        *("--expression-attribute-names", '{"#at": "at"}'),
        *("--expression-attribute-values", '{":c": {"S": "ada"}, ":low": {"N": "0"}}'),
    )
    # Two pages of two: the CLI follows LastEvaluatedKey by itself.
    paged = ("--page-size", "2", "--no-scan-index-forward")
    found = answer(environment, "dynamodb", "query", *named, *condition, *paged)
    assert [item["at"]["N"] for item in found["Items"]] == ["4", "3", "2", "1"]
    assert (found["Count"], found["ScannedCount"]) == (4, 4)

    of_state = (
        *("--index-name", "by-state", "--key-condition-expression", "#s = :new"),
        *("--expression-attribute-names", '{"#s": "state"}'),
        *("--expression-attribute-values", '{":new": {"S": "new"}}', "--select", "COUNT"),
    )
    assert answer(environment, "dynamodb", "query", *named, *of_state)["Count"] == 5

    first = answer(environment, "dynamodb", "scan", *named, "--max-items", "2")
    assert [item["at"]["N"] for item in first["Items"]] == ["0", "1"]
    token = ("--starting-token", first["NextToken"])
    rest = answer(environment, "dynamodb", "scan", *named, *token)
    assert [item["at"]["N"] for item in rest["Items"]] == ["2", "3", "4"]
    assert "NextToken" not in rest


def test_writes_by_expression_transaction_and_statement(
    environment: dict[str, str], orders: WireTable, tmp_path: Path
) -> None:
    named = ("--table-name", orders.name)
    update = (
        *("--key", json.dumps(order("ada", 0))),
        *("--update-expression", "SET #s = :paid ADD price :sum"),
        *("--condition-expression", "attribute_exists(customer) AND #s = :new"),
        *("--expression-attribute-names", '{"#s": "state"}'),
        "--expression-attribute-values",
        '{":paid": {"S": "paid"}, ":new": {"S": "new"}, ":sum": {"N": "12.50"}}',
    )
    changed = answer(
        environment, "dynamodb", "update-item", *named, *update, "--return-values", "UPDATED_NEW"
    )
    assert changed == {"Attributes": {"state": {"S": "paid"}, "price": {"N": "12.5"}}}

    refused = aws(environment, "dynamodb", "update-item", *named, *update)
    assert words_of(refused) == (
        "An error occurred (ConditionalCheckFailedException) when calling the UpdateItem "
        "operation: The conditional request failed"
    )

    path = tmp_path / "transaction.json"
    items = [
        {"Delete": {"TableName": orders.name, "Key": order("ada", 1)}},
        {"Put": {"TableName": orders.name, "Item": order("bob", 1)}},
        {
            "ConditionCheck": {
                "TableName": orders.name,
                "Key": order("ada", 0),
                "ConditionExpression": "attribute_exists(customer)",
            }
        },
    ]
    path.write_text(json.dumps(items))
    transaction = ("transact-write-items", "--transact-items", f"file://{path}")
    answer(environment, "dynamodb", *transaction)
    assert (orders.get(order("ada", 1)), orders.get(order("bob", 1))) == (None, order("bob", 1))

    items[2]["ConditionCheck"]["ConditionExpression"] = "attribute_not_exists(customer)"
    path.write_text(json.dumps(items))
    assert words_of(aws(environment, "dynamodb", *transaction)) == (
        "An error occurred (TransactionCanceledException) when calling the TransactWriteItems "
        "operation: Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, None, ConditionalCheckFailed]"
    )

    statement = f'SELECT customer, price FROM "{orders.name}" WHERE customer = ? AND at = ?'
    parameters = ("--parameters", '[{"S": "ada"}, {"N": "0"}]')
    selected = answer(
        environment, "dynamodb", "execute-statement", "--statement", statement, *parameters
    )
    assert selected["Items"] == [{"customer": {"S": "ada"}, "price": {"N": "12.5"}}]


def test_a_table_is_set_up_and_deleted(environment: dict[str, str], orders: WireTable) -> None:
    named = ("--table-name", orders.name)
    ttl = ("--time-to-live-specification", "Enabled=true,AttributeName=expires")
    answer(environment, "dynamodb", "update-time-to-live", *named, *ttl)
    described = answer(environment, "dynamodb", "describe-time-to-live", *named)
    assert described["TimeToLiveDescription"]["AttributeName"] == "expires"

    resource = ("--resource-arn", orders.describe()["TableArn"])
    answer(environment, "dynamodb", "tag-resource", *resource, "--tags", "Key=team,Value=shop")
    listed = answer(environment, "dynamodb", "list-tags-of-resource", *resource)
    assert listed == {"Tags": [{"Key": "team", "Value": "shop"}]}

    deleted = answer(environment, "dynamodb", "delete-table", *named)
    assert deleted["TableDescription"]["TableStatus"] == "DELETING"
    answer(environment, "dynamodb", "wait", "table-not-exists", *named)
    assert words_of(aws(environment, "dynamodb", "describe-table", *named)) == (
        "An error occurred (ResourceNotFoundException) when calling the DescribeTable operation: "
        f"Requested resource not found: Table: {orders.name} not found"
    )


def words_of(refused: subprocess.CompletedProcess[str]) -> str:
    """What a failed command says; newer versions of the CLI put its name before it."""
    assert refused.returncode in SERVICE_ERRORS
    assert refused.stdout == ""
    return refused.stderr.strip().removeprefix("aws: [ERROR]: ")


def test_an_error_is_told(environment: dict[str, str], table: WireTable) -> None:
    wrong = ("--key", '{"other": {"S": "x"}}')
    finished = aws(environment, "dynamodb", "get-item", "--table-name", table.name, *wrong)
    assert words_of(finished) == (
        "An error occurred (ValidationException) when calling the GetItem operation: "
        "The provided key element does not match the schema"
    )
