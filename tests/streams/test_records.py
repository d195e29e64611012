"""Stream records: which changes leave one, of what kind, and the exact bytes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.region import Item, N, Region, S

VIEW_TYPES = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")


def raw_records(region: Region) -> list[bytes]:
    """The records of the one shard of table "things", as the bytes that the wire carries."""
    arn = region.stream_arn()
    (shard,) = region.shards(arn)
    answer = region.database.call(
        "GetRecords",
        {"ShardIterator": region.iterator(arn, shard["ShardId"])},
        present=lambda body: body,
    )
    found: list[bytes] = answer["Records"]
    return found


def events(region: Region) -> list[str]:
    return [record["eventName"] for record in region.records()]


def test_a_record_has_exactly_the_bytes_aws_gives_it(region: Region) -> None:
    region.create(stream="NEW_AND_OLD_IMAGES")
    region.put({"id": S("a"), "n": N(42)})
    region.clock.advance(seconds=1.999)
    region.update({"id": S("a")}, "SET n = :n", values={":n": N(7)})
    inserted, modified = raw_records(region)
    parsed = [orjson.loads(record) for record in (inserted, modified)]
    ids = [record["eventID"] for record in parsed]
    sequences = [record["dynamodb"]["SequenceNumber"] for record in parsed]
    assert inserted.decode() == (
        f'{{"eventID":"{ids[0]}","eventName":"INSERT","eventVersion":"1.1",'
        '"eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{'
        '"ApproximateCreationDateTime":1700000000,"Keys":{"id":{"S":"a"}},'
        '"NewImage":{"id":{"S":"a"},"n":{"N":"42"}},'
        f'"SequenceNumber":"{sequences[0]}","SizeBytes":9,'
        '"StreamViewType":"NEW_AND_OLD_IMAGES"}}'
    )
    assert modified.decode() == (
        f'{{"eventID":"{ids[1]}","eventName":"MODIFY","eventVersion":"1.1",'
        '"eventSource":"aws:dynamodb","awsRegion":"us-east-1","dynamodb":{'
        '"ApproximateCreationDateTime":1700000001,"Keys":{"id":{"S":"a"}},'
        '"NewImage":{"id":{"S":"a"},"n":{"N":"7"}},"OldImage":{"id":{"S":"a"},"n":{"N":"42"}},'
        f'"SequenceNumber":"{sequences[1]}","SizeBytes":15,'
        '"StreamViewType":"NEW_AND_OLD_IMAGES"}}'
    )
    assert ids[0] != ids[1]
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)


SHOWN: dict[str, tuple[set[str], set[str], set[str]]] = {
    "KEYS_ONLY": (set(), set(), set()),
    "NEW_IMAGE": ({"NewImage"}, {"NewImage"}, set()),
    "OLD_IMAGE": (set(), {"OldImage"}, {"OldImage"}),
    "NEW_AND_OLD_IMAGES": ({"NewImage"}, {"NewImage", "OldImage"}, {"OldImage"}),
}


@pytest.mark.parametrize("view_type", VIEW_TYPES)
def test_each_view_type_shows_its_images_and_counts_only_those(
    region: Region, view_type: str
) -> None:
    region.create(stream=view_type)
    first, second = {"id": S("key"), "n": N(1)}, {"id": S("key"), "n": N(1), "more": S("text")}
    sizes = {"Keys": 5, "first": 5 + 3, "second": 5 + 3 + 8}
    region.put(first)
    region.put(second)
    region.delete({"id": S("key")})
    records = [record["dynamodb"] for record in region.records()]
    images: list[dict[str, tuple[Item, int]]] = [
        {"NewImage": (first, sizes["first"])},
        {"NewImage": (second, sizes["second"]), "OldImage": (first, sizes["first"])},
        {"OldImage": (second, sizes["second"])},
    ]
    assert len(records) == 3
    for record, possible, shown in zip(records, images, SHOWN[view_type], strict=True):
        expected = {name: item for name, (item, _) in possible.items() if name in shown}
        assert {name: record[name] for name in ("NewImage", "OldImage") if name in record} == (
            expected
        )
        size = sizes["Keys"] + sum(size for name, (_, size) in possible.items() if name in shown)
        assert record["SizeBytes"] == size
        assert record["Keys"] == {"id": S("key")}
        assert record["StreamViewType"] == view_type


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (S("Fred"), 4),
        (S("zażółć"), 10),
        (N("42"), 2),
        (N("-42"), 3),
        (N("100"), 2),
        (N("0.1"), 2),
        ({"B": "AAEC"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "22"]}, 4),
        ({"BS": ["AAEC", "AA=="]}, 4),
        ({"L": []}, 3),
        ({"L": [S("ab"), N("1")]}, 3 + 2 + 2 + 2),
        ({"M": {"k": S("v")}}, 3 + 1 + 1 + 1),
    ],
)
def test_size_bytes_counts_every_type_by_dynamodbs_rule(
    region: Region, value: dict[str, Any], size: int
) -> None:
    region.create(stream="NEW_IMAGE")
    region.put({"id": S("a"), "v": value})
    (record,) = region.records()
    assert record["dynamodb"]["SizeBytes"] == 3 + 3 + 1 + size


def test_the_keys_of_a_record_are_all_key_attributes_and_no_others(region: Region) -> None:
    region.create("things", "id", "at", types={"at": "N"}, stream="KEYS_ONLY")
    region.put({"id": S("a"), "at": N("7.50"), "v": S("x")})
    (record,) = region.records()
    assert record["dynamodb"]["Keys"] == {"id": S("a"), "at": N("7.5")}
    assert record["dynamodb"]["SizeBytes"] == 3 + 2 + 3


def test_images_of_items_that_have_only_keys_are_shown(region: Region) -> None:
    region.create(stream="NEW_AND_OLD_IMAGES")
    region.put({"id": S("a"), "v": S("x")})
    region.update({"id": S("a")}, "REMOVE v")
    region.put({"id": S("a"), "v": S("y")})
    _, removed, put = (record["dynamodb"] for record in region.records())
    assert removed["NewImage"] == {"id": S("a")}
    assert put["OldImage"] == {"id": S("a")}


ITEM: Item = {
    "id": S("a"),
    "n": N("1.5"),
    "m": {"M": {"x": N(1), "y": {"L": [S("p"), {"M": {"q": N(2), "r": N(3)}}]}}},
    "set": {"SS": ["p", "q"]},
}
KEY: Item = {"id": S("a")}
REORDERED: Item = {
    "set": {"SS": ["q", "p"]},
    "m": {"M": {"y": {"L": [S("p"), {"M": {"r": N(3), "q": N(2)}}]}, "x": N(1)}},
    "n": N("1.50"),
    "id": S("a"),
}


def batch(region: Region, *requests: dict[str, Any]) -> None:
    region.call("BatchWriteItem", RequestItems={"things": list(requests)})


def transact(region: Region, *actions: dict[str, Any]) -> None:
    region.call("TransactWriteItems", TransactItems=list(actions))


NO_CHANGE: dict[str, Callable[[Region], object]] = {
    "an identical put": lambda region: region.put(ITEM),
    "a put with members and sets in another order": lambda region: region.put(REORDERED),
    "the delete of a missing item": lambda region: region.delete({"id": S("missing")}),
    "the removal of a missing attribute": lambda region: region.update(KEY, "REMOVE absent"),
    "the removal of a missing member": lambda region: region.update(KEY, "REMOVE m.absent"),
    "the removal of an attribute of a missing item": lambda region: region.update(
        {"id": S("missing")}, "REMOVE absent"
    ),
    "the removal of set elements from a missing item": lambda region: region.update(
        {"id": S("missing")}, "DELETE s :s", values={":s": {"SS": ["p"]}}
    ),
    "an update to the value that is there": lambda region: region.update(
        KEY, "SET n = :n", values={":n": N("15E-1")}
    ),
    "the addition of zero": lambda region: region.update(KEY, "ADD n :n", values={":n": N(0)}),
    "the addition of a set's element": lambda region: region.update(
        KEY, "ADD #s :s", names={"#s": "set"}, values={":s": {"SS": ["q"]}}
    ),
    "the deletion of what a set lacks": lambda region: region.update(
        KEY, "DELETE #s :s", names={"#s": "set"}, values={":s": {"SS": ["z"]}}
    ),
    "an update without an expression": lambda region: region.call(
        "UpdateItem", TableName="things", Key=KEY
    ),
    "an identical put in a batch": lambda region: batch(region, {"PutRequest": {"Item": ITEM}}),
    "the delete of a missing item in a batch": lambda region: batch(
        region, {"DeleteRequest": {"Key": {"id": S("missing")}}}
    ),
    "an identical put in a transaction": lambda region: transact(
        region, {"Put": {"TableName": "things", "Item": REORDERED}}
    ),
    "a condition check in a transaction": lambda region: transact(
        region,
        {
            "ConditionCheck": {
                "TableName": "things",
                "Key": KEY,
                "ConditionExpression": "attribute_exists(n)",
            }
        },
    ),
    "the delete of a missing item in a transaction": lambda region: transact(
        region, {"Delete": {"TableName": "things", "Key": {"id": S("missing")}}}
    ),
    "the put of bare keys over bare keys": lambda region: region.put({"id": S("bare")}),
    "an empty update of bare keys": lambda region: region.call(
        "UpdateItem", TableName="things", Key={"id": S("bare")}
    ),
}


@pytest.mark.parametrize("name", NO_CHANGE)
def test_what_changes_nothing_leaves_no_record(region: Region, name: str) -> None:
    region.create(stream="NEW_AND_OLD_IMAGES")
    region.put(ITEM)
    region.put({"id": S("bare")})
    before = region.records()
    NO_CHANGE[name](region)
    assert region.records() == before
    assert len(before) == 2
    assert region.get(KEY) == {**ITEM, "n": N("1.5")}
    assert region.get({"id": S("missing")}) is None


CHANGES: dict[str, tuple[Callable[[Region], object], str]] = {
    "a list in another order": (
        lambda region: region.update(
            KEY,
            "SET m.y = :l",
            values={":l": {"L": [{"M": {"q": N(2), "r": N(3)}}, S("p")]}},
        ),
        "MODIFY",
    ),
    "the same digits as another type": (
        lambda region: region.update(KEY, "SET n = :n", values={":n": S("1.5")}),
        "MODIFY",
    ),
    "another element of a set": (
        lambda region: region.put({**ITEM, "set": {"SS": ["p", "z"]}}),
        "MODIFY",
    ),
    "a put over an item": (lambda region: region.put({**KEY, "new": S("x")}), "MODIFY"),
    "the update of a missing item": (
        lambda region: region.update({"id": S("b")}, "SET v = :v", values={":v": S("x")}),
        "INSERT",
    ),
    "an update of a missing item that sets nothing": (
        lambda region: region.call("UpdateItem", TableName="things", Key={"id": S("b")}),
        "INSERT",
    ),
    "a put of bare keys": (lambda region: region.put({"id": S("b")}), "INSERT"),
    "a delete": (lambda region: region.delete(KEY), "REMOVE"),
    "a put in a batch": (
        lambda region: batch(region, {"PutRequest": {"Item": {"id": S("b")}}}),
        "INSERT",
    ),
    "a delete in a batch": (
        lambda region: batch(region, {"DeleteRequest": {"Key": KEY}}),
        "REMOVE",
    ),
    "an update in a transaction": (
        lambda region: transact(
            region, {"Update": {"TableName": "things", "Key": KEY, "UpdateExpression": "REMOVE n"}}
        ),
        "MODIFY",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_something_leaves_one_record(region: Region, name: str) -> None:
    change, event = CHANGES[name]
    region.create(stream="NEW_AND_OLD_IMAGES")
    region.put(ITEM)
    change(region)
    assert events(region) == ["INSERT", event]


def test_failed_writes_leave_no_record(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    code, _ = region.refusal(
        "PutItem", TableName="things", Item=KEY, ConditionExpression="attribute_exists(id)"
    )
    assert code == "ConditionalCheckFailedException"
    put = {"Put": {"TableName": "things", "Item": {"id": S("b")}}}
    check = {
        "ConditionCheck": {
            "TableName": "things",
            "Key": KEY,
            "ConditionExpression": "attribute_exists(id)",
        }
    }
    code, _ = region.refusal("TransactWriteItems", TransactItems=[put, check])
    assert code == "TransactionCanceledException"
    assert region.records() == []


def test_records_of_one_transaction_share_a_number_and_others_do_not(region: Region) -> None:
    region.create(stream="KEYS_ONLY", write_units=3000)
    region.put({"id": S("alone")})
    puts = [{"Put": {"TableName": "things", "Item": {"id": S(str(n))}}} for n in range(8)]
    transact(region, *puts)
    batch(region, {"PutRequest": {"Item": {"id": S("x")}}}, {"PutRequest": {"Item": KEY}})
    shards = region.streams.shards_of(region.stream_arn())
    read = [record for shard in shards for record in region.streams.read(shard, 0, 100).records]
    groups: dict[int, set[str]] = {}
    for record in read:
        keys = orjson.loads(record.body)["dynamodb"]["Keys"]
        groups.setdefault(record.transaction, set()).add(keys["id"]["S"])
    assert sorted(map(sorted, groups.values())) == [
        [str(n) for n in range(8)],
        ["a"],
        ["alone"],
        ["x"],
    ]
    assert len({shard.number for shard in shards}) == 4


def test_sequence_numbers_have_21_to_40_digits_and_follow_the_commits(region: Region) -> None:
    region.create("first", stream="KEYS_ONLY", write_units=3000)
    region.create("second", stream="KEYS_ONLY")
    for number in range(30):
        region.put({"id": S(str(number))}, name=("first", "second")[number % 2])
    numbers = {
        int(record["dynamodb"]["Keys"]["id"]["S"]): record["dynamodb"]["SequenceNumber"]
        for name in ("first", "second")
        for record in region.records(region.stream_arn(name))
    }
    in_commit_order = [numbers[number] for number in range(30)]
    assert all(text.isdigit() and 21 <= len(text) <= 40 for text in in_commit_order)
    assert in_commit_order == sorted(set(in_commit_order), key=int)


def test_a_table_without_a_stream_leaves_no_record_and_gives_no_number(region: Region) -> None:
    region.create()
    region.put(KEY)
    assert "LatestStreamArn" not in region.describe()
    assert region.call("ListStreams")["Streams"] == []
