"""PutItem, GetItem, UpdateItem and DeleteItem: what they do, return and refuse."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from pelton.engine.errors import ConditionalCheckFailedException
from tests.region import Answer, Item, N, Region, S

KEY: Item = {"id": S("a")}
OLD: Item = {"id": S("a"), "n": N(1), "m": {"M": {"x": N(1), "y": N(2)}}, "v": S("old")}
FAILED = ("ConditionalCheckFailedException", "The conditional request failed")


@pytest.fixture
def filled(region: Region) -> Region:
    region.create()
    region.put(OLD)
    return region


def test_what_is_put_is_got(region: Region) -> None:
    region.create()
    item: Item = {
        "id": S("a"),
        "s": S(""),
        "n": N("-0.50"),
        "b": {"B": ""},
        "yes": {"BOOL": True},
        "nil": {"NULL": True},
        "ss": {"SS": ["q", "p"]},
        "ns": {"NS": ["1.0", "2"]},
        "bs": {"BS": ["AAEC"]},
        "l": {"L": [N("1e3"), {"L": []}]},
        "m": {"M": {"": {"M": {}}}},
        "zażółć": S("\U0001f980"),
    }
    assert region.put(item) == {}
    assert region.get(KEY) == {
        **item,
        "n": N("-0.5"),
        "ns": {"NS": ["1", "2"]},
        "l": {"L": [N("1000"), {"L": []}]},
    }
    assert region.get(KEY, ConsistentRead=True) == region.get(KEY)


def test_a_missing_item_is_got_as_an_empty_answer(region: Region) -> None:
    region.create()
    assert region.call("GetItem", TableName="things", Key=KEY) == {}


def test_a_projection_shows_parts_of_an_item(filled: Region) -> None:
    shown = filled.get(KEY, ProjectionExpression="m.x, #v", ExpressionAttributeNames={"#v": "v"})
    assert shown == {"m": {"M": {"x": N(1)}}, "v": S("old")}
    assert filled.get(KEY, ProjectionExpression="absent") == {}


def test_a_put_replaces_the_item_whole(filled: Region) -> None:
    filled.put({"id": S("a"), "w": S("new")})
    assert filled.get(KEY) == {"id": S("a"), "w": S("new")}


def test_a_key_is_found_under_every_spelling_of_its_number(region: Region) -> None:
    region.create("things", "id", "n", types={"n": "N"})
    region.put({"id": S("a"), "n": N("1.50E1"), "v": S("first")})
    region.put({"id": S("a"), "n": N("15"), "v": S("second")})
    assert region.call("Scan", TableName="things")["Items"] == [
        {"id": S("a"), "n": N(15), "v": S("second")}
    ]
    assert region.get({"id": S("a"), "n": N("+015.00")}) is not None
    assert region.delete({"id": S("a"), "n": N("0.15e2")}, ReturnValues="ALL_OLD") != {}
    assert region.call("Scan", TableName="things")["Count"] == 0


# --- ReturnValues ----------------------------------------------------------------------------


def test_put_and_delete_return_the_item_that_was_there(filled: Region) -> None:
    new = {"id": S("a"), "w": S("x")}
    assert filled.put(new, ReturnValues="ALL_OLD") == {"Attributes": OLD}
    assert filled.put(new, ReturnValues="NONE") == {}
    assert filled.put({"id": S("b")}, ReturnValues="ALL_OLD") == {}
    assert filled.delete(KEY, ReturnValues="ALL_OLD") == {"Attributes": new}
    assert filled.delete(KEY, ReturnValues="ALL_OLD") == {}
    assert filled.delete({"id": S("b")}) == {}


UPDATE = "SET v = :v, m.x = m.x + :one, w = :v REMOVE n"
NEW: Item = {"id": S("a"), "m": {"M": {"x": N(2), "y": N(2)}}, "v": S("new"), "w": S("new")}


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ("NONE", {}),
        ("ALL_OLD", {"Attributes": OLD}),
        ("ALL_NEW", {"Attributes": NEW}),
        ("UPDATED_OLD", {"Attributes": {"v": S("old"), "m": {"M": {"x": N(1)}}, "n": N(1)}}),
        ("UPDATED_NEW", {"Attributes": {"v": S("new"), "m": {"M": {"x": N(2)}}, "w": S("new")}}),
    ],
)
def test_an_update_returns_what_it_is_asked_for(
    filled: Region, returns: str, expected: Answer
) -> None:
    values = {":v": S("new"), ":one": N(1)}
    assert filled.update(KEY, UPDATE, values=values, ReturnValues=returns) == expected
    assert filled.get(KEY) == NEW


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ("NONE", {}),
        ("ALL_OLD", {}),
        ("UPDATED_OLD", {}),
        ("ALL_NEW", {"Attributes": {"id": S("b"), "v": S("x")}}),
        ("UPDATED_NEW", {"Attributes": {"v": S("x")}}),
    ],
)
def test_an_update_that_creates_an_item_has_nothing_old_to_return(
    filled: Region, returns: str, expected: Answer
) -> None:
    answer = filled.update(
        {"id": S("b")}, "SET v = :v", values={":v": S("x")}, ReturnValues=returns
    )
    assert answer == expected


@pytest.mark.parametrize("expression", ["REMOVE m.x", "REMOVE l[0]", "REMOVE v, m.x.y"])
def test_an_update_of_a_missing_item_fails_at_the_paths_it_lacks(
    filled: Region, expression: str
) -> None:
    code, message = filled.refusal(
        "UpdateItem", TableName="things", Key={"id": S("b")}, UpdateExpression=expression
    )
    assert code == "ValidationException"
    assert message == "The document path provided in the update expression is invalid for update"


def test_an_update_without_an_expression_returns_the_item(filled: Region) -> None:
    request = {"TableName": "things", "Key": KEY}
    assert filled.call("UpdateItem", **request, ReturnValues="ALL_NEW") == {"Attributes": OLD}
    assert filled.call("UpdateItem", **request, ReturnValues="UPDATED_NEW") == {}


@pytest.mark.parametrize("returns", ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
def test_put_and_delete_refuse_what_only_updates_return(filled: Region, returns: str) -> None:
    expected = ("ValidationException", "ReturnValues can only be ALL_OLD or NONE")
    for operation, member in (("PutItem", "Item"), ("DeleteItem", "Key")):
        request: dict[str, Any] = {"TableName": "things", member: KEY, "ReturnValues": returns}
        assert filled.refusal(operation, **request) == expected


# --- conditions ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "DeleteItem"])
def test_a_failed_condition_changes_nothing_and_shows_the_item_if_asked(
    filled: Region, operation: str
) -> None:
    member = "Item" if operation == "PutItem" else "Key"
    request: dict[str, Any] = {
        "TableName": "things",
        member: KEY,
        "ConditionExpression": "n > :n",
        "ExpressionAttributeValues": {":n": N(1)},
    }
    assert filled.refusal(operation, **request) == FAILED
    with pytest.raises(ConditionalCheckFailedException) as hidden:
        filled.call(operation, **request)
    assert hidden.value.item is None
    with pytest.raises(ConditionalCheckFailedException) as shown:
        filled.call(operation, **request, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert shown.value.item == OLD
    assert filled.get(KEY) == OLD
    request["ExpressionAttributeValues"] = {":n": N(0)}
    assert filled.call(operation, **request) == {}
    assert filled.get(KEY) == {"PutItem": KEY, "UpdateItem": OLD, "DeleteItem": None}[operation]


def test_a_condition_on_a_missing_item_sees_no_attributes(filled: Region) -> None:
    missing = {"id": S("missing")}
    for condition in ("attribute_exists(id)", "id = :id", "NOT attribute_not_exists(n)"):
        values = {"ExpressionAttributeValues": {":id": S("missing")}} if ":id" in condition else {}
        request: dict[str, Any] = {"ConditionExpression": condition, **values}
        assert filled.refusal("PutItem", TableName="things", Item=missing, **request) == FAILED
        assert filled.refusal("DeleteItem", TableName="things", Key=missing, **request) == FAILED
    assert filled.get(missing) is None
    filled.delete(missing, ConditionExpression="attribute_not_exists(id)")
    filled.put(missing, ConditionExpression="attribute_not_exists(id)")
    assert filled.get(missing) == missing


def test_one_of_two_puts_that_want_an_empty_place_gets_it(filled: Region) -> None:
    request = {
        "TableName": "things",
        "Item": {"id": S("free")},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    works = [filled.database.prepare("PutItem", request)[1] for _ in range(3)]
    errors = filled.together(*works)
    assert errors[0] is None
    assert [type(error) for error in errors[1:]] == [ConditionalCheckFailedException] * 2


# --- updates ---------------------------------------------------------------------------------


def test_updates_count_without_losing_any(filled: Region) -> None:
    request = {
        "TableName": "things",
        "Key": {"id": S("counter")},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": N(1)},
    }
    works = [filled.database.prepare("UpdateItem", request)[1] for _ in range(100)]
    assert filled.together(*works) == [None] * 100
    assert filled.get({"id": S("counter")}) == {"id": S("counter"), "n": N(100)}


def test_an_update_reads_the_item_as_it_was(filled: Region) -> None:
    filled.update(KEY, "SET n = v, v = n")
    item = filled.get(KEY)
    assert item is not None
    assert (item["n"], item["v"]) == (S("old"), N(1))


@pytest.mark.parametrize(
    ("expression", "values", "message"),
    [
        (
            "SET n = n + :s",
            {":s": S("x")},
            "Invalid UpdateExpression: Incorrect operand type for operator or function; operator "
            "or function: +, operand type: S",
        ),
        (
            "SET v = v + :n",
            {":n": N(1)},
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "SET w = absent",
            {},
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            "SET v.w = :n",
            {":n": N(1)},
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "SET absent.w = :n",
            {":n": N(1)},
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "ADD v :n",
            {":n": N(1)},
            "An operand in the update expression has an incorrect data type",
        ),
        (
            "SET id = :n",
            {":n": S("b")},
            "One or more parameter values were invalid: Cannot update attribute id. This attribute "
            "is part of the key",
        ),
        (
            "REMOVE id",
            {},
            "One or more parameter values were invalid: Cannot update attribute id. This attribute "
            "is part of the key",
        ),
        (
            "SET v = :n",
            {},
            "Invalid UpdateExpression: An expression attribute value used in expression is not "
            "defined; attribute value: :n",
        ),
        (
            "SET v = :n",
            {":n": N(1), ":m": N(2)},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:m}",
        ),
        ("", {":n": N(1)}, "Invalid UpdateExpression: The expression can not be empty;"),
    ],
)
def test_updates_that_cannot_be_done_change_nothing(
    filled: Region, expression: str, values: Item, message: str
) -> None:
    more: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
    code, told = filled.refusal(
        "UpdateItem", TableName="things", Key=KEY, UpdateExpression=expression, **more
    )
    assert (code, told) == ("ValidationException", message)
    assert filled.get(KEY) == OLD


# --- keys and sizes --------------------------------------------------------------------------

NO_MATCH = "The provided key element does not match the schema"


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"other": S("a")},
        {"id": N(1)},
        {"id": S("a"), "n": N(1)},
        {"id": {"SS": ["a"]}},
    ],
)
def test_keys_of_another_shape_are_refused(filled: Region, key: Item) -> None:
    for operation in ("GetItem", "DeleteItem", "UpdateItem"):
        assert filled.refusal(operation, TableName="things", Key=key) == (
            "ValidationException",
            NO_MATCH,
        )


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"v": S("x")}, "Missing the key id in the item"),
        ({"id": N(1)}, "Type mismatch for key id expected: S actual: N"),
        ({"id": {"NULL": True}}, "Type mismatch for key id expected: S actual: NULL"),
    ],
)
def test_items_without_their_key_are_refused(filled: Region, item: Item, message: str) -> None:
    assert filled.refusal("PutItem", TableName="things", Item=item) == (
        "ValidationException",
        f"One or more parameter values were invalid: {message}",
    )


def test_empty_keys_are_refused(region: Region) -> None:
    region.create("things", "id", "raw", types={"raw": "B"})
    of_item, of_key = (
        f"One or more parameter values {words} The AttributeValue for a key attribute "
        for words in ("are not valid.", "were invalid:")
    )
    for key, message in (
        ({"id": S(""), "raw": {"B": "AA=="}}, "cannot contain an empty string value. Key: id"),
        ({"id": S("a"), "raw": {"B": ""}}, "cannot contain an empty binary value. Key: raw"),
    ):
        expected = ("ValidationException", of_item + message)
        assert region.refusal("PutItem", TableName="things", Item=key) == expected
        expected = ("ValidationException", of_key + message)
        assert region.refusal("GetItem", TableName="things", Key=key) == expected
        assert region.refusal("DeleteItem", TableName="things", Key=key) == expected


def test_keys_have_a_longest_length(region: Region) -> None:
    region.create("things", "id", "sk")
    fits = {"id": S("é" * 1024), "sk": S("x" * 1024)}
    region.put(fits)
    assert region.get(fits) == fits
    long_partition = {"id": S("é" * 1024 + "x"), "sk": S("x")}
    long_sort = {"id": S("a"), "sk": S("x" * 1025)}
    invalid = "One or more parameter values were invalid: "
    for key, message in (
        (long_partition, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        (
            long_sort,
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ),
    ):
        assert region.refusal("PutItem", TableName="things", Item=key) == (
            "ValidationException",
            invalid + message,
        )


def test_an_item_has_400_kilobytes_at_most(region: Region) -> None:
    region.create()
    # The names id and v with the key "a" take four bytes.
    fits = {"id": S("a"), "v": S("x" * (400 * 1024 - 4))}
    region.put(fits)
    assert region.get(KEY) == fits
    assert region.refusal(
        "PutItem", TableName="things", Item={"id": S("a"), "v": S("x" * (400 * 1024 - 3))}
    ) == ("ValidationException", "Item size has exceeded the maximum allowed size")
    assert region.refusal(
        "UpdateItem",
        TableName="things",
        Key=KEY,
        UpdateExpression="SET w = :w",
        ExpressionAttributeValues={":w": S("")},
    ) == ("ValidationException", "Item size to update has exceeded the maximum allowed size")
    assert region.get(KEY) == fits


@pytest.mark.parametrize("operation", ["PutItem", "GetItem", "UpdateItem", "DeleteItem"])
def test_unknown_tables_are_not_found(region: Region, operation: str) -> None:
    member = "Item" if operation == "PutItem" else "Key"
    request: dict[str, Any] = {"TableName": "nothing", member: KEY}
    assert region.refusal(operation, **request) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_a_table_may_be_named_by_its_arn(filled: Region) -> None:
    arn = filled.describe()["TableArn"]
    assert filled.get(KEY, name=arn) == OLD
    code, _ = filled.refusal("GetItem", TableName=arn.replace("us-east-1", "eu-west-1"), Key=KEY)
    assert code == "ResourceNotFoundException"


def test_a_refused_write_leaves_nothing_for_the_collector(filled: Region) -> None:
    request = {
        "TableName": "things",
        "Item": KEY,
        "ConditionExpression": "attribute_exists(never)",
    }
    gc.disable()
    try:
        try:
            filled.database.call("PutItem", request)
        except ConditionalCheckFailedException as error:
            refused = weakref.ref(error)
        filled.put(KEY)  # The writer forgets the outcome before.
        assert refused() is None
    finally:
        gc.enable()
