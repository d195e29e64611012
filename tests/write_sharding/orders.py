"""A table with write shards, and what a test looks at beneath it."""

from __future__ import annotations

from typing import Any

import pytest

import pelton

TOPIC = "launch"


def orders_of(app: pelton.App, name: str = "orders", **more: Any) -> pelton.Table:
    return app.table(
        name,
        partition_key="topic",
        sort_key=("seq", int),
        indexes=[
            pelton.Index("by-price", sort_key=("price", int), projection="KEYS_ONLY"),
            pelton.Index("of-topic-by-price", partition_key="topic", sort_key=("price", int)),
            pelton.Index("of-customer", partition_key="customer", sort_key=("price", int)),
        ],
        **more,
    )


def order(seq: int, **more: Any) -> dict[str, Any]:
    return {"topic": TOPIC, "seq": seq, **more}


def fact(seq: str, **more: Any) -> dict[str, Any]:
    return {"topic": TOPIC, "seq": seq, **more}


def stored_keys(app: pelton.App, name: str = "orders") -> set[str]:
    items = app.call("Scan", {"TableName": name})["Items"]
    return {item["topic"]["S"] for item in items}


def reads(app: pelton.App, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every request from now on, with the number of items it read."""
    seen: list[tuple[str, int]] = []
    call = app.database.call

    def watched(operation: str, request: Any, **more: Any) -> Any:
        answer = call(operation, request, **more)
        seen.append((operation, answer.get("ScannedCount", 0)))
        return answer

    monkeypatch.setattr(app.database, "call", watched)
    return seen
