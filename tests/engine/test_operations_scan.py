"""Scan: every item once, whole or in segments, page by page."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pelton.engine.keys import TOKEN_MIN, encode_part, token_of
from tests.region import Answer, Item, N, Region, S, index


def fill(region: Region, count: int, **more: dict[str, Any]) -> list[str]:
    """Puts `count` items with partition keys of their own; returns these."""
    names = [f"item {number}" for number in range(count)]
    for start in range(0, count, 25):
        writes = [
            {"PutRequest": {"Item": {"id": S(name), **more}}} for name in names[start : start + 25]
        ]
        region.call("BatchWriteItem", RequestItems={"things": writes})
    return names


def ids(items: list[Item]) -> list[str]:
    return [item["id"]["S"] for item in items]


def test_a_scan_finds_every_item_once_in_an_order_that_stays(region: Region) -> None:
    region.create()
    names = fill(region, 120)
    found = ids(region.call("Scan", TableName="things")["Items"])
    assert sorted(found) == sorted(names)
    assert found != names, "the order is that of hashes"
    assert ids(region.call("Scan", TableName="things")["Items"]) == found


def test_items_of_one_partition_key_stand_together_in_their_order(region: Region) -> None:
    region.create("things", "id", "n", types={"n": "N"})
    for number in (5, -3, 12, 0):
        for name in ("a", "b", "c"):
            region.put({"id": S(name), "n": N(number)})
    found = region.call("Scan", TableName="things")["Items"]
    names = ids(found)
    assert [name for at, name in enumerate(names) if at % 4 == 0] == sorted(
        set(names), key=names.index
    )
    for start in range(0, 12, 4):
        assert [item["n"]["N"] for item in found[start : start + 4]] == ["-3", "0", "5", "12"]


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_pages_by_limit_join_to_the_whole(region: Region, limit: int) -> None:
    region.create("things", "id", "n", types={"n": "N"})
    for number in range(60):
        region.put({"id": S(str(number % 7)), "n": N(number)})
    whole = region.call("Scan", TableName="things")["Items"]
    pages = region.pages("Scan", TableName="things", Limit=limit)
    assert [item for page in pages for item in page["Items"]] == whole
    for page in pages[:-1]:
        assert page["Count"] == page["ScannedCount"] == limit
        last = page["Items"][-1]
        assert page["LastEvaluatedKey"] == {"id": last["id"], "n": last["n"]}


def test_a_page_ends_with_the_item_that_takes_it_past_a_megabyte(region: Region) -> None:
    region.create()
    fill(region, 25, text=S("x" * 100_000))
    pages = region.pages("Scan", TableName="things")
    assert [page["Count"] for page in pages] == [11, 11, 3]
    assert len(set(ids([item for page in pages for item in page["Items"]]))) == 25


@pytest.mark.parametrize("segments", [1, 2, 3, 7, 64, 1_000_000])
def test_segments_hold_every_item_exactly_once(region: Region, segments: int) -> None:
    region.create()
    names = fill(region, 200)
    found: Counter[str] = Counter()
    asked = range(segments) if segments < 1000 else segments_of_some_items(region)
    for segment in asked:
        found.update(
            ids(
                region.items(
                    "Scan", TableName="things", Segment=segment, TotalSegments=segments, Limit=9
                )
            )
        )
    expected = names if segments < 1000 else names[:20]
    assert found == {name: 1 for name in expected}
    if segments == 7:
        sizes = [
            region.call("Scan", TableName="things", Segment=segment, TotalSegments=segments)[
                "Count"
            ]
            for segment in range(segments)
        ]
        assert min(sizes) > 0, "each of seven segments has about 28 of 200"


def segments_of_some_items(region: Region) -> list[int]:
    """The segments, of a million, in which the first twenty items lie."""
    tokens = [token_of(encode_part("S", f"item {number}")) for number in range(20)]
    found = sorted({(token - TOKEN_MIN) * 1_000_000 >> 64 for token in tokens})
    assert len(found) == 20
    return found


def test_segments_hold_every_entry_of_an_index_exactly_once(region: Region) -> None:
    region.create(shared=[index("by-kind", "kind", "id")])
    for number in range(60):
        region.put({"id": S(str(number)), "kind": S(f"k{number % 20}")})
    found = [
        name
        for segment in range(4)
        for name in ids(
            region.items(
                "Scan",
                TableName="things",
                IndexName="by-kind",
                Segment=segment,
                TotalSegments=4,
                Limit=4,
            )
        )
    ]
    assert sorted(found, key=int) == [str(number) for number in range(60)]


def test_a_filter_counts_what_it_saw(region: Region) -> None:
    region.create()
    for number in range(30):
        region.put({"id": S(str(number)), "n": N(number)})
    page = region.call(
        "Scan",
        TableName="things",
        FilterExpression="n >= :n",
        ExpressionAttributeValues={":n": N(20)},
        Limit=15,
    )
    assert page["ScannedCount"] == 15
    assert page["Count"] == len(page["Items"])
    assert all(int(item["n"]["N"]) >= 20 for item in page["Items"])
    rest = region.pages(
        "Scan",
        TableName="things",
        FilterExpression="n >= :n",
        ExpressionAttributeValues={":n": N(20)},
        Limit=15,
    )
    assert sum(each["Count"] for each in rest) == 10
    assert sum(each["ScannedCount"] for each in rest) == 30


def test_a_scans_filter_may_name_keys(region: Region) -> None:
    region.create()
    fill(region, 10)
    page = region.call(
        "Scan",
        TableName="things",
        FilterExpression="id IN (:a, :b)",
        ExpressionAttributeValues={":a": S("item 3"), ":b": S("item 8")},
    )
    assert sorted(ids(page["Items"])) == ["item 3", "item 8"]


def test_projection_and_count(region: Region) -> None:
    region.create()
    fill(region, 10, v=S("x"), w={"M": {"deep": N(1), "other": N(2)}})
    shown = region.call(
        "Scan",
        TableName="things",
        ProjectionExpression="w.#d",
        ExpressionAttributeNames={"#d": "deep"},
    )
    assert shown["Items"] == [{"w": {"M": {"deep": N(1)}}}] * 10
    assert region.call("Scan", TableName="things", Select="COUNT") == {
        "Count": 10,
        "ScannedCount": 10,
    }


def test_an_empty_table_has_an_empty_page(region: Region) -> None:
    region.create()
    assert region.call("Scan", TableName="things") == {
        "Items": [],
        "Count": 0,
        "ScannedCount": 0,
    }


def test_a_scan_sees_what_was_written_before_it_and_not_what_is_written_during_it(
    region: Region,
) -> None:
    region.create()
    fill(region, 50)
    first = region.call("Scan", TableName="things", Limit=25)
    for name in ids(first["Items"]):
        region.delete({"id": S(name)})
    rest = region.items("Scan", TableName="things", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert len(rest) == 25
    assert not set(ids(rest)) & set(ids(first["Items"]))


OTHER_SCHEMA = (
    "The provided starting key is invalid: The provided key element does not match the schema"
)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"Segment": 1},
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present",
        ),
        (
            {"TotalSegments": 2},
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present",
        ),
        (
            {"Segment": 5, "TotalSegments": 5},
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            "Segment: 5 is not less than TotalSegments: 5",
        ),
        ({"ExclusiveStartKey": {"other": S("a")}}, OTHER_SCHEMA),
        ({"ExclusiveStartKey": {"id": N(1)}}, OTHER_SCHEMA),
        (
            {"ExclusiveStartKey": {"kind": S("a")}, "IndexName": "by-kind"},
            "The provided starting key is invalid",
        ),
        (
            {"IndexName": "by-kind", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            {"FilterExpression": ""},
            "Invalid FilterExpression: The expression can not be empty;",
        ),
        (
            {"ProjectionExpression": "id, id"},
            "Invalid ProjectionExpression: Two document paths overlap with each other; must "
            "remove or rewrite one of these paths; path one: [id], path two: [id]",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    region: Region, more: Answer, message: str
) -> None:
    region.create(shared=[index("by-kind", "kind")])
    assert region.refusal("Scan", TableName="things", **more) == ("ValidationException", message)


def test_a_start_key_of_another_segment_is_refused(region: Region) -> None:
    region.create()
    fill(region, 20)
    first, second = (
        region.call("Scan", TableName="things", Segment=n, TotalSegments=2)["Items"]
        for n in range(2)
    )
    assert first and second
    code, message = region.refusal(
        "Scan",
        TableName="things",
        Segment=0,
        TotalSegments=2,
        ExclusiveStartKey={"id": second[0]["id"]},
    )
    assert code == "ValidationException"
    assert message == (
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
        "ExclusiveStartKey with correct Segment. TotalSegments: 2 Segment: 0"
    )
