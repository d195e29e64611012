"""Indexes made for tables with items: filled in chunks, between the writes that go on."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine import ManualClock, backfill
from pelton.engine.errors import StoreClosedError
from pelton.engine.storage.port import META_SPACE
from pelton.streams import Upkeep
from tests.consistency import index_faults
from tests.region import Answer, Hold, Item, N, Region, S, definitions, index

TABLE = {"TableName": "things"}
BY_TEAM = index("by-team", "team", "score")
COUNT = backfill.FIRST_ITEMS + 5 * backfill.CHUNK_ITEMS + 10
"""Items enough for six chunks behind those that the request itself fills in."""

Outcome = tuple[Answer | None, BaseException | None]


def thing(number: int, **more: dict[str, Any]) -> Item:
    return {"id": S(f"{number:04}"), "team": S(f"team {number % 7}"), "score": N(number), **more}


def key(number: int) -> Item:
    return {"id": S(f"{number:04}")}


def fill(region: Region, count: int = COUNT) -> None:
    for first in range(0, count, 25):
        numbers = range(first, min(first + 25, count))
        requests = [{"PutRequest": {"Item": thing(number)}} for number in numbers]
        region.call("BatchWriteItem", RequestItems={"things": requests})


@pytest.fixture
def filled(region: Region) -> Region:
    region.create()
    fill(region)
    return region


def creation(definition: Answer = BY_TEAM) -> Answer:
    return {
        **TABLE,
        "AttributeDefinitions": definitions(["team", "score"], {"score": "N"}),
        "GlobalSecondaryIndexUpdates": [{"Create": definition}],
    }


def deletion(name: str) -> Answer:
    return {**TABLE, "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]}


class Paused:
    """The making of an index, stopped behind its first chunk and the writes given with it."""

    def __init__(self, region: Region, *writes: tuple[str, Answer]) -> None:
        self._region = region
        self.outcomes: list[Outcome] = []
        before = Hold(region.database)
        before.wait()
        for operation, request in (("UpdateTable", creation()), *writes):
            region.database.submit(operation, request, self._note)
        self.behind = Hold(region.database)
        before.release()
        self.behind.wait()

    def _note(self, answer: Answer | None, error: BaseException | None) -> None:
        self.outcomes.append((answer, error))

    def go_on(self) -> None:
        self.behind.release()


def reached_rows(region: Region) -> int:
    return len(
        region.database.store.read(
            lambda reader: list(reader.query(META_SPACE, 0, backfill.REACHED_KIND))
        )
    )


def test_a_large_table_gets_its_index_chunk_by_chunk(filled: Region) -> None:
    paused = Paused(filled)
    ((answer, error),) = paused.outcomes
    assert error is None and answer is not None
    (told,) = answer["TableDescription"]["GlobalSecondaryIndexes"]
    assert (told["IndexStatus"], told["Backfilling"]) == ("CREATING", True)
    (described,) = filled.global_indexes()
    assert (described["IndexStatus"], described["Backfilling"]) == ("CREATING", True)
    assert described["ItemCount"] == backfill.FIRST_ITEMS
    assert filled.describe()["TableStatus"] == "ACTIVE"
    paused.go_on()
    filled.settle()
    (described,) = filled.global_indexes()
    assert described["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in described
    assert described["ItemCount"] == COUNT
    assert index_faults(filled, "things") == []
    assert reached_rows(filled) == 0


def test_a_small_table_has_its_index_with_the_answer(region: Region) -> None:
    region.create()
    fill(region, backfill.FIRST_ITEMS - 1)
    answer = region.call("UpdateTable", **creation())
    (told,) = answer["TableDescription"]["GlobalSecondaryIndexes"]
    assert told["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in told


def test_large_items_make_a_chunk_of_fewer(region: Region) -> None:
    region.create()
    for number in range(6):
        region.put(thing(number, text=S("x" * 300_000)))
    paused = Paused(region)
    (described,) = region.global_indexes()
    assert described["ItemCount"] == 2
    paused.go_on()
    region.settle()
    assert index_faults(region, "things") == []


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (
            "Query",
            {
                "KeyConditionExpression": "team = :t",
                "ExpressionAttributeValues": {":t": S("team 1")},
            },
        ),
        ("Scan", {}),
        ("ExecuteStatement", {"Statement": 'SELECT * FROM "things"."by-team"'}),
    ],
)
def test_nobody_reads_an_index_that_is_being_filled(
    filled: Region, operation: str, request_: Answer
) -> None:
    paused = Paused(filled)
    where = {} if operation == "ExecuteStatement" else {**TABLE, "IndexName": "by-team"}
    assert filled.refusal(operation, **where, **request_) == (
        "ValidationException",
        "Cannot read from backfilling global secondary index: by-team",
    )
    paused.go_on()
    filled.settle()
    assert filled.call(operation, **where, **request_)["Items"]


def update(number: int, expression: str, **values: Any) -> tuple[str, Answer]:
    request: Answer = {**TABLE, "Key": key(number), "UpdateExpression": expression}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": each for name, each in values.items()}
    return "UpdateItem", request


def test_writes_between_chunks_keep_the_index_right(filled: Region) -> None:
    writes: list[tuple[str, Answer]] = []
    # Of each kind as many as are needed to meet items before and behind what is filled by then.
    for number in range(0, COUNT, 7):
        writes += [
            update(number, "SET team = :t", t=S("moved")),
            update(number + 1, "SET note = :n", n=S("changed")),
            update(number + 2, "REMOVE score"),
            ("DeleteItem", {**TABLE, "Key": key(number + 3)}),
            update(number + 4, "SET score = :s", s=N(-1)),
            update(number + 4, "SET score = :s", s=N(number + 4)),
            ("PutItem", {**TABLE, "Item": thing(COUNT + number)}),
            ("DeleteItem", {**TABLE, "Key": key(number + 5)}),
            ("PutItem", {**TABLE, "Item": thing(number + 5, note=S("again"))}),
        ]
    paused = Paused(filled, *writes)
    assert [error for _, error in paused.outcomes if error is not None] == []
    (described,) = filled.global_indexes()
    assert described["IndexStatus"] == "CREATING"
    paused.go_on()
    filled.settle()
    assert index_faults(filled, "things") == []


def test_a_write_of_another_type_is_refused_while_the_index_is_filled(filled: Region) -> None:
    paused = Paused(filled, update(0, "SET team = :t", t=N(1)))
    paused.go_on()
    assert "Type mismatch for Index Key team" in str(paused.outcomes[1][1])


def test_values_that_cannot_be_keys_are_left_out(region: Region) -> None:
    region.create()
    fill(region)
    for number, team in ((1, N(5)), (COUNT - 1, S("x" * 2049)), (COUNT - 2, {"NULL": True})):
        region.put({**thing(number), "team": team})
    region.put({**thing(COUNT - 3), "team": S("x" * 2048)})
    region.call("UpdateTable", **creation())
    region.settle()
    (described,) = region.global_indexes()
    assert described["ItemCount"] == COUNT - 3
    found = region.items("Scan", **TABLE, IndexName="by-team")
    assert len(found) == COUNT - 3
    # Other attributes of such an item may change; it stays outside.
    region.update(key(COUNT - 1), "SET note = :n", values={":n": S("x")})
    (described,) = region.global_indexes()
    assert described["ItemCount"] == COUNT - 3


BUSY = (
    "LimitExceededException",
    "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per "
    "table",
)


def test_one_index_at_a_time(filled: Region) -> None:
    filled.call("UpdateTable", **creation(index("other", "team")))
    filled.settle()
    paused = Paused(filled)
    more = index("more", "score")
    outcomes: list[Outcome] = []
    for request in (creation(more), deletion("other"), deletion("by-team")):
        filled.database.submit("UpdateTable", request, lambda *outcome: outcomes.append(outcome))
    paused.go_on()
    filled.settle()
    filled.database.write(lambda transaction: None)
    errors = [error for _, error in outcomes]
    assert [(type(each).__name__, str(each)) for each in errors[:2]] == [BUSY, BUSY]
    assert errors[2] is None, "the index itself may be deleted"
    assert [each["IndexName"] for each in filled.global_indexes()] == ["other"]
    both = [*creation(more)["GlobalSecondaryIndexUpdates"], {"Delete": {"IndexName": "other"}}]
    request = {**creation(more), "GlobalSecondaryIndexUpdates": both}
    assert filled.refusal("UpdateTable", **request) == BUSY


def test_a_deleted_index_is_not_filled_on(filled: Region) -> None:
    paused = Paused(filled, ("UpdateTable", deletion("by-team")))
    assert [error for _, error in paused.outcomes] == [None, None]
    assert filled.global_indexes() == []
    assert reached_rows(filled) == 0
    paused.go_on()
    filled.call("UpdateTable", **creation())
    filled.settle()
    assert index_faults(filled, "things") == []
    assert reached_rows(filled) == 0


def test_a_deleted_table_takes_its_unfinished_index_along(filled: Region) -> None:
    paused = Paused(filled, ("DeleteTable", TABLE))
    assert [error for _, error in paused.outcomes] == [None, None]
    paused.go_on()
    assert reached_rows(filled) == 0
    filled.create()
    fill(filled, 3)
    filled.call("UpdateTable", **creation())
    assert index_faults(filled, "things") == []


def test_the_index_may_be_changed_while_it_is_filled(filled: Region) -> None:
    capacity = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}
    change = {"Update": {"IndexName": "by-team", "ProvisionedThroughput": capacity}}
    paused = Paused(filled, ("UpdateTable", {**TABLE, "GlobalSecondaryIndexUpdates": [change]}))
    paused.go_on()
    filled.settle()
    (described,) = filled.global_indexes()
    told = described["ProvisionedThroughput"]
    assert {member: told[member] for member in capacity} == capacity
    assert index_faults(filled, "things") == []


# --- what stops it, and who goes on ----------------------------------------------------------


def close_in_the_middle(region: Region) -> None:
    """Ends a region when an index of it has got its first chunk and nothing has followed yet."""
    paused = Paused(region)
    closing = Thread(target=region.close)
    closing.start()
    try:
        while True:  # until the store takes no more work: the next chunk has no place then
            region.database.store.write(lambda transaction: None, lambda *outcome: None)
    except StoreClosedError:
        paused.go_on()
    closing.join()


def test_it_goes_on_when_the_file_is_opened_again(tmp_path: Path) -> None:
    region = Region(tmp_path / "x.db", durability="OFF")
    region.create()
    fill(region)
    close_in_the_middle(region)
    again = Region(tmp_path / "x.db", durability="OFF")
    again.settle()
    (described,) = again.global_indexes()
    assert (described["IndexStatus"], described["ItemCount"]) == ("ACTIVE", COUNT)
    assert index_faults(again, "things") == []
    again.close()
    once_more = Region(tmp_path / "x.db", durability="OFF")
    assert once_more.global_indexes() == [described]
    once_more.close()


def test_two_that_have_the_file_open_fill_it_together(tmp_path: Path) -> None:
    clock = ManualClock()
    first = Region(tmp_path / "x.db", durability="OFF", clock=clock)
    first.create()
    fill(first)
    paused = Paused(first)
    second = Region(tmp_path / "x.db", durability="OFF", clock=clock)
    assert second.global_indexes()[0]["IndexStatus"] == "CREATING"
    paused.go_on()
    for number in range(0, COUNT, 50):
        second.put(thing(number, note=S("second")))
        first.delete(key(number + 1))
    second.settle()
    first.settle()
    assert index_faults(second, "things") == []
    assert reached_rows(first) == 0
    second.close()
    first.close()


def test_a_full_disk_stops_it_until_the_next_round_of_upkeep(filled: Region) -> None:
    paused = Paused(filled)
    writer = filled.database.store._writer  # type: ignore[attr-defined]
    (((pages,),),) = (writer.execute("PRAGMA page_count").fetchall(),)
    writer.execute(f"PRAGMA max_page_count={pages}").fetchall()
    paused.go_on()
    for _ in range(COUNT):  # many more than there are chunks
        filled.database.write(lambda transaction: None)
    assert filled.global_indexes()[0]["IndexStatus"] == "CREATING"
    writer.execute("PRAGMA max_page_count=1000000").fetchall()
    Upkeep(filled.streams).run_round()
    filled.settle()
    assert index_faults(filled, "things") == []


# --- against a rebuild -----------------------------------------------------------------------

NUMBERS = st.integers(0, 30)
WRITES = st.one_of(
    st.builds(
        lambda n, t: ("PutItem", {"Item": {**thing(n), "team": S(t)}}),
        NUMBERS,
        st.text("ab", min_size=1),
    ),
    st.builds(lambda n: ("DeleteItem", {"Key": key(n)}), NUMBERS),
    st.builds(lambda n: update(n, "REMOVE team"), NUMBERS),
    st.builds(lambda n, m: update(n, "SET score = :s", s=N(m)), NUMBERS, NUMBERS),
    st.builds(lambda n, m: update(n, "SET note = :s", s=N(m)), NUMBERS, NUMBERS),
)


@settings(max_examples=40, deadline=None)
@given(
    before=st.sets(NUMBERS, min_size=4),
    batches=st.lists(st.lists(WRITES, max_size=6), max_size=6),
)
def test_whatever_is_written_meanwhile_the_index_is_what_a_rebuild_would_give(
    before: set[int], batches: list[list[tuple[str, Answer]]]
) -> None:
    region = Region()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backfill, "CHUNK_ITEMS", 3)
        patch.setattr(backfill, "FIRST_ITEMS", 3)
        region.create()
        for number in before:
            region.put(thing(number))
        hold = Paused(region).behind
        for batch in batches:
            # Behind the chunk that is queued already, before the one that it will queue.
            for operation, request in batch:
                region.database.submit(operation, {**TABLE, **request}, lambda *outcome: None)
            next_hold = Hold(region.database)
            hold.release()
            hold = next_hold
            hold.wait()
        hold.release()
        region.settle()
    assert index_faults(region, "things") == []
    region.close()


@pytest.mark.parametrize("submitted", [False, True], ids=["called", "submitted"])
def test_a_read_begun_before_an_index_was_deleted_is_answered_without_it(
    filled: Region, monkeypatch: pytest.MonkeyPatch, submitted: bool
) -> None:
    filled.call("UpdateTable", **creation())
    filled.settle()
    read, store = filled.database.store.read, filled.database.store

    def delete_before(work: Any) -> Any:
        monkeypatch.setattr(store, "read", read)
        filled.call("UpdateTable", **deletion("by-team"))
        filled.database.write(lambda transaction: None)
        return read(work)

    monkeypatch.setattr(store, "read", delete_before)
    if submitted:
        outcomes: list[Outcome] = []
        filled.database.submit("DescribeTable", TABLE, lambda *outcome: outcomes.append(outcome))
        filled.database.write(lambda transaction: None)
        ((answer, error),) = outcomes
        assert error is None and answer is not None
    else:
        answer = filled.call("DescribeTable", **TABLE)
    assert answer["Table"]["ItemCount"] == COUNT
    assert "GlobalSecondaryIndexes" not in answer["Table"]
