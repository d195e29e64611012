"""An app under every switch at once: what it promises, it keeps."""

from __future__ import annotations

from typing import Any

import pytest

from pelton import App, ManualClock, Strictness
from tests.region import Region

EVERYTHING = Strictness(
    seed=3,
    throttles=True,
    unprocessed_probability=0.3,
    creating_ms=100,
    updating_ms=100,
    deleting_ms=100,
    stale_ms=10_000,
    stale_probability=0.8,
    index_lag_ms=10_000,
    latency_ms=5,
)


@pytest.mark.parametrize(
    "request_",
    [
        {"TableName": "things", "Key": {"id": {"S": "a"}}, "RequestItems": 5, "Statement": 5},
        {"TableName": "things", "Key": {"id": {"S": "a"}}, "TransactItems": [{"Get": 5}]},
    ],
)
def test_members_of_other_operations_mean_nothing(region: Region, request_: Any) -> None:
    region.create()
    region.database.strictness = EVERYTHING
    assert region.call("GetItem", **request_) == {}


def test_each_statement_of_a_batch_meets_its_own_error(region: Region) -> None:
    region.create()
    region.database.strictness = EVERYTHING
    statements = [
        {"Statement": "SELECT * FROM nowhere WHERE id = 'a'", "ConsistentRead": True},
        {"Statement": "SELECT", "ConsistentRead": True},
        {"Statement": "SELECT * FROM things WHERE id = 'a'", "ConsistentRead": True},
    ]
    responses = region.call("BatchExecuteStatement", Statements=statements)["Responses"]
    codes = [each.get("Error", {}).get("Code") for each in responses]
    assert codes == ["ResourceNotFound", "ValidationError", None]


def test_totals_stay_exact() -> None:
    clock = ManualClock()
    app = App(clock=clock, strictness=EVERYTHING)
    orders = app.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    totals = app.table("totals", partition_key="name")
    clock.advance(seconds=1)

    @app.on_insert(orders)
    def add(order: dict[str, Any], context: Any) -> None:
        total = context.transaction.get(totals, {"name": "all"}) or {"count": 0, "sum": 0}
        context.transaction.put(
            totals,
            {
                "name": "all",
                "count": total["count"] + 1,
                "sum": total["sum"] + order["amount"],
            },
        )

    with app:
        with orders.batch() as batch:
            for number in range(200):
                batch.put({"id": str(number), "amount": number})
        app.drain(60)
        expected = {"name": "all", "count": 200, "sum": sum(range(200))}
        assert totals.get({"name": "all"}, consistent=True) == expected
        clock.advance(seconds=10)
        assert totals.get({"name": "all"}) == expected
        assert len(list(orders.scan())) == 200
