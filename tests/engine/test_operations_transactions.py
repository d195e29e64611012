"""TransactWriteItems and TransactGetItems: all or nothing, and why not."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest

from pelton.engine.errors import TransactionCanceledException
from pelton.engine.operations.transact_write_items import TOKEN_KIND
from pelton.engine.storage.port import META_SPACE
from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, index

CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons "
NONE = {"Code": "None"}
FAILED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}


def key(name: str) -> Item:
    return {"id": S(name)}


def put(name: str, **more: Any) -> Answer:
    attributes = {name: more.pop(name) for name in ("n", "v") if name in more}
    return {"Put": {"TableName": "things", "Item": {**key(name), **attributes}, **more}}


def update(name: str, expression: str, **more: Any) -> Answer:
    return {
        "Update": {
            "TableName": "things",
            "Key": key(name),
            "UpdateExpression": expression,
            **more,
        }
    }


def delete(name: str, **more: Any) -> Answer:
    return {"Delete": {"TableName": "things", "Key": key(name), **more}}


def check(name: str, condition: str, **more: Any) -> Answer:
    return {
        "ConditionCheck": {
            "TableName": "things",
            "Key": key(name),
            "ConditionExpression": condition,
            **more,
        }
    }


def transact(region: Region, *actions: Answer, **more: Any) -> Answer:
    return region.call("TransactWriteItems", TransactItems=list(actions), **more)


def cancellation(region: Region, *actions: Answer, **more: Any) -> TransactionCanceledException:
    with pytest.raises(TransactionCanceledException) as caught:
        transact(region, *actions, **more)
    return caught.value


@pytest.fixture
def filled(region: Region) -> Region:
    region.create(stream="NEW_AND_OLD_IMAGES", shared=[index("by-v", "v")])
    region.put({**key("a"), "n": N(1), "v": S("x")})
    region.put({**key("b"), "n": N(2)})
    return region


def everything(region: Region) -> dict[str, Item]:
    return {item["id"]["S"]: item for item in region.items("Scan", TableName="things")}


def test_all_kinds_of_action_happen_together(filled: Region) -> None:
    filled.create("more")
    answer = transact(
        filled,
        put("new", n=N(3)),
        update("a", "SET n = n + :one", ExpressionAttributeValues={":one": N(1)}),
        delete("b", ConditionExpression="n = :n", ExpressionAttributeValues={":n": N(2)}),
        check("absent", "attribute_not_exists(id)"),
        {"Put": {"TableName": "more", "Item": key("elsewhere")}},
    )
    assert answer == {}
    assert everything(filled) == {
        "a": {**key("a"), "n": N(2), "v": S("x")},
        "new": {**key("new"), "n": N(3)},
    }
    assert filled.get(key("elsewhere"), name="more") == key("elsewhere")
    assert index_faults(filled, "things") == []


def test_one_failed_condition_cancels_all_and_every_action_has_a_reason(filled: Region) -> None:
    before, records = everything(filled), filled.records()
    error = cancellation(
        filled,
        put("new"),
        check("a", "n > :n", ExpressionAttributeValues={":n": N(1)}),
        delete("b"),
        update(
            "absent",
            "SET n = :n",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":n": N(1)},
        ),
    )
    assert error.message == (
        CANCELLED + "[None, ConditionalCheckFailed, None, ConditionalCheckFailed]"
    )
    assert error.reasons == [NONE, FAILED, NONE, FAILED]
    assert everything(filled) == before
    assert filled.records() == records
    assert index_faults(filled, "things") == []


@pytest.mark.parametrize("kind", ["Put", "Update", "Delete", "ConditionCheck"])
def test_a_reason_shows_the_item_if_the_action_asks_for_it(filled: Region, kind: str) -> None:
    condition: dict[str, Any] = {
        "ConditionExpression": "n > :n",
        "ExpressionAttributeValues": {":n": N(5)},
    }
    target = {"Item": {**key("a")}} if kind == "Put" else {"Key": key("a")}
    body = {"TableName": "things", **target, **condition}
    if kind == "Update":
        body["UpdateExpression"] = "REMOVE v"
    error = cancellation(filled, {kind: {**body, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}})
    assert error.reasons == [{**FAILED, "Item": {**key("a"), "n": N(1), "v": S("x")}}]
    assert cancellation(filled, {kind: body}).reasons == [FAILED]


def test_a_missing_item_has_nothing_to_show(filled: Region) -> None:
    error = cancellation(
        filled,
        check("absent", "attribute_exists(id)", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
    )
    assert error.reasons == [FAILED]


def test_an_update_that_does_not_fit_its_item_is_a_reason_too(filled: Region) -> None:
    error = cancellation(
        filled,
        put("new"),
        update("a", "SET m = v + :one", ExpressionAttributeValues={":one": N(1)}),
    )
    assert error.message == CANCELLED + "[None, ValidationError]"
    assert error.reasons == [
        NONE,
        {
            "Code": "ValidationError",
            "Message": "An operand in the update expression has an incorrect data type",
        },
    ]
    assert "new" not in everything(filled)


def test_conditions_see_the_items_as_they_were_before_the_transaction(filled: Region) -> None:
    transact(
        filled,
        update("a", "SET n = :n", ExpressionAttributeValues={":n": N(10)}),
        check("b", "n = :n", ExpressionAttributeValues={":n": N(2)}),
    )
    error = cancellation(filled, put("c"), check("d", "attribute_exists(id)"))
    assert error.reasons == [NONE, FAILED]


MULTIPLE = (
    "ValidationException",
    "Transaction request cannot include multiple operations on one item",
)


@pytest.mark.parametrize(
    "second", [put("a"), delete("a"), update("a", "REMOVE n"), check("a", "attribute_exists(id)")]
)
def test_an_item_may_be_named_once(filled: Region, second: Answer) -> None:
    assert filled.refusal("TransactWriteItems", TransactItems=[put("a"), second]) == MULTIPLE


def test_transactions_that_cannot_be_are_refused_before_they_begin(filled: Region) -> None:
    for actions, expected in (
        ([], "ValidationException"),
        ([{}], "ValidationException"),
        ([{**put("c"), **delete("d")}], "ValidationException"),
        ([put(str(n)) for n in range(101)], "ValidationException"),
        (
            [{"Put": {"TableName": "nothing", "Item": key("c")}}],
            "ResourceNotFoundException",
        ),
        ([{"Put": {"TableName": "things", "Item": {"v": S("x")}}}], "ValidationException"),
        (
            [update("c", "SET id = :n", ExpressionAttributeValues={":n": S("x")})],
            "ValidationException",
        ),
    ):
        code, _ = filled.refusal("TransactWriteItems", TransactItems=actions)
        assert code == expected
    assert set(everything(filled)) == {"a", "b"}


def test_a_hundred_actions_are_allowed(filled: Region) -> None:
    transact(filled, *(put(f"many {n}") for n in range(100)))
    assert len(everything(filled)) == 102


def test_four_megabytes_are_the_most_that_a_transaction_writes(filled: Region) -> None:
    text = S("x" * 380_000)
    transact(filled, *(put(f"big {n}", n=text) for n in range(11)))
    more = [put(f"bigger {n}", n=text) for n in range(12)]
    code, _ = filled.refusal("TransactWriteItems", TransactItems=more)
    assert code == "ValidationException"
    assert len(everything(filled)) == 2 + 11


# --- client request tokens -------------------------------------------------------------------


def count(region: Region) -> str:
    item = region.get(key("a"))
    assert item is not None
    number: str = item["n"]["N"]
    return number


ADD = update("a", "ADD n :one", ExpressionAttributeValues={":one": N(1)})


def test_a_token_makes_a_repetition_do_nothing(filled: Region) -> None:
    for _ in range(3):
        assert transact(filled, ADD, ClientRequestToken="once") == {}
    assert count(filled) == "2"
    transact(filled, ADD, ClientRequestToken="twice")
    transact(filled, ADD)
    transact(filled, ADD)
    assert count(filled) == "5"


def test_a_token_is_forgotten_after_ten_minutes(filled: Region) -> None:
    transact(filled, ADD, ClientRequestToken="once")
    filled.clock.advance(seconds=600)
    transact(filled, ADD, ClientRequestToken="once")
    assert count(filled) == "2"
    filled.clock.advance(seconds=0.001)
    transact(filled, ADD, ClientRequestToken="once")
    assert count(filled) == "3"


def test_a_token_with_other_parameters_is_refused(filled: Region) -> None:
    transact(filled, ADD, ClientRequestToken="once")
    code, message = filled.refusal(
        "TransactWriteItems", TransactItems=[put("c")], ClientRequestToken="once"
    )
    assert code == "IdempotentParameterMismatchException"
    assert message.startswith("The request uses the same client token as a previous")
    assert "c" not in everything(filled)


def test_a_token_of_a_cancelled_transaction_may_be_used_again(filled: Region) -> None:
    wait = check("c", "attribute_exists(id)")
    cancellation(filled, ADD, wait, ClientRequestToken="once")
    filled.put(key("c"))
    transact(filled, ADD, wait, ClientRequestToken="once")
    assert count(filled) == "2"


def test_a_token_is_remembered_over_a_reopening(tmp_path: Any) -> None:
    first = Region(tmp_path / "x.db")
    first.create()
    first.put({**key("a"), "n": N(1)})
    transact(first, ADD, ClientRequestToken="once")
    first.close()
    again = Region(tmp_path / "x.db", clock=first.clock)
    transact(again, ADD, ClientRequestToken="once")
    assert count(again) == "2"
    again.close()


def test_expired_tokens_do_not_pile_up(filled: Region) -> None:
    def kept() -> int:
        rows = filled.database.store.read(
            lambda reader: list(reader.query(META_SPACE, 0, TOKEN_KIND))
        )
        return len(rows)

    def use_tokens(first: int) -> None:
        for number in range(first, first + 200):
            token = blake2b(b"%d" % number, digest_size=16).hexdigest()
            transact(filled, ADD, ClientRequestToken=token)

    use_tokens(0)
    assert kept() == 200
    for first in range(200, 1000, 200):
        filled.clock.advance(seconds=601)
        use_tokens(first)
        assert 200 <= kept() < 300
    assert count(filled) == "1001"


# --- TransactGetItems ------------------------------------------------------------------------


def get(name: str, table: str = "things", **more: Any) -> Answer:
    return {"Get": {"TableName": table, "Key": key(name), **more}}


def test_items_are_got_in_the_order_they_were_asked_for(filled: Region) -> None:
    filled.create("more")
    filled.put({**key("c"), "n": N(3)}, name="more")
    answer = filled.call(
        "TransactGetItems",
        TransactItems=[
            get("b"),
            get("absent"),
            get("c", "more"),
            get("a", ProjectionExpression="#n", ExpressionAttributeNames={"#n": "n"}),
        ],
    )
    assert answer == {
        "Responses": [
            {"Item": {**key("b"), "n": N(2)}},
            {},
            {"Item": {**key("c"), "n": N(3)}},
            {"Item": {"n": N(1)}},
        ]
    }


def test_gets_that_cannot_be_are_refused(filled: Region) -> None:
    for actions, expected in (
        ([], "ValidationException"),
        ([get("a", "nothing")], "ResourceNotFoundException"),
        (
            [{"Get": {"TableName": "things", "Key": {"other": S("a")}}}],
            "TransactionCanceledException",
        ),
        ([get(str(n)) for n in range(101)], "ValidationException"),
        ([get("a"), get("a")], "ValidationException"),
    ):
        code, _ = filled.refusal("TransactGetItems", TransactItems=actions)
        assert code == expected


def test_an_action_that_the_api_does_not_have_is_refused(region: Region) -> None:
    for action in ({}, {"N": "5"}, {"Get": {"TableName": "things", "Key": key("a")}}):
        code, message = region.refusal("TransactWriteItems", TransactItems=[action])
        assert code == "ValidationException"
        assert message == "TransactItems can only contain one of Check, Put, Update or Delete"
