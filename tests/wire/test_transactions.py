"""TransactWriteItems and TransactGetItems through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from .tables import WireTable, refusal_of


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def write(table: WireTable, *actions: dict[str, Any], **more: Any) -> Any:
    """Runs actions, each of one kind, on a table."""
    items = [
        {kind: {"TableName": table.name, **members}}
        for action in actions
        for kind, members in action.items()
    ]
    return table.client.transact_write_items(TransactItems=items, **more)  # type: ignore[arg-type]


def test_all_kinds_of_actions_happen_together(table: WireTable) -> None:
    table.put({**key("count"), "n": {"N": "1"}})
    table.put(key("old"))
    table.put(key("guard"))
    write(
        table,
        {"Put": {"Item": key("new")}},
        {
            "Update": {
                "Key": key("count"),
                "UpdateExpression": "ADD n :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {"Delete": {"Key": key("old")}},
        {"ConditionCheck": {"Key": key("guard"), "ConditionExpression": "attribute_exists(id)"}},
    )
    assert table.get(key("new")) == key("new")
    assert table.get(key("count")) == {**key("count"), "n": {"N": "2"}}
    assert table.get(key("old")) is None


def test_one_condition_that_fails_cancels_everything(table: WireTable) -> None:
    table.put({**key("there"), "n": {"N": "1"}})
    with pytest.raises(table.client.exceptions.TransactionCanceledException) as caught:
        write(
            table,
            {"Put": {"Item": key("new")}},
            {
                "Put": {
                    "Item": key("there"),
                    "ConditionExpression": "attribute_not_exists(id)",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
        )
    answer: Any = caught.value.response
    assert answer["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]"
    )
    assert answer["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {**key("there"), "n": {"N": "1"}},
        },
    ]
    assert table.get(key("new")) is None


def test_a_token_makes_a_transaction_happen_once(table: WireTable) -> None:
    add = {
        "Update": {
            "Key": key("count"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    token = f"token-{table.name}"[:36]
    write(table, add, ClientRequestToken=token)
    write(table, add, ClientRequestToken=token)
    assert (table.get(key("count")) or {})["n"] == {"N": "1"}
    with pytest.raises(table.client.exceptions.IdempotentParameterMismatchException):
        write(table, {"Put": {"Item": key("other")}}, ClientRequestToken=token)
    assert table.get(key("other")) is None


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (
            [{"Put": {"Item": key("a")}}, {"Delete": {"Key": key("a")}}],
            "Transaction request cannot include multiple operations on one item",
        ),
        (
            [{"Put": {"Item": key(str(number))}} for number in range(101)],
            "Member must have length less than or equal to 100",
        ),
    ],
)
def test_wrong_transactions_are_refused(
    table: WireTable, actions: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(table.client.exceptions.ClientError) as caught:
        write(table, *actions)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert message in error["Message"]
    assert table.call("scan")["Count"] == 0


def test_reads_see_one_moment_and_keep_their_order(table: WireTable) -> None:
    table.put({**key("a"), "n": {"N": "1"}, "more": {"S": "x"}})
    table.put(key("b"))
    gets = [
        {"Get": {"TableName": table.name, "Key": key("b")}},
        {"Get": {"TableName": table.name, "Key": key("missing")}},
        {"Get": {"TableName": table.name, "Key": key("a"), "ProjectionExpression": "n"}},
    ]
    answer = table.client.transact_get_items(TransactItems=gets)  # type: ignore[arg-type]
    assert answer["Responses"] == [{"Item": key("b")}, {}, {"Item": {"n": {"N": "1"}}}]


def test_a_read_of_no_table_is_refused(table: WireTable) -> None:
    gets = [{"Get": {"TableName": "pelton-never-made", "Key": key("a")}}]
    assert refusal_of(table.client.transact_get_items, TransactItems=gets) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
