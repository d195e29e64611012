"""Handlers that call one another: seen before they run where they can be, and stopped by depth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton import App, CycleError, ManualClock, Table
from pelton.handlers import EventSourceMapping, RecordChange, Shape
from pelton.handlers.chain import DEPTH_MAX
from pelton.handlers.cycles import Circles, describe_circle
from tests.handlers.stage import Stage, mapping, on_batch, on_change, on_insert

orders: Table
totals: Table
audit: Table


@pytest.fixture(autouse=True)
def tables() -> Iterator[App]:
    global orders, totals, audit
    app = App()
    orders, totals, audit = (
        app.table(name, partition_key="id", stream="NEW_AND_OLD_IMAGES")
        for name in ("orders", "totals", "audit")
    )
    yield app
    app.close()


# --- before they run: handlers that are looked at, and never called -------------------------------


def put_order(item: Any, context: Any) -> None:
    orders.put({"id": item["id"], "seen": True})


def update_order(item: Any, context: Any) -> None:
    orders.update({"id": item["id"]}, "SET seen = :yes", values={":yes": True})


def add_to_totals(item: Any, context: Any) -> None:
    context.transaction.update(totals, {"id": "all"}, "ADD orders :one", values={":one": 1})


def note_total(item: Any, context: Any) -> None:
    context.transaction.put("audit", {"id": "all"})


def delete_order(item: Any, context: Any) -> None:
    orders.delete({"id": item["id"]})


def on(
    shape: Shape, table: str, function: Callable[..., Any], **options: Any
) -> EventSourceMapping:
    return mapping(function, shape, table, **options)


def circles(*mappings: EventSourceMapping) -> list[str]:
    return [describe_circle(circle) for circle in Circles().find(mappings)]


def test_a_handler_that_writes_to_its_own_table_is_seen() -> None:
    assert circles(on(Shape.CHANGE, "orders", put_order)) == ["orders -> put_order() -> orders"]
    assert circles(on(Shape.MODIFY, "orders", update_order)) == [
        "orders -> update_order() -> orders"
    ]
    assert circles(on(Shape.BATCH, "orders", put_order)) == ["orders -> put_order() -> orders"]


def test_a_circle_through_other_tables_is_seen_with_its_path() -> None:
    assert circles(
        on(Shape.INSERT, "orders", add_to_totals),
        on(Shape.CHANGE, "totals", note_total),
        on(Shape.INSERT, "audit", put_order),
        on(Shape.INSERT, "audit", add_to_totals, name="another"),
    ) == [
        "orders -> add_to_totals() -> totals -> note_total() -> audit -> put_order() -> orders",
        "audit -> another() -> totals -> note_total() -> audit",
    ]


def test_what_ends_by_itself_is_no_circle() -> None:
    assert circles(on(Shape.INSERT, "orders", update_order)) == []
    assert circles(on(Shape.REMOVE, "orders", put_order)) == []
    assert circles(on(Shape.REMOVE, "orders", delete_order)) == []
    assert circles(on(Shape.CHANGE, "orders", add_to_totals)) == []


def test_what_is_meant_or_may_end_is_no_circle() -> None:
    for options in (
        {"may_cycle": True},
        {"enabled": False},
        {"filter_criteria": ('{"eventName": ["INSERT"]}',)},
    ):
        assert circles(on(Shape.CHANGE, "orders", put_order, **options)) == []


def test_an_app_warns_once_of_each_circle(tables: App, caplog: pytest.LogCaptureFixture) -> None:
    tables.on_change(orders)(put_order)
    with caplog.at_level(logging.WARNING, "pelton.handlers"), tables:
        added = on(Shape.INSERT, "totals", add_to_totals, name="more")
        tables.dispatcher.add(added)
        added = on(Shape.CHANGE, "totals", add_to_totals, name="all")
        tables.dispatcher.add(added)
    assert [record.getMessage() for record in caplog.records] == [
        f"handlers may call one another without end: {circle}; "
        "may_cycle=True says of one that this is meant"
        for circle in ("orders -> put_order() -> orders", "totals -> all() -> totals")
    ]


def test_write_shards_do_not_hide_what_a_function_writes(
    tables: App, caplog: pytest.LogCaptureFixture
) -> None:
    stream: Any = "NEW_AND_OLD_IMAGES"
    spread = tables.table(
        "spread", partition_key="id", sort_key="at", stream=stream, write_shards=4
    )

    @tables.on_modify(spread)
    def touch(change: RecordChange, context: Any) -> None:
        context.transaction.put(spread, {"id": "all", "at": "now"})

    with caplog.at_level(logging.WARNING, "pelton.handlers"), tables:
        pass
    assert "without end: spread -> touch() -> spread;" in caplog.text


def test_a_circle_through_an_effect_is_stopped() -> None:
    app = App(clock=ManualClock())
    things = app.table("things", partition_key="id", stream="NEW_IMAGE")

    @app.effect
    def send(payload: dict[str, Any], context: Any) -> None:
        things.put(next_id(payload))

    @app.on_insert(things)
    def ask(item: dict[str, Any], context: Any) -> None:
        context.emit("send", item)

    with app:
        things.put({"id": "0"})
        with pytest.raises(CycleError, match="(ask -> send -> ask|send -> ask -> send), 64 calls"):
            app.drain()


class Strange:
    """A handler that cannot be looked at."""

    __hash__ = None  # type: ignore[assignment]

    @property
    def tables(self) -> Any:
        raise AssertionError("looking must not run anyone's code")

    def __call__(self, item: Any, context: Any) -> None:
        self.tables[0].put(item)


def test_what_cannot_be_looked_at_is_run_all_the_same() -> None:
    assert circles(on(Shape.CHANGE, "orders", Strange(), name="strange")) == []


# --- while they run -----------------------------------------------------------------------------


def next_id(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{int(item['id']) + 1}"}


class Through:
    """A handler that writes a new item to its own table for each it is called for."""

    def __init__(self, stage: Stage, table: str = "things") -> None:
        self.stage = stage
        self.table = table

    def transaction(self, item: dict[str, Any], context: Any) -> None:
        context.transaction.put(self.table, next_id(item))

    def call(self, item: dict[str, Any], context: Any) -> None:
        self.stage.save(self.table, **next_id(item))

    async def coroutine(self, item: dict[str, Any], context: Any) -> None:
        await asyncio.to_thread(self.stage.save, self.table, **next_id(item))


@pytest.mark.parametrize("way", ["transaction", "call", "coroutine"])
def test_a_chain_that_does_not_end_is_stopped(stage: Stage, way: str) -> None:
    stage.source()
    dispatcher = stage.start(on_insert(getattr(Through(stage), way), name="climb"))
    stage.save(id="0")
    with pytest.raises(CycleError) as caught:
        dispatcher.drain()
    assert str(caught.value) == (
        "handlers call one another without end: climb -> climb, 64 calls in a row before this "
        "one; 'climb' keeps its position before these records. If that is meant, may_cycle=True "
        "lets it go on"
    )
    assert len(stage.all("things")) == 1 + DEPTH_MAX
    stats = dispatcher.stats()["climb"]
    assert not stats.is_running
    assert stats.last_error is not None
    assert stats.last_error.startswith("CycleError: handlers call one another")
    assert (stats.records, stats.failures, stats.dead_letters) == (DEPTH_MAX, 0, 0)


def test_the_path_names_the_handlers_of_the_circle(stage: Stage) -> None:
    def write(table: str) -> Callable[[dict[str, Any], Any], None]:
        return lambda item, context: context.transaction.put(table, next_id(item))

    for name in ("things", "totals", "audit"):
        stage.source(name)
    dispatcher = stage.start(
        on_insert(write("totals"), "things", name="count"),
        on_insert(write("audit"), "totals", name="note"),
        on_insert(write("totals"), "audit", name="correct"),
    )
    stage.save(id="0")
    with pytest.raises(CycleError, match="without end: (note -> correct -> note|correct -> note)"):
        dispatcher.drain()
    stopped = [name for name, stats in dispatcher.stats().items() if not stats.is_running]
    assert len(stopped) == 1
    assert stopped[0] in ("note", "correct")


def test_records_of_a_circle_are_not_lost(stage: Stage) -> None:
    def climb(item: dict[str, Any], context: Any) -> None:
        if item["id"] != "200":
            context.transaction.put("things", next_id(item))

    stage.source()
    dispatcher = stage.start(on_insert(climb))
    stage.save(id="0")
    with pytest.raises(CycleError):
        dispatcher.drain()
    dispatcher.stop()
    stage.run(on_insert(climb, may_cycle=True))
    assert len(stage.all("things")) == 201


def test_a_long_chain_that_ends_may_be_allowed(stage: Stage) -> None:
    def climb(item: dict[str, Any], context: Any) -> None:
        if item["id"] != "100":
            stage.save(**next_id(item))

    stage.source()
    dispatcher = stage.start(on_insert(climb), depth_max=200)
    stage.save(id="0")
    dispatcher.drain()
    assert len(stage.all("things")) == 101


def test_short_chains_under_load_are_not_held_for_long_ones(stage: Stage) -> None:
    """Each order causes one change, while others come: no chain is longer than one call."""

    def enrich(change: RecordChange, context: Any) -> None:
        if change.new is not None and "seen" not in change.new:
            context.transaction.put("things", {**change.new, "seen": True})

    def enrich_batch(event: dict[str, Any], context: Any) -> None:
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            if "seen" not in image:
                stage.save(id=image["id"]["S"], seen=True)

    stage.source()
    dispatcher = stage.start(on_change(enrich), on_batch(enrich_batch))
    for number in range(3 * DEPTH_MAX):
        stage.save(id=f"{number}")
        for _ in range(5):
            dispatcher._scheduler.step()  # type: ignore[attr-defined]
    dispatcher.drain()
    assert all(item["seen"] for item in stage.all("things"))


def test_a_batch_counts_as_its_shallowest_record(stage: Stage) -> None:
    def climb(event: dict[str, Any], context: Any) -> None:
        for record in event["Records"]:
            item = {"id": record["dynamodb"]["Keys"]["id"]["S"]}
            context.transaction.put("things", next_id(item))

    stage.source()
    dispatcher = stage.start(on_batch(climb))
    stage.save(id="0")
    with pytest.raises(CycleError, match="climb -> climb, 64 calls in a row"):
        dispatcher.drain()
    assert len(stage.all("things")) == 1 + DEPTH_MAX


def test_what_was_done_before_the_record_that_goes_too_far_is_kept(stage: Stage) -> None:
    """One chain is too long; the records of others in the same batch before it are done."""
    seen: list[str] = []

    def climb(item: dict[str, Any], context: Any) -> None:
        seen.append(item["id"])
        if item["id"].isdigit():
            context.transaction.put("things", next_id(item))

    stage.source()
    dispatcher = stage.start(on_insert(climb, name="climb"))
    stage.save(id="0")
    with pytest.raises(CycleError):
        dispatcher.drain()
    assert seen == [str(number) for number in range(DEPTH_MAX)]


def test_an_app_sets_how_long_chains_may_be() -> None:
    app = App(clock=ManualClock(), cycle_depth_max=3)
    things = app.table("things", partition_key="id", stream="NEW_IMAGE")

    @app.on_insert(things)
    async def climb(item: dict[str, Any], context: Any) -> None:
        await things.aio.put(next_id(item))

    with app:
        things.put({"id": "0"})
        with pytest.raises(CycleError, match="3 calls in a row"):
            app.drain()
        assert len(list(things.scan())) == 4
