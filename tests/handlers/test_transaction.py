from __future__ import annotations

from typing import Any

import pytest

from pelton.engine.errors import ResourceNotFoundException, ValidationException
from pelton.handlers.errors import ReadConflict
from pelton.handlers.transaction import HandlerTransaction
from pelton.table import Table
from tests.handlers.stage import Stage


def commit(stage: Stage, transaction: HandlerTransaction) -> None:
    stage.database.write(transaction.apply)


def begin(stage: Stage) -> HandlerTransaction:
    if "totals" not in stage.database.catalog.tables:
        stage.source("totals")
    return HandlerTransaction(stage.database)


def test_nothing_is_written_before_the_commit(stage: Stage) -> None:
    transaction = begin(stage)
    transaction.put("totals", {"id": "a", "n": 1})
    assert stage.load("totals", id="a") is None
    commit(stage, transaction)
    assert stage.load("totals", id="a") == {"id": "a", "n": 1}


def test_reads_see_the_writes_before_them(stage: Stage) -> None:
    transaction = begin(stage)
    stage.save("totals", id="a", n=1)
    transaction.update("totals", {"id": "a"}, "SET n = n + :one", values={":one": 1})
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "n": 2}
    transaction.put("totals", {"id": "a", "n": 10})
    transaction.update("totals", {"id": "a"}, "ADD n :one", values={":one": 1})
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "n": 11}
    transaction.delete("totals", {"id": "a"})
    assert transaction.get("totals", {"id": "a"}) is None
    transaction.update(
        "totals", {"id": "a"}, "SET #x = :v", names={"#x": "x"}, values={":v": [None]}
    )
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "x": [None]}
    commit(stage, transaction)
    assert stage.load("totals", id="a") == {"id": "a", "x": [None]}


def test_a_read_is_repeatable(stage: Stage) -> None:
    transaction = begin(stage)
    stage.save("totals", id="a", n=1)
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "n": 1}
    stage.save("totals", id="a", n=2)
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "n": 1}


@pytest.mark.parametrize("is_there", [True, False])
def test_a_commit_fails_when_what_was_read_has_changed(stage: Stage, is_there: bool) -> None:
    transaction = begin(stage)
    if is_there:
        stage.save("totals", id="a", n=1)
    transaction.get("totals", {"id": "a"})
    transaction.put("totals", {"id": "b"})
    stage.save("totals", id="a", n=2)
    with pytest.raises(ReadConflict):
        commit(stage, transaction)
    assert stage.load("totals", id="b") is None


def test_an_update_without_a_read_meets_the_item_as_it_is_then(stage: Stage) -> None:
    transaction = begin(stage)
    stage.save("totals", id="a", n=1)
    transaction.update("totals", {"id": "a"}, "ADD n :one", values={":one": 1})
    stage.save("totals", id="a", n=100)
    commit(stage, transaction)
    assert stage.load("totals", id="a") == {"id": "a", "n": 101}


def test_all_writes_of_one_item_make_one_change(stage: Stage) -> None:
    transaction = begin(stage)
    for _ in range(3):
        transaction.update("totals", {"id": "a"}, "ADD n :one", values={":one": 1})
    transaction.put("totals", {"id": "b"})
    transaction.delete("totals", {"id": "b"})
    commit(stage, transaction)
    (record,) = stage.records(stage.stream_arn("totals"))
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "n": {"N": "3"}}


def test_updates_that_are_alike_are_told_apart_by_what_they_would_write(stage: Stage) -> None:
    transaction = begin(stage)
    for value in (1, True, 1, "1", 1.0, 0, False):
        for item in ("a", "b"):
            transaction.update(
                "totals",
                {"id": item},
                "SET seen = list_append(if_not_exists(seen, :none), :one)",
                values={":none": [], ":one": [value]},
            )
    commit(stage, transaction)
    for record in stage.records(stage.stream_arn("totals")):
        assert record["dynamodb"]["NewImage"]["seen"]["L"] == [
            {"N": "1"},
            {"BOOL": True},
            {"N": "1"},
            {"S": "1"},
            {"N": "1"},
            {"N": "0"},
            {"BOOL": False},
        ]


def test_one_write_that_fails_leaves_nothing_of_the_others(stage: Stage) -> None:
    transaction = begin(stage)
    stage.save("totals", id="b", n="text")
    transaction.put("totals", {"id": "a"})
    transaction.update("totals", {"id": "b"}, "ADD n :one", values={":one": 1})
    with pytest.raises(ValidationException, match="type"):
        commit(stage, transaction)
    assert stage.load("totals", id="a") is None


def test_what_can_be_refused_is_refused_at_once(stage: Stage) -> None:
    transaction = begin(stage)
    with pytest.raises(ResourceNotFoundException):
        transaction.put("nowhere", {"id": "a"})
    with pytest.raises(ValidationException, match="Missing the key id"):
        transaction.put("totals", {"n": 1})
    with pytest.raises(ValidationException, match="Invalid UpdateExpression"):
        transaction.update("totals", {"id": "a"}, "ADD")
    with pytest.raises(ValidationException, match="does not match the schema"):
        transaction.delete("totals", {"n": 1})
    with pytest.raises(TypeError, match="when: complex"):
        transaction.put("totals", {"id": "a", "when": 1j})
    assert not transaction.has_writes


def test_writes_can_be_taken_back_to_a_mark(stage: Stage) -> None:
    transaction = begin(stage)
    transaction.update("totals", {"id": "a"}, "ADD n :one", values={":one": 1})
    mark = transaction.mark()
    transaction.update("totals", {"id": "a"}, "ADD n :one", values={":one": 1})
    transaction.put("totals", {"id": "b"})
    transaction.rewind(mark)
    assert transaction.get("totals", {"id": "a"}) == {"id": "a", "n": 1}
    assert transaction.get("totals", {"id": "b"}) is None
    commit(stage, transaction)
    assert stage.all("totals") == [{"id": "a", "n": 1}]


def test_a_table_may_be_given_as_its_face(stage: Stage) -> None:
    transaction = begin(stage)
    totals = Table(stage.database, "totals", ("id",))
    transaction.put(totals, {"id": "a"})
    assert transaction.get(totals, {"id": "a"}) == {"id": "a"}
    transaction.delete(totals, {"id": "a"})
    assert transaction.get(totals, {"id": "a"}) is None


def test_writes_meet_the_table_as_it_is_at_the_commit(stage: Stage) -> None:
    transaction = begin(stage)
    transaction.put("totals", {"id": "a"})
    stage.call("DeleteTable", TableName="totals")
    with pytest.raises(ResourceNotFoundException):
        commit(stage, transaction)
    stage.create("totals")
    commit(stage, transaction)
    assert stage.all("totals") == [{"id": "a"}]


def test_a_table_that_was_made_anew_is_not_the_one_that_was_read(stage: Stage) -> None:
    transaction = begin(stage)
    stage.save("totals", id="a")
    transaction.get("totals", {"id": "a"})
    transaction.put("totals", {"id": "b"})
    stage.call("DeleteTable", TableName="totals")
    stage.create("totals")
    with pytest.raises(ReadConflict):
        commit(stage, transaction)


def test_a_transaction_ends_with_its_delivery(stage: Stage) -> None:
    transaction = begin(stage)
    transaction.close()
    late: list[Any] = [
        lambda: transaction.put("totals", {"id": "a"}),
        lambda: transaction.get("totals", {"id": "a"}),
    ]
    for call in late:
        with pytest.raises(RuntimeError, match="this transaction is over"):
            call()
