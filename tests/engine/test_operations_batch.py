"""BatchGetItem and BatchWriteItem: many items in one request, each on its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.region import Answer, Item, N, Region, S

DUPLICATES = ("ValidationException", "Provided list of item keys contains duplicates")
NOT_FOUND = ("ResourceNotFoundException", "Requested resource not found")


def put(name: str, **more: dict[str, Any]) -> Answer:
    return {"PutRequest": {"Item": {"id": S(name), **more}}}


def delete(name: str) -> Answer:
    return {"DeleteRequest": {"Key": {"id": S(name)}}}


def write(region: Region, **requests: list[Answer]) -> Answer:
    return region.call("BatchWriteItem", RequestItems=requests)


def names(items: list[Item]) -> list[str]:
    return sorted(item["id"]["S"] for item in items)


def test_a_batch_writes_and_deletes_in_several_tables(region: Region) -> None:
    region.create("one")
    region.create("two")
    region.put({"id": S("old")}, name="one")
    answer = write(region, one=[put("a", n=N(1)), delete("old")], two=[put("b"), put("c")])
    assert answer == {"UnprocessedItems": {}}
    assert region.call("Scan", TableName="one")["Items"] == [{"id": S("a"), "n": N(1)}]
    assert names(region.call("Scan", TableName="two")["Items"]) == ["b", "c"]


def test_a_batch_gets_from_several_tables_what_is_there(region: Region) -> None:
    region.create("one")
    region.create("two")
    write(region, one=[put("a", n=N(1), m=N(2)), put("b", n=N(3))], two=[put("c", n=N(4))])
    answer = region.call(
        "BatchGetItem",
        RequestItems={
            "one": {
                "Keys": [{"id": S(name)} for name in ("a", "b", "missing")],
                "ProjectionExpression": "#n",
                "ExpressionAttributeNames": {"#n": "n"},
            },
            "two": {"Keys": [{"id": S("c")}], "ConsistentRead": True},
        },
    )
    assert sorted(item["n"]["N"] for item in answer["Responses"]["one"]) == ["1", "3"]
    assert all(set(item) == {"n"} for item in answer["Responses"]["one"])
    assert answer["Responses"]["two"] == [{"id": S("c"), "n": N(4)}]
    assert answer["UnprocessedKeys"] == {}


def test_a_batch_that_finds_nothing_says_so_for_each_table(region: Region) -> None:
    region.create("one")
    answer = region.call("BatchGetItem", RequestItems={"one": {"Keys": [{"id": S("a")}]}})
    assert answer == {"Responses": {"one": []}, "UnprocessedKeys": {}}


def test_a_batch_of_16_megabytes_leaves_the_rest_for_the_next(region: Region) -> None:
    region.create("one", write_units=100_000)  # many partitions, each with few of the items
    for start in range(0, 60, 10):
        write(region, one=[put(str(n), v=S("x" * 390_000)) for n in range(start, start + 10)])
    wanted: Answer = {"one": {"Keys": [{"id": S(str(n))} for n in range(60)]}}
    found: list[Item] = []
    rounds = 0
    while wanted:
        answer = region.call("BatchGetItem", RequestItems=wanted)
        size = sum(len(item["v"]["S"]) for item in answer["Responses"]["one"])
        assert 0 < size <= 16 * 1024 * 1024 + 400 * 1024
        found += answer["Responses"]["one"]
        wanted = answer["UnprocessedKeys"]
        rounds += 1
    assert names(found) == sorted(map(str, range(60)))
    assert rounds == 2


def test_a_batch_write_is_refused_whole_when_one_part_is_wrong(region: Region) -> None:
    region.create("one")
    for wrong in (
        {"PutRequest": {"Item": {"v": S("no key")}}},
        {"PutRequest": {"Item": {"id": S("b"), "v": N("no number")}}},
        {"PutRequest": {"Item": {"id": S("b"), "v": S("x" * 400 * 1024)}}},
        {"DeleteRequest": {"Key": {"other": S("b")}}},
        {},
        {**put("b"), **delete("b")},
    ):
        code, _ = region.refusal("BatchWriteItem", RequestItems={"one": [put("a"), wrong]})
        assert code == "ValidationException"
    assert region.refusal("BatchWriteItem", RequestItems={"one": [put("a")], "two": [put("a")]})[
        0
    ] == ("ResourceNotFoundException")
    assert region.call("Scan", TableName="one")["Count"] == 0


@pytest.mark.parametrize("second", [put("a"), delete("a")])
def test_a_batch_write_names_an_item_once(region: Region, second: Answer) -> None:
    region.create("one")
    region.create("two")
    assert region.refusal("BatchWriteItem", RequestItems={"one": [put("a"), second]}) == DUPLICATES
    write(region, one=[put("a")], two=[put("a")])
    assert region.call("Scan", TableName="two")["Count"] == 1


def test_a_batch_get_names_an_item_once(region: Region) -> None:
    region.create("one", "id", types={"id": "N"})
    keys = [{"id": N("1")}, {"id": N("1.0")}]
    assert region.refusal("BatchGetItem", RequestItems={"one": {"Keys": keys}}) == DUPLICATES


def test_batches_have_a_greatest_length(region: Region) -> None:
    region.create("one")
    region.create("two")
    many = [put(str(n)) for n in range(26)]
    code, message = region.refusal("BatchWriteItem", RequestItems={"one": many})
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 25" in message
    code, _ = region.refusal("BatchWriteItem", RequestItems={"one": many[:13], "two": many[:13]})
    assert code == "ValidationException"
    write(region, one=many[:25])
    keys = [{"id": S(str(n))} for n in range(101)]
    code, message = region.refusal("BatchGetItem", RequestItems={"one": {"Keys": keys}})
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 100" in message
    answer = region.call("BatchGetItem", RequestItems={"one": {"Keys": keys[:100]}})
    assert len(answer["Responses"]["one"]) == 25


@pytest.mark.parametrize("operation", ["BatchGetItem", "BatchWriteItem"])
def test_an_empty_batch_is_refused(region: Region, operation: str) -> None:
    code, _ = region.refusal(operation, RequestItems={})
    assert code == "ValidationException"


def test_batches_over_unknown_tables_are_not_found(region: Region) -> None:
    assert region.refusal("BatchWriteItem", RequestItems={"nothing": [put("a")]}) == NOT_FOUND
    wanted = {"nothing": {"Keys": [{"id": S("a")}]}}
    assert region.refusal("BatchGetItem", RequestItems=wanted) == NOT_FOUND


def test_one_partition_gives_a_megabyte_and_one_item_more_to_an_answer(region: Region) -> None:
    region.create("one")  # of one partition
    sizes = {"a": 409_000, "b": 409_000, "c": 409_000, "d": 300_000, "e": 200_000}
    for name, size in sizes.items():
        write(region, one=[put(name, v=S("x" * size))])
    answer = region.call(
        "BatchGetItem",
        RequestItems={"one": {"Keys": [{"id": S(name)} for name in sizes], "ConsistentRead": True}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert names(answer["Responses"]["one"]) == ["a", "b", "c", "e"]
    assert answer["UnprocessedKeys"] == {"one": {"Keys": [{"id": S("d")}], "ConsistentRead": True}}
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 3 * 100 + 49 + 1


@pytest.mark.parametrize("item", [{"v": S("a")}, {"id": N(1)}])
def test_a_batch_says_of_an_item_without_a_fitting_key_what_it_says_of_keys(
    region: Region, item: Item
) -> None:
    region.create("one")
    assert region.refusal(
        "BatchWriteItem", RequestItems={"one": [{"PutRequest": {"Item": item}}]}
    ) == (
        "ValidationException",
        "The provided key element does not match the schema",
    )


@pytest.mark.parametrize("request_", [{}, {**put("a"), **delete("a")}])
def test_each_request_of_a_batch_is_one_of_two(region: Region, request_: Answer) -> None:
    region.create("one")
    assert region.refusal("BatchWriteItem", RequestItems={"one": [request_]}) == (
        "ValidationException",
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
        "supported datatypes",
    )
