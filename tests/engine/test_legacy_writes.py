"""Expected and AttributeUpdates: which writes they let through, and what these do."""

from __future__ import annotations

import pytest

from tests.region import Answer, Item, N, Region, S

KEY = {"id": S("x")}
ITEM: Item = {
    **KEY,
    "n": N(5),
    "s": S("hello"),
    "b": {"B": "aGVsbG8="},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "l": {"L": [N(1), S("x")]},
    "m": {"M": {"k": N(1)}},
    "yes": {"BOOL": True},
    "dotted.name": S("d"),
}


@pytest.fixture
def table(region: Region) -> Region:
    region.create()
    region.put(ITEM)
    return region


def compare(operator: str, *values: Answer) -> Answer:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


EXPECTATIONS: list[tuple[str, Answer, bool]] = [
    ("n", {"Value": N("5.0")}, True),
    ("n", {"Value": N(6)}, False),
    ("n", {"Exists": True, "Value": N(5)}, True),
    ("none", {"Value": N(5)}, False),
    ("none", {"Exists": False}, True),
    ("n", {"Exists": False}, False),
    ("n", {"ComparisonOperator": "EQ", "Value": N(5)}, True),
    ("n", compare("EQ", S("5")), False),
    ("m", compare("EQ", {"M": {"k": N("1.0")}}), True),
    ("ss", compare("EQ", {"SS": ["b", "a"]}), True),
    ("yes", compare("EQ", {"BOOL": True}), True),
    ("dotted.name", compare("EQ", S("d")), True),
    ("n", compare("NE", N(5)), False),
    ("n", compare("NE", S("5")), True),
    ("none", compare("NE", N(5)), True),
    ("n", compare("LT", N(6)), True),
    ("n", compare("LT", N(5)), False),
    ("n", compare("LE", N(5)), True),
    ("n", compare("GT", N(4)), True),
    ("n", compare("GT", N(5)), False),
    ("n", compare("GE", N(5)), True),
    ("n", compare("GE", S("4")), False),
    ("none", compare("GE", N(0)), False),
    ("n", {"ComparisonOperator": "NOT_NULL"}, True),
    ("none", compare("NOT_NULL"), False),
    ("none", {"ComparisonOperator": "NULL"}, True),
    ("n", compare("NULL"), False),
    ("s", compare("CONTAINS", S("ell")), True),
    ("ss", compare("CONTAINS", S("a")), True),
    ("ns", compare("CONTAINS", N("2.0")), True),
    ("l", compare("CONTAINS", S("x")), True),
    ("b", compare("CONTAINS", {"B": "ZWw="}), True),
    ("s", compare("CONTAINS", S("elk")), False),
    ("s", compare("NOT_CONTAINS", S("elk")), True),
    ("s", compare("NOT_CONTAINS", S("ell")), False),
    ("ss", compare("NOT_CONTAINS", S("c")), True),
    ("none", compare("NOT_CONTAINS", S("c")), False),
    ("s", compare("BEGINS_WITH", S("hel")), True),
    ("s", compare("BEGINS_WITH", S("el")), False),
    ("n", compare("BEGINS_WITH", S("5")), False),
    ("b", compare("BEGINS_WITH", {"B": "aGU="}), True),
    ("n", compare("IN", N(4), N(5)), True),
    ("n", compare("IN", N(4)), False),
    ("ss", compare("IN", S("a"), S("b")), False),
    ("n", compare("BETWEEN", N(5), N(6)), True),
    ("n", compare("BETWEEN", N(6), N(7)), False),
    ("s", compare("BETWEEN", S("a"), S("z")), True),
    ("none", compare("BETWEEN", S("a"), S("z")), False),
]


@pytest.mark.parametrize(("name", "expectation", "holds"), EXPECTATIONS)
def test_a_write_happens_when_its_expectation_holds(
    table: Region, name: str, expectation: Answer, holds: bool
) -> None:
    expected = {name: expectation}
    if holds:
        table.delete(KEY, Expected=expected)
        assert table.get(KEY) is None
    else:
        code, message = table.refusal("DeleteItem", TableName="things", Key=KEY, Expected=expected)
        assert (code, message) == (
            "ConditionalCheckFailedException",
            "The conditional request failed",
        )
        assert table.get(KEY) == ITEM


TRUE, FALSE = {"Value": N(5)}, {"Value": N(6)}


@pytest.mark.parametrize(
    ("expected", "operator", "holds"),
    [
        ({"n": TRUE, "none": {"Exists": False}}, None, True),
        ({"n": TRUE, "s": FALSE}, None, False),
        ({"n": TRUE, "s": FALSE}, "AND", False),
        ({"n": TRUE, "s": FALSE}, "OR", True),
        ({"s": FALSE, "n": TRUE}, "OR", True),
        ({"s": FALSE, "n": FALSE}, "OR", False),
        ({}, None, True),
    ],
)
def test_expectations_are_joined_by_the_conditional_operator(
    table: Region, expected: Answer, operator: str | None, holds: bool
) -> None:
    request: Answer = {"Expected": expected, "ConditionalOperator": operator}
    if holds:
        table.put({**KEY, "new": N(1)}, **request)
        assert table.get(KEY) == {**KEY, "new": N(1)}
    else:
        code, _ = table.refusal("PutItem", TableName="things", Item=KEY, **request)
        assert code == "ConditionalCheckFailedException"


