"""The same writes to DynamoDB Local and to pelton leave the same records, answered alike."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from .conftest import Sides
from .differences import EXAMPLES, Explains, explanation_of
from .operations import VIEWS, Request, Requests, table_name
from .side import Answer


def compare(sides: Sides, requests: list[Request]) -> Counter[str]:
    """Sends requests to both; returns how they ended and how often that was so."""
    outcomes: Counter[str] = Counter()
    for number, request in enumerate(requests):
        local, ours = (side.answer(request) for side in sides)
        known = None if local == ours else explanation_of(request, local, ours)
        assert local == ours or known, f"request {number}: {request}\nLocal: {local}\nours: {ours}"
        outcomes[f"{request.method}: {ours.get('error', 'done')}"] += 1
    return outcomes


def check_records(sides: Sides) -> Counter[str]:
    """Compares all records of all tables; returns how many of each kind there are."""
    kinds: Counter[str] = Counter()
    for name in VIEWS:
        local, ours = (side.records(name) for side in sides)
        assert local.keys() == ours.keys()
        for item, records in ours.items():
            assert records == local[item], f"the records of {item} in {name}"
            kinds.update(record["eventName"] for record in records)
    return kinds


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_writes_leave_the_same_records(sides: Sides, seed: int) -> None:
    outcomes = compare(sides, list(islice(Requests(seed), 300)))
    kinds = check_records(sides)
    # Neither is worth much unless all kinds of requests were among them, and of records.
    assert {name.partition(":")[0] for name in outcomes} == {
        *("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"),
        *("execute_statement", "batch_execute_statement", "execute_transaction"),
    }
    assert min(kinds["INSERT"], kinds["MODIFY"], kinds["REMOVE"]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_many_writes_leave_the_same_records(sides: Sides, seed: int) -> None:
    compare(sides, list(islice(Requests(seed), 3_000)))
    assert check_records(sides).total() > 1_000


@pytest.mark.parametrize("known", EXAMPLES, ids=lambda known: known.__name__)
def test_the_known_differences_are_there(sides: Sides, known: Explains) -> None:
    """What is no difference any more comes off the list."""
    for requests in EXAMPLES.values():  # Those before it make what it needs.
        for request in requests:
            local, ours = (side.answer(request) for side in sides)
        if requests is EXAMPLES[known]:
            break
    assert local != ours
    assert explanation_of(request, local, ours) == known.__name__


# --- records that differ -------------------------------------------------------------------------


def records_of(sides: Sides, name: str) -> list[list[Answer]]:
    return [[each for found in side.records(name).values() for each in found] for side in sides]


def test_removing_from_a_missing_item_creates_it_in_dynamodb_local_alone(sides: Sides) -> None:
    """AWS creates nothing: an update that only removes is recorded as one that changed nothing."""
    members = {
        "TableName": table_name("new"),
        "Key": {"id": {"S": "a"}},
        "UpdateExpression": "REMOVE v",
    }
    for side in sides:
        assert "error" not in side.answer(Request("update_item", members))
    local, ours = records_of(sides, "new")
    assert [record["eventName"] for record in local] == ["INSERT"]
    assert ours == []


def test_numbers_within_documents_are_tidied_by_pelton_and_aws(sides: Sides) -> None:
    """AWS trims leading and trailing zeros of every number; DynamoDB Local of attributes alone."""
    item = {"id": {"S": "a"}, "n": {"N": "1.50"}, "l": {"L": [{"N": "1.50"}]}}
    members = {"TableName": table_name("new"), "Item": item}
    for side in sides:
        assert "error" not in side.answer(Request("put_item", members))
    (local,), (ours,) = records_of(sides, "new")
    assert local["NewImage"]["l"] == {"L": [{"N": "1.50"}]}
    assert ours["NewImage"]["l"] == {"L": [{"N": "1.5"}]}
    assert local["NewImage"]["n"] == ours["NewImage"]["n"] == {"N": "1.5"}
