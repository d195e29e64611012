"""BatchExecuteStatement and ExecuteTransaction."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.engine.errors import TransactionCanceledException
from tests.region import Region, S

DUPLICATE = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
BOTH = "must consist of either only read or only write statements"


@pytest.fixture
def things(region: Region) -> Region:
    region.create()
    batch(region, insert("a"), insert("b"))
    return region


def insert(name: str) -> str:
    return f"INSERT INTO things VALUE {{'id': '{name}', 'v': '{name}'}}"


def select(name: str) -> str:
    return f"SELECT * FROM things WHERE id = '{name}'"


def batch(region: Region, *texts: str) -> list[dict[str, Any]]:
    statements = [{"Statement": text} for text in texts]
    responses: list[dict[str, Any]] = region.call("BatchExecuteStatement", Statements=statements)[
        "Responses"
    ]
    return responses


def transact(region: Region, *texts: str, **more: Any) -> list[dict[str, Any]]:
    statements = [{"Statement": text} for text in texts]
    answer = region.call("ExecuteTransaction", TransactStatements=statements, **more)
    responses: list[dict[str, Any]] = answer["Responses"]
    return responses


def test_a_batch_reads_items(things: Region) -> None:
    assert batch(things, select("a"), select("none")) == [
        {"TableName": "things", "Item": {"id": S("a"), "v": S("a")}},
        {"TableName": "things"},
    ]


def test_a_batch_goes_on_behind_errors(things: Region) -> None:
    responses = batch(
        things,
        insert("a"),
        insert("c"),
        "DELETE FROM nowhere WHERE id = 'a'",
        "UPDATE things SET v = 'z' WHERE id = 'a' AND v = 'other'",
        "DELETE FRM things",
    )
    codes = [response.get("Error", {}).get("Code") for response in responses]
    assert codes == [
        "DuplicateItem",
        None,
        "ResourceNotFound",
        "ConditionalCheckFailed",
        "ValidationError",
    ]
    assert responses[0]["Error"] == DUPLICATE
    assert things.call("GetItem", TableName="things", Key={"id": S("c")})["Item"]["v"] == S("c")


def test_a_transaction_reads_or_writes(things: Region) -> None:
    assert transact(things, select("a"), select("none")) == [
        {"Item": {"id": S("a"), "v": S("a")}},
        {},
    ]
    statements = [{"Statement": select("a")}, {"Statement": insert("c")}]
    code, message = things.refusal("ExecuteTransaction", TransactStatements=statements)
    assert (code, message) == ("ValidationException", f"ExecuteTransaction {BOTH}")
    code, message = things.refusal("BatchExecuteStatement", Statements=statements)
    assert (code, message) == ("ValidationException", f"BatchExecuteStatement {BOTH}")


def test_a_transaction_happens_whole_or_not_at_all(things: Region) -> None:
    with pytest.raises(TransactionCanceledException) as caught:
        transact(things, insert("c"), insert("a"))
    assert caught.value.reasons == [{"Code": "None"}, DUPLICATE]
    assert "Item" not in things.call("GetItem", TableName="things", Key={"id": S("c")})
    assert transact(things, insert("c"), "DELETE FROM things WHERE id = 'a'") == [{}, {}]
    assert batch(things, select("a"), select("c"))[0] == {"TableName": "things"}


@pytest.mark.parametrize(("value", "happens"), [("b", True), ("other", False)])
def test_exists_guards_a_transaction(things: Region, value: str, happens: bool) -> None:
    texts = (insert("c"), f"EXISTS(SELECT * FROM things WHERE id = 'b' AND v = '{value}')")
    if happens:
        transact(things, *texts)
    else:
        with pytest.raises(TransactionCanceledException) as caught:
            transact(things, *texts)
        assert [reason["Code"] for reason in caught.value.reasons] == [
            "None",
            "ConditionalCheckFailed",
        ]
    assert ("Item" in batch(things, select("c"))[0]) is happens


def test_a_token_makes_a_repetition_nothing(things: Region) -> None:
    for _ in range(2):
        assert transact(things, insert("c"), ClientRequestToken="t") == [{}]
    statements = [{"Statement": insert("d")}]
    code, _ = things.refusal(
        "ExecuteTransaction", TransactStatements=statements, ClientRequestToken="t"
    )
    assert code == "IdempotentParameterMismatchException"
