"""The cause of a write travels with it to the writer, whoever hands it over."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pelton.aio import submit
from pelton.engine import Database
from pelton.engine.cause import PATH_HANDLERS_MAX, Cause, current_cause
from pelton.engine.changes import Change
from pelton.engine.errors import ConditionalCheckFailedException
from pelton.engine.storage import Transaction
from tests.region import Hold, Region, S

CAUSE = Cause(1, ("totals",))


class Observed:
    """The causes of all changes, by the id of the item."""

    def __init__(self, database: Database) -> None:
        self.causes: dict[str, Cause | None] = {}
        database.change_observers.append(self._observe)

    def _observe(self, transaction: Transaction, change: Change) -> None:
        self.causes[change.keys["id"]["S"]] = transaction.cause


@pytest.fixture
def region() -> Region:
    region = Region()
    region.create(stream="KEYS_ONLY")
    return region


@pytest.fixture
def observed(region: Region) -> Observed:
    return Observed(region.database)


def caused(region: Region, **item: str) -> None:
    token = current_cause.set(CAUSE)
    try:
        region.put({name: S(value) for name, value in item.items()})
    finally:
        current_cause.reset(token)


def test_a_write_knows_its_cause_and_the_next_has_none(region: Region, observed: Observed) -> None:
    caused(region, id="a")
    region.put({"id": S("b")})
    assert observed.causes == {"a": CAUSE, "b": None}


def test_writes_of_one_commit_have_causes_of_their_own(region: Region, observed: Observed) -> None:
    hold = Hold(region.database)
    hold.wait()
    threads = [
        threading.Thread(target=caused, args=(region,), kwargs={"id": "a"}),
        threading.Thread(target=region.put, args=({"id": S("b")},)),
    ]
    for thread in threads:
        thread.start()
    hold.release()
    for thread in threads:
        thread.join()
    assert observed.causes == {"a": CAUSE, "b": None}


def test_a_write_that_fails_leaves_no_cause_behind(region: Region, observed: Observed) -> None:
    token = current_cause.set(CAUSE)
    with pytest.raises(ConditionalCheckFailedException):
        region.call(
            "PutItem",
            TableName="things",
            Item={"id": S("a")},
            ConditionExpression="attribute_exists(id)",
        )
    current_cause.reset(token)
    region.put({"id": S("b")})
    assert observed.causes == {"b": None}


def test_tasks_and_threads_of_asyncio_inherit_the_cause(region: Region, observed: Observed) -> None:
    async def put(name: str) -> None:
        request = {"TableName": "things", "Item": {"id": S(name)}}
        await submit(region.database, "PutItem", request)

    async def handler() -> None:
        current_cause.set(CAUSE)
        await put("awaited")
        await asyncio.gather(put("one"), put("two"))
        await asyncio.to_thread(region.put, {"id": S("thread")})

    async def both() -> None:
        await asyncio.gather(asyncio.create_task(handler()), asyncio.create_task(put("other")))

    asyncio.run(both())
    expected: dict[str, Cause | None] = dict.fromkeys(("awaited", "one", "two", "thread"), CAUSE)
    assert observed.causes == expected | {"other": None}


def test_a_path_names_the_last_handlers() -> None:
    cause = Cause(trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    for _ in range(40):
        cause = cause.then("totals").then("orders")
    assert cause.depth == 80
    assert cause.path == ("totals", "orders") * (PATH_HANDLERS_MAX // 2)
    assert cause.trace_parent is not None


# --- what the streams remember ------------------------------------------------------------------


def test_records_are_known_by_their_cause(region: Region) -> None:
    caused(region, id="a")
    region.put({"id": S("b")})
    (shard,) = region.streams.shards.open.values()
    records = region.streams.read(shard, 0, 10).records
    assert [region.streams.causes.of(record.sequence) for record in records] == [CAUSE, None]


def test_a_write_that_was_undone_is_not_remembered(region: Region) -> None:
    def write_then_fail(transaction: Transaction) -> None:
        _, work = region.database.prepare(
            "PutItem", {"TableName": "things", "Item": {"id": S("a")}}
        )
        work(transaction)
        raise RuntimeError("after the write")

    token = current_cause.set(CAUSE)
    with pytest.raises(RuntimeError):
        region.database.write(write_then_fail)
    current_cause.reset(token)
    assert len(region.streams.causes) == 0
    region.put({"id": S("b")})
    (shard,) = region.streams.shards.open.values()
    (record,) = region.streams.read(shard, 0, 10).records
    assert region.streams.causes.of(record.sequence) is None
