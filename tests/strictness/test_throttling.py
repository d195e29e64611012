"""Throttling: what a second, a burst and a partition allow, and how each operation says no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pelton.engine import Strictness
from pelton.engine.errors import ThrottledError, TransactionCanceledException
from pelton.engine.keys import encode_part, token_of
from pelton.engine.partitions import PartitionLimits
from pelton.engine.partitions.splitting import split_partition
from pelton.engine.strictness.throttling import (
    INDEX_BUSY,
    INDEX_EXCEEDED,
    MAXIMUM_EXCEEDED,
    TABLE_BUSY,
    TABLE_EXCEEDED,
)
from tests.region import N, Region, S, index

from .conftest import SteppingClock

PROVISIONED = ("ProvisionedThroughputExceededException", TABLE_EXCEEDED)
ON_DEMAND = ("ThrottlingException", TABLE_BUSY)


@pytest.fixture
def strict(region: Region) -> Region:
    """Throttles, with a table of 1 read and 1 write unit a second."""
    region.database.strictness = Strictness(throttles=True)
    region.create()
    return region


def on_demand(region: Region, name: str = "wide", **more: Any) -> None:
    region.call(
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def token(name: str) -> int:
    return token_of(encode_part("S", name))


def writes_until_refused(region: Region, name: str, size_bytes: int = 10) -> int:
    """How many items of one partition key are taken before the first that is not."""
    item = {"id": S("a"), "text": S("x" * (size_bytes - 7))}
    for count in range(10_000):
        try:
            region.put(item, name)
        except ThrottledError:
            return count
    raise AssertionError("nothing was refused")


def refused_put(region: Region, name: str = "things", **item: Any) -> tuple[str, str]:
    return region.refusal("PutItem", TableName=name, Item={"id": S("a"), **item})


def test_a_provisioned_table_takes_its_units_a_second(strict: Region) -> None:
    strict.put({"id": S("a")})
    assert refused_put(strict) == PROVISIONED
    strict.clock.advance(seconds=0.999)
    assert refused_put(strict) == PROVISIONED
    strict.clock.advance(seconds=0.001)
    strict.put({"id": S("a")})
    assert refused_put(strict) == PROVISIONED


def test_what_was_not_used_is_kept_for_300_seconds(strict: Region) -> None:
    strict.put({"id": S("a")})
    strict.clock.advance(seconds=10)
    assert writes_until_refused(strict, "things") == 10
    strict.clock.advance(seconds=1_000)
    assert writes_until_refused(strict, "things") == 300


def test_a_table_that_was_there_has_what_it_could_have_kept(region: Region) -> None:
    region.create()
    region.clock.advance(seconds=20)
    region.database.strictness = Strictness(throttles=True)
    assert writes_until_refused(region, "things") == 21


def test_a_large_item_is_taken_by_a_small_table_which_then_owes(strict: Region) -> None:
    strict.put({"id": S("a"), "text": S("x" * 5_000)})  # 5 units: 4 are owed.
    strict.clock.advance(seconds=4)
    assert refused_put(strict) == PROVISIONED
    strict.clock.advance(seconds=1)
    strict.put({"id": S("a")})  # 5 units again, for the item that goes.


def test_reads_have_a_capacity_of_their_own(strict: Region) -> None:
    strict.put({"id": S("a")})
    request = {"TableName": "things", "Key": {"id": S("a")}}
    strict.call("GetItem", **request)  # Half a unit each.
    strict.call("GetItem", **request)
    assert strict.refusal("GetItem", **request) == PROVISIONED
    strict.clock.advance(seconds=0.5)
    assert strict.refusal("GetItem", **request, ConsistentRead=True) == PROVISIONED
    strict.call("GetItem", **request)


@pytest.mark.parametrize("operation", ["Scan", "Query"])
def test_a_page_costs_the_sum_of_its_items(strict: Region, operation: str) -> None:
    condition = {
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": S("a")},
    }
    request = {"TableName": "things", **(condition if operation == "Query" else {})}
    strict.put({"id": S("a"), "text": S("x" * 16_000)})
    strict.call(operation, **request)  # 4 * 4 KB, half of it: 2 units, of which 1 is owed.
    strict.clock.advance(seconds=1)
    assert strict.refusal(operation, **request) == PROVISIONED
    strict.clock.advance(seconds=0.5)
    strict.call(operation, **request)


def test_a_failed_condition_costs_what_a_write_would(strict: Region) -> None:
    request = {
        "TableName": "things",
        "Key": {"id": S("a")},
        "ConditionExpression": "attribute_exists(id)",
    }
    assert strict.refusal("DeleteItem", **request)[0] == "ConditionalCheckFailedException"
    assert strict.refusal("DeleteItem", **request) == PROVISIONED


def test_telling_of_a_table_costs_nothing(strict: Region) -> None:
    strict.put({"id": S("a")})
    for _ in range(3):
        assert strict.describe()["TableStatus"] == "ACTIVE"
    assert strict.call("ListTables")["TableNames"] == ["things"]


def test_a_partition_takes_1000_write_units_a_second(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    on_demand(region)
    assert writes_until_refused(region, "wide", 10_240) == 100
    assert refused_put(region, "wide") == ON_DEMAND
    region.clock.advance(seconds=1_000)  # A partition keeps nothing.
    assert writes_until_refused(region, "wide", 10_240) == 100


def test_a_partition_takes_3000_read_units_a_second(region: Region) -> None:
    on_demand(region)
    region.put({"id": S("a"), "text": S("x" * 300_000)}, "wide")  # 74 units.
    region.database.strictness = Strictness(throttles=True)
    request = {"TableName": "wide", "Key": {"id": S("a")}, "ConsistentRead": True}
    for _ in range(3_000 // 74 + 1):  # The last of them begins with 40 units left, and may.
        region.call("GetItem", **request)
    assert region.refusal("GetItem", **request) == ON_DEMAND
    region.clock.advance(seconds=1)
    region.call("GetItem", **request)


def test_a_hot_partition_of_a_large_provisioned_table(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    region.create(write_units=40_000)
    assert writes_until_refused(region, "things", 10_240) == 100
    assert refused_put(region) == PROVISIONED
    partition_of = region.database.catalog.tables["things"].partition_of
    hot = partition_of(token("a"))
    elsewhere = next(name for name in "bcdefgh" if partition_of(token(name)) != hot)
    region.put({"id": S(elsewhere)})


def test_a_split_gives_both_halves_what_was_left(region: Region) -> None:
    region.database.partition_limits = PartitionLimits(write_units_max=100)
    region.database.strictness = Strictness(throttles=True)
    on_demand(region)
    assert writes_until_refused(region, "wide") == 100
    partition_of = region.database.catalog.tables["wide"].partition_of
    hot = partition_of(token("a"))
    beside = next(f"{n}" for n in range(100) if partition_of(token(f"{n}")) == hot)
    least, most = sorted((token("a"), token(beside)))
    assert least < most
    split_partition(region.database, "wide", hot.number, last_low_token=least)
    for name in ("a", beside):
        refused = region.refusal("PutItem", TableName="wide", Item={"id": S(name)})
        assert refused == ON_DEMAND
    region.clock.advance(seconds=0.5)
    assert writes_until_refused(region, "wide") == 50
    region.put({"id": S(beside)}, "wide")  # The other half has units of its own now.


def test_the_maxima_of_an_on_demand_table(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    maxima = {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": 2}
    on_demand(region, OnDemandThroughput=maxima)
    assert writes_until_refused(region, "wide") == 2
    assert refused_put(region, "wide") == ("ThrottlingException", MAXIMUM_EXCEEDED)
    request = {"TableName": "wide", "Key": {"id": S("a")}, "ConsistentRead": True}
    region.call("GetItem", **request)
    assert region.refusal("GetItem", **request) == ("ThrottlingException", MAXIMUM_EXCEEDED)
    region.clock.advance(seconds=1)
    assert writes_until_refused(region, "wide") == 2


def test_more_capacity_takes_effect(strict: Region) -> None:
    strict.put({"id": S("a")})
    assert refused_put(strict) == PROVISIONED
    more = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 5}
    strict.call("UpdateTable", TableName="things", ProvisionedThroughput=more)
    assert writes_until_refused(strict, "things") == 5


def test_an_index_without_capacity_holds_writes_up(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    region.create(write_units=100, shared=[index("by-kind", "kind")])
    region.put({"id": S("a"), "kind": S("k")})
    assert refused_put(region, id=S("b"), kind=S("k")) == (
        "ProvisionedThroughputExceededException",
        INDEX_EXCEEDED,
    )
    region.put({"id": S("b")})  # No entry, so nothing of the index's capacity.
    request = {
        "TableName": "things",
        "IndexName": "by-kind",
        "KeyConditionExpression": "kind = :kind",
        "ExpressionAttributeValues": {":kind": S("k")},
    }
    for _ in range(2):
        assert region.call("Query", **request)["Count"] == 1
    assert region.refusal("Query", **request) == (
        "ProvisionedThroughputExceededException",
        INDEX_EXCEEDED,
    )
    assert region.call("Scan", TableName="things")["Count"] == 2


def test_a_hot_key_of_an_index_on_demand(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    definition = index("by-kind", "kind")
    del definition["ProvisionedThroughput"]
    region.call(
        "CreateTable",
        TableName="wide",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", "kind")
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[definition],
    )
    text = S("x" * 300_000)
    taken = 0
    with pytest.raises(ThrottledError, match=INDEX_BUSY):
        for taken in range(100):
            region.put({"id": S(str(taken)), "kind": S("hot"), "text": text}, "wide")
    assert taken == 3  # 293 units each.


def test_a_local_index_is_paid_by_its_table(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    local = index("by-n", "id", "n", is_local=True)
    region.create(sort="at", types={"n": "N"}, local=[local], write_units=10)
    for number in range(5):
        region.put({"id": S("a"), "at": S(str(number)), "n": N(1)})
    code, message = refused_put(region, at=S("9"), n=N(1))
    assert (code, message) == PROVISIONED


def test_a_batch_of_writes_leaves_what_is_throttled(strict: Region) -> None:
    entries = [{"PutRequest": {"Item": {"id": S(name)}}} for name in "abc"]
    answer = strict.call("BatchWriteItem", RequestItems={"things": entries})
    assert answer["UnprocessedItems"] == {"things": entries[1:]}
    request = {"RequestItems": answer["UnprocessedItems"]}
    assert strict.refusal("BatchWriteItem", **request) == PROVISIONED
    strict.clock.advance(seconds=2)
    assert strict.call("BatchWriteItem", **request)["UnprocessedItems"] == {}


def test_a_batch_of_reads_leaves_what_is_throttled(strict: Region) -> None:
    strict.put({"id": S("a")})
    keys = [{"id": S(name)} for name in "abc"]
    wanted = {"Keys": keys, "ConsistentRead": True}
    answer = strict.call("BatchGetItem", RequestItems={"things": wanted})
    assert answer["Responses"] == {"things": [{"id": S("a")}]}
    assert answer["UnprocessedKeys"] == {"things": {**wanted, "Keys": keys[1:]}}
    request = {"RequestItems": answer["UnprocessedKeys"]}
    assert strict.refusal("BatchGetItem", **request) == PROVISIONED


def test_a_transaction_that_is_throttled_is_cancelled(strict: Region) -> None:
    strict.create("rich", write_units=100)
    puts = [
        {"Put": {"TableName": name, "Item": {"id": S(str(number))}}}
        for number, name in enumerate(["rich", "things", "rich"])
    ]
    strict.call("TransactWriteItems", TransactItems=puts)  # 2 units of a second that has 1.
    with pytest.raises(TransactionCanceledException) as caught:
        strict.call("TransactWriteItems", TransactItems=puts)
    assert caught.value.reasons == [
        {"Code": "None"},
        {"Code": "ProvisionedThroughputExceeded", "Message": TABLE_EXCEEDED},
        {"Code": "None"},
    ]
    assert "[None, ProvisionedThroughputExceeded, None]" in caught.value.message


def test_a_transaction_of_reads_that_is_throttled_is_cancelled(strict: Region) -> None:
    on_demand(strict, OnDemandThroughput={"MaxReadRequestUnits": 2})
    gets = [
        {"Get": {"TableName": name, "Key": {"id": S(str(number))}}}
        for number, name in enumerate(("wide", "things", "wide"))
    ]
    with pytest.raises(TransactionCanceledException) as caught:
        strict.call("TransactGetItems", TransactItems=gets)
    assert caught.value.reasons == [
        {"Code": "None"},
        {"Code": "None"},
        {"Code": "ThrottlingError", "Message": MAXIMUM_EXCEEDED},
    ]


def test_statements_of_a_batch_are_throttled_each_on_its_own(strict: Region) -> None:
    statements = [{"Statement": f"INSERT INTO things VALUE {{'id': '{name}'}}"} for name in "ab"]
    responses = strict.call("BatchExecuteStatement", Statements=statements)["Responses"]
    assert responses[0] == {"TableName": "things"}
    assert responses[1]["Error"] == {
        "Code": "ProvisionedThroughputExceeded",
        "Message": TABLE_EXCEEDED,
    }


def test_statements_that_read_are_throttled_as_reads_are(strict: Region) -> None:
    strict.put({"id": S("a")})
    statements = [{"Statement": f"SELECT * FROM things WHERE id = '{name}'"} for name in "abc"]
    responses = strict.call("BatchExecuteStatement", Statements=statements)["Responses"]
    assert responses[0] == {"TableName": "things", "Item": {"id": S("a")}}
    assert responses[1] == {"TableName": "things"}
    assert responses[2]["Error"]["Code"] == "ProvisionedThroughputExceeded"
    assert strict.refusal("ExecuteStatement", **statements[0]) == PROVISIONED
    strict.clock.advance(seconds=2)
    with pytest.raises(TransactionCanceledException) as caught:
        strict.call("ExecuteTransaction", TransactStatements=statements[:2])
    assert [each["Code"] for each in caught.value.reasons] == [
        "None",
        "ProvisionedThroughputExceeded",
    ]


def test_a_hot_partition_is_named_in_the_reasons(region: Region) -> None:
    region.database.strictness = Strictness(throttles=True)
    on_demand(region)
    writes_until_refused(region, "wide", 100_000)
    with pytest.raises(ThrottledError) as caught:
        region.put({"id": S("a")}, "wide")
    assert caught.value.throttling_reasons == [
        {
            "reason": "TableWriteKeyRangeThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/wide",
        }
    ]


def test_work_that_is_undone_gets_its_units_back(strict: Region) -> None:
    database = strict.database
    _, put = database.prepare("PutItem", {"TableName": "things", "Item": {"id": S("a")}})

    def write_and_fail(transaction: Any) -> None:
        transaction.create_space()
        raise OSError("after a write")

    # Together in one commit: the put is undone with the other, and done again alone.
    errors = strict.together(put, write_and_fail)
    assert [type(error) for error in errors] == [type(None), OSError]
    assert strict.get({"id": S("a")}) == {"id": S("a")}


def test_a_client_sees_aws_words_and_its_retries_succeed(
    strict: Region, clock: SteppingClock, new_client: Callable[..., Any]
) -> None:
    once = new_client()
    request = {"TableName": "things", "Item": {"id": S("a")}}
    once.put_item(**request)
    with pytest.raises(ClientError) as caught:
        once.put_item(**request)
    response: Any = caught.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == PROVISIONED
    assert response["ThrottlingReasons"] == [
        {
            "reason": "TableWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/things",
        }
    ]
    clock.step_ms = 400  # At every look of pelton's at the clock.
    answer = new_client(tries_again=True).put_item(**request)
    assert answer["ResponseMetadata"]["RetryAttempts"] > 0


def test_a_batch_sent_again_gets_everything_through(
    strict: Region, new_client: Callable[..., Any]
) -> None:
    client = new_client()
    left = [{"PutRequest": {"Item": {"id": S(name)}}} for name in "abc"]
    rounds = 0
    while left:
        answer = client.batch_write_item(RequestItems={"things": left})
        left = answer["UnprocessedItems"].get("things", [])
        rounds += 1
        strict.clock.advance(seconds=1)
    assert rounds == 3
    assert strict.describe()["ItemCount"] == 3


def test_an_on_demand_client_sees_a_throttling_exception(
    region: Region, new_client: Callable[..., Any]
) -> None:
    on_demand(region, OnDemandThroughput={"MaxWriteRequestUnits": 1})
    region.database.strictness = Strictness(throttles=True)
    client = new_client()
    request = {"TableName": "wide", "Item": {"id": S("a")}}
    client.put_item(**request)
    with pytest.raises(ClientError) as caught:
        client.put_item(**request)
    response: Any = caught.value.response
    assert response["Error"] == {"Code": "ThrottlingException", "Message": MAXIMUM_EXCEEDED}
    assert response["throttlingReasons"] == [
        {
            "reason": "TableWriteMaxOnDemandThroughputExceeded",
            "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/wide",
        }
    ]
