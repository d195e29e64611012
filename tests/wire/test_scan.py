"""Scan through boto3: pages, filters, projections, segments and the megabyte a page."""

from __future__ import annotations

from typing import Any

import pytest

from .tables import WireTable


def fill(table: WireTable, count: int, **attributes: dict[str, Any]) -> set[str]:
    ids = {f"id-{number}" for number in range(count)}
    for each in ids:
        table.put({"id": {"S": each}, **attributes})
    return ids


def ids_of(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"]["S"] for item in items]


def test_a_scan_finds_every_item_once(table: WireTable) -> None:
    ids = fill(table, 20)
    pages = list(
        table.client.get_paginator("scan").paginate(
            TableName=table.name, PaginationConfig={"PageSize": 7}
        )
    )
    found = [each for page in pages for each in ids_of(page["Items"])]
    assert sorted(found) == sorted(ids)
    assert [page["Count"] for page in pages] == [7, 7, 6]


def test_segments_part_the_table(table: WireTable) -> None:
    ids = fill(table, 40)
    segments = [
        ids_of(table.call("scan", Segment=segment, TotalSegments=4)["Items"])
        for segment in range(4)
    ]
    assert sorted(sum(segments, [])) == sorted(ids)
    assert sum(bool(segment) for segment in segments) > 1


def test_a_filter_and_a_projection(table: WireTable) -> None:
    for number in range(5):
        table.put(
            {"id": {"S": str(number)}, "n": {"N": str(number)}, "filler": {"S": "never shown"}}
        )
    answer = table.call(
        "scan",
        FilterExpression="n >= :n AND attribute_exists(filler)",
        ExpressionAttributeValues={":n": {"N": "3"}},
        ProjectionExpression="n",
    )
    assert sorted(item["n"]["N"] for item in answer["Items"]) == ["3", "4"]
    assert all(set(item) == {"n"} for item in answer["Items"])
    assert (answer["Count"], answer["ScannedCount"]) == (2, 5)


def test_a_page_ends_at_a_megabyte(table: WireTable) -> None:
    ids = fill(table, 6, filler={"S": "x" * 300_000})
    first = table.call("scan")
    assert first["Count"] < len(ids)
    rest = table.call("scan", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert "LastEvaluatedKey" not in rest
    assert sorted(ids_of(first["Items"]) + ids_of(rest["Items"])) == sorted(ids)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"Segment": 1},
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present",
        ),
        (
            {"Segment": 4, "TotalSegments": 4},
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            "Segment: 4 is not less than TotalSegments: 4",
        ),
        (
            {"ExclusiveStartKey": {"other": {"S": "x"}}},
            "The provided starting key is invalid: The provided key element does not match the "
            "schema",
        ),
        (
            {"FilterExpression": ""},
            "Invalid FilterExpression: The expression can not be empty;",
        ),
    ],
)
def test_wrong_scans_are_refused(table: WireTable, request_: dict[str, Any], message: str) -> None:
    assert table.refusal("scan", **request_) == ("ValidationException", message)