def test_an_expectation_of_a_new_item_makes_a_put_an_insert(table: Region) -> None:
    absent = {"id": {"Exists": False}}
    table.put({"id": S("y")}, Expected=absent)
    code, _ = table.refusal("PutItem", TableName="things", Item={"id": S("y")}, Expected=absent)
    assert code == "ConditionalCheckFailedException"


def test_a_null_legacy_member_leaves_the_expression_in_force(table: Region) -> None:
    code, _ = table.refusal(
        "PutItem",
        TableName="things",
        Item=KEY,
        Expected=None,
        ConditionExpression="attribute_not_exists(id)",
    )
    assert code == "ConditionalCheckFailedException"


def test_another_operations_members_are_overlooked(table: Region) -> None:
    table.put(KEY, ScanFilter={"a": {}}, ConditionExpression="attribute_exists(id)")
    assert table.get(KEY, Expected={"a": {"Value": S("x")}}) == KEY


# --- AttributeUpdates ----------------------------------------------------------------------------


def update(table: Region, updates: Answer, key: Item = KEY, **more: object) -> Answer:
    return table.call("UpdateItem", TableName="things", Key=key, AttributeUpdates=updates, **more)


UPDATES: list[tuple[str, Answer, Answer | None]] = [
    ("n", {"Action": "PUT", "Value": S("new")}, S("new")),
    ("n", {"Value": N("07.50")}, N("7.5")),
    ("none", {"Value": {"M": {}}}, {"M": {}}),
    ("n", {"Action": "DELETE"}, None),
    ("none", {"Action": "DELETE"}, None),
    ("ss", {"Action": "DELETE", "Value": {"SS": ["b", "z"]}}, {"SS": ["a"]}),
    ("ss", {"Action": "DELETE", "Value": {"SS": ["a", "b"]}}, None),
    ("none", {"Action": "DELETE", "Value": {"SS": ["a"]}}, None),
    ("n", {"Action": "ADD", "Value": N("-7.5")}, N("-2.5")),
    ("none", {"Action": "ADD", "Value": N(7)}, N(7)),
    ("ns", {"Action": "ADD", "Value": {"NS": ["2.0", "3"]}}, {"NS": ["1", "2", "3"]}),
    ("none", {"Action": "ADD", "Value": {"SS": ["a"]}}, {"SS": ["a"]}),
    ("l", {"Action": "ADD", "Value": {"L": [N(1)]}}, {"L": [N(1), S("x"), N(1)]}),
    ("none", {"Action": "ADD", "Value": {"L": [N(1)]}}, {"L": [N(1)]}),
]


@pytest.mark.parametrize(("name", "change", "result"), UPDATES)
def test_an_action_changes_its_attribute_alone(
    table: Region, name: str, change: Answer, result: Answer | None
) -> None:
    update(table, {name: change})
    expected = {**ITEM, name: result}
    assert table.get(KEY) == {name: value for name, value in expected.items() if value is not None}


def test_several_attributes_change_at_once_and_are_returned(table: Region) -> None:
    answer = update(
        table,
        {
            "dotted.name": {"Value": S("e")},
            "n": {"Action": "ADD", "Value": N(1)},
            "s": {"Action": "DELETE"},
        },
        ReturnValues="UPDATED_NEW",
    )
    assert answer == {"Attributes": {"dotted.name": S("e"), "n": N(6)}}
    item = table.get(KEY)
    assert item is not None
    assert "s" not in item


def test_an_update_waits_on_its_expectation(table: Region) -> None:
    change = {"n": {"Action": "ADD", "Value": N(1)}}
    update(table, change, Expected={"n": {"Value": N(5)}})
    code, _ = table.refusal(
        "UpdateItem",
        TableName="things",
        Key=KEY,
        AttributeUpdates=change,
        Expected={"n": {"Value": N(5)}},
    )
    assert code == "ConditionalCheckFailedException"
    item = table.get(KEY)
    assert item is not None
    assert item["n"] == N(6)


NEW = {"id": S("new")}


@pytest.mark.parametrize(
    ("updates", "item"),
    [
        ({}, NEW),
        ({"a": {"Value": N(1)}}, {**NEW, "a": N(1)}),
        ({"a": {"Action": "ADD", "Value": N(1)}}, {**NEW, "a": N(1)}),
        ({"a": {"Action": "DELETE"}}, None),
        ({"a": {"Action": "DELETE", "Value": {"SS": ["x"]}}}, None),
    ],
)
def test_an_update_of_nothing_makes_an_item_unless_it_only_takes_away(
    table: Region, updates: Answer, item: Item | None
) -> None:
    update(table, updates, NEW)
    assert table.get(NEW) == item
