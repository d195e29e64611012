"""AttributesToGet, KeyConditions, QueryFilter and ScanFilter: what they select and show."""

from __future__ import annotations

import pytest

from tests.region import Answer, N, Region, S, index


def compare(operator: str, *values: Answer) -> Answer:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


@pytest.fixture
def table(region: Region) -> Region:
    """One partition of five items; `at` is the sort key, `n` what it is numbered by."""
    by_n = index("by-n", "id", "n", projection="KEYS_ONLY", is_local=True)
    region.create(sort="at", local=[by_n], types={"n": "N"})
    for n, at in enumerate(("alpha", "beta", "delta", "epsilon", "gamma")):
        region.put({"id": S("x"), "at": S(at), "n": N(n), "tag": S(f"tag-{at}")})
    return region


def query(table: Region, conditions: Answer, **more: object) -> Answer:
    return table.call(
        "Query",
        TableName="things",
        KeyConditions={"id": compare("EQ", S("x")), **conditions},
        **more,
    )


def numbers(answer: Answer) -> list[int]:
    return [int(item["n"]["N"]) for item in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (compare("EQ", S("delta")), [2]),
        (compare("LT", S("delta")), [0, 1]),
        (compare("LE", S("delta")), [0, 1, 2]),
        (compare("GT", S("delta")), [3, 4]),
        (compare("GE", S("delta")), [2, 3, 4]),
        (compare("BETWEEN", S("beta"), S("epsilon")), [1, 2, 3]),
        (compare("BEGINS_WITH", S("al")), [0]),
    ],
)
def test_key_conditions_select_a_range(table: Region, condition: Answer, found: list[int]) -> None:
    assert numbers(query(table, {"at": condition})) == found
    backwards = query(table, {"at": condition}, ScanIndexForward=False)
    assert numbers(backwards) == found[::-1]


def test_key_conditions_select_from_an_index(table: Region) -> None:
    assert numbers(query(table, {"n": compare("GT", N("2.5"))}, IndexName="by-n")) == [3, 4]


def test_pages_go_on_by_key_conditions(table: Region) -> None:
    request = {
        "TableName": "things",
        "KeyConditions": {"id": compare("EQ", S("x")), "at": compare("GT", S("alpha"))},
        "Limit": 2,
    }
    pages = table.pages("Query", **request)
    assert [numbers(page) for page in pages] == [[1, 2], [3, 4], []]


FILTERS: list[tuple[Answer, str | None, list[int]]] = [
    ({"n": compare("GT", N(2))}, None, [3, 4]),
    ({"tag": compare("CONTAINS", S("lt"))}, None, [2]),
    ({"tag": compare("CONTAINS", S("l")), "n": compare("IN", N(3), N(4))}, None, [3]),
    ({"tag": compare("EQ", S("tag-beta")), "n": compare("EQ", N(3))}, "OR", [1, 3]),
    ({"none": compare("NULL")}, None, [0, 1, 2, 3, 4]),
    ({"none": compare("NOT_NULL")}, None, []),
    ({}, None, [0, 1, 2, 3, 4]),
]


@pytest.mark.parametrize(("conditions", "operator", "found"), FILTERS)
def test_filters_drop_what_was_read(
    table: Region, conditions: Answer, operator: str | None, found: list[int]
) -> None:
    for answer in (
        query(table, {}, QueryFilter=conditions, ConditionalOperator=operator),
        table.call("Scan", TableName="things", ScanFilter=conditions, ConditionalOperator=operator),
    ):
        assert numbers(answer) == found
        assert (answer["Count"], answer["ScannedCount"]) == (len(found), 5)


def test_a_scan_filter_may_speak_of_the_key(table: Region) -> None:
    answer = table.call("Scan", TableName="things", ScanFilter={"at": compare("EQ", S("beta"))})
    assert numbers(answer) == [1]


def test_key_conditions_stand_with_expressions_of_other_kinds(table: Region) -> None:
    answer = query(
        table,
        {"at": compare("GE", S("beta"))},
        FilterExpression="n < :n",
        ProjectionExpression="n",
        ExpressionAttributeValues={":n": N(3)},
    )
    assert answer["Items"] == [{"n": N(1)}, {"n": N(2)}]


# --- AttributesToGet -----------------------------------------------------------------------------


def test_only_the_attributes_asked_for_are_shown(table: Region) -> None:
    key = {"id": S("x"), "at": S("beta")}
    names = ["tag", "none", "n"]
    shown = {"tag": S("tag-beta"), "n": N(1)}
    assert table.get(key, AttributesToGet=names) == shown
    batch = table.call(
        "BatchGetItem", RequestItems={"things": {"Keys": [key], "AttributesToGet": names}}
    )
    assert batch["Responses"] == {"things": [shown]}
    only = {"at": compare("EQ", S("beta"))}
    assert query(table, only, AttributesToGet=names)["Items"] == [shown]
    scanned = table.call("Scan", TableName="things", AttributesToGet=names, ScanFilter=only)
    assert scanned["Items"] == [shown]


def test_an_item_with_none_of_them_is_shown_empty(table: Region) -> None:
    assert table.get({"id": S("x"), "at": S("beta")}, AttributesToGet=["none"]) == {}
    assert table.get({"id": S("x"), "at": S("nowhere")}, AttributesToGet=["none"]) is None


def test_a_dot_in_a_name_is_no_path(table: Region) -> None:
    table.put({"id": S("y"), "at": S("a"), "m": {"M": {"k": N(1)}}, "m.k": N(2)})
    assert table.get({"id": S("y"), "at": S("a")}, AttributesToGet=["m.k"]) == {"m.k": N(2)}


def test_a_local_index_fetches_what_it_does_not_keep(table: Region) -> None:
    answer = query(table, {"n": compare("EQ", N(2))}, IndexName="by-n", AttributesToGet=["tag"])
    assert answer["Items"] == [{"tag": S("tag-delta")}]


def test_select_may_say_what_they_mean_already(table: Region) -> None:
    answer = query(table, {}, AttributesToGet=["n"], Select="SPECIFIC_ATTRIBUTES", Limit=1)
    assert answer["Items"] == [{"n": N(0)}]
