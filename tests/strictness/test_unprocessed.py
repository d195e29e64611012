"""Batches of which a part comes back unprocessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pelton.engine import Strictness
from tests.region import Region, S


def puts(count: int) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": {"id": S(str(number))}}} for number in range(count)]


@pytest.fixture
def strict(region: Region) -> Region:
    region.create()
    region.database.strictness = Strictness(seed=1, unprocessed_probability=0.5)
    return region


def test_what_is_left_of_writes_was_not_written(strict: Region) -> None:
    answer = strict.call("BatchWriteItem", RequestItems={"things": puts(25)})
    left = answer["UnprocessedItems"]["things"]
    assert 0 < len(left) < 25
    names = {each["id"]["S"] for each in strict.items("Scan", TableName="things")}
    assert names == {str(n) for n in range(25)} - {
        each["PutRequest"]["Item"]["id"]["S"] for each in left
    }


def test_what_is_left_of_reads_can_be_asked_again_as_it_is(strict: Region) -> None:
    for number in range(20):
        strict.put({"id": S(str(number)), "n": S("x")})
    wanted: dict[str, Any] = {
        "Keys": [{"id": S(str(number))} for number in range(20)],
        "ProjectionExpression": "id",
        "ConsistentRead": True,
    }
    found: list[str] = []
    rounds = 0
    left = {"things": wanted}
    while left:
        answer = strict.call("BatchGetItem", RequestItems=left)
        found += [item["id"]["S"] for item in answer["Responses"]["things"]]
        left = answer["UnprocessedKeys"]
        rounds += 1
        for each in left.values():
            assert {**each, "Keys": []} == {**wanted, "Keys": []}
    assert rounds > 1
    assert sorted(found, key=int) == [str(number) for number in range(20)]


def test_one_entry_at_least_is_processed(region: Region) -> None:
    region.create()
    region.database.strictness = Strictness(unprocessed_probability=1.0)
    answer = region.call("BatchWriteItem", RequestItems={"things": puts(3)})
    assert len(answer["UnprocessedItems"]["things"]) == 2
    answer = region.call("BatchWriteItem", RequestItems={"things": puts(1)})
    assert answer["UnprocessedItems"] == {}


def test_the_seed_decides(region: Region) -> None:
    region.create()

    def left_with(seed: int) -> list[Any]:
        region.database.strictness = Strictness(seed=seed, unprocessed_probability=0.5)
        answers = [
            region.call("BatchWriteItem", RequestItems={"things": puts(25)}) for _ in range(3)
        ]
        return [answer["UnprocessedItems"] for answer in answers]

    assert left_with(1) == left_with(1)
    assert left_with(1) != left_with(2)


def test_a_batch_that_is_wrong_is_refused_whole(strict: Region) -> None:
    request = {"things": [*puts(24), puts(1)[0]]}
    assert strict.refusal("BatchWriteItem", RequestItems=request) == (
        "ValidationException",
        "Provided list of item keys contains duplicates",
    )


def test_what_is_left_joins_what_is_throttled(region: Region) -> None:
    region.create(write_units=3)
    region.database.strictness = Strictness(throttles=True, unprocessed_probability=0.3)
    answer = region.call("BatchWriteItem", RequestItems={"things": puts(20)})
    left = answer["UnprocessedItems"]["things"]
    assert len(left) == 17
    assert len({each["PutRequest"]["Item"]["id"]["S"] for each in left}) == 17
    assert region.describe()["ItemCount"] == 3


def test_boto3s_batch_writer_sends_it_again(strict: Region, new_client: Callable[..., Any]) -> None:
    import boto3

    from tests.conftest import CREDENTIALS

    settings: Any = {"endpoint_url": new_client().meta.endpoint_url, **CREDENTIALS}
    resource = boto3.resource("dynamodb", **settings)
    with resource.Table("things").batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": str(number)})
    assert strict.describe()["ItemCount"] == 60
    resource.meta.client.close()
