"""Records that leave the stream before a handler has done them: told, never passed over silently.

And pins, which make them wait.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pelton.handlers import Context, Dispatcher, EventSourceMapping
from pelton.handlers.errors import RecordsTrimmedError
from pelton.streams.losses import GONE, read_loss
from tests.handlers.stage import Stage, on_insert

HOUR = 3600


@pytest.fixture
def seen() -> list[str]:
    return []


def note_of(seen: list[str], **options: Any) -> EventSourceMapping:
    def note(item: dict[str, Any], context: Context) -> None:
        if item["id"] == "bad":
            raise ValueError("bad")
        seen.append(item["id"])

    return on_insert(note, **options)


def save(stage: Stage, *ids: str) -> None:
    for each in ids:
        stage.save(id=each)


def pass_days(stage: Stage, days: float = 1, *, rolls: bool = False) -> None:
    """Time goes by, and retention with it; shards roll only where that is asked for."""
    stage.clock.advance(seconds=days * 24 * HOUR + 1)
    if rolls:
        stage.streams.roll_aged()
    stage.streams.trim()


def fails(dispatcher: Dispatcher) -> str:
    """What drain raises; the stats tell the same."""
    with pytest.raises(RecordsTrimmedError) as caught:
        dispatcher.drain()
    stats = dispatcher.stats()["note"]
    assert not stats.is_running
    assert stats.last_error == f"RecordsTrimmedError: {caught.value}"
    return str(caught.value)


def stop(dispatcher: Dispatcher) -> None:
    dispatcher.stop()


# --- without a pin --------------------------------------------------------------------------------


def test_a_handler_that_was_stopped_too_long_fails_until_it_is_told_to_skip(
    stage: Stage, seen: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    stage.source()
    save(stage, "a")
    stage.run(note_of(seen)).stop()
    save(stage, "lost 1", "lost 2")
    pass_days(stage)
    save(stage, "kept")
    first = stage.start(note_of(seen))
    with caplog.at_level(logging.ERROR, "pelton.handlers"):
        words = fails(first)
    assert words in caplog.text
    assert "handler 'note' has missed 2 records from 2023-11-14T22:13:20Z to 2023-11-14" in words
    assert "of table 'things'" in words
    assert 'on_trimmed="skip"' in words
    assert seen == ["a"]
    first.stop()
    again = stage.start(note_of(seen))
    assert fails(again) == words
    again.stop()
    skipping = stage.start(note_of(seen, on_trimmed="skip"))
    with caplog.at_level(logging.WARNING, "pelton.handlers"):
        skipping.drain()
    assert "skips 2 records" in caplog.text
    stats = skipping.stats()["note"]
    assert (seen, stats.gaps, stats.skipped, stats.is_running) == (["a", "kept"], 1, 2, True)
    skipping.stop()
    save(stage, "next")
    stage.run(note_of(seen))
    assert seen == ["a", "kept", "next"]


def test_it_fails_also_where_the_whole_shard_has_gone(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a")
    stage.run(note_of(seen)).stop()
    save(stage, "lost")
    stage.clock.advance(seconds=5 * HOUR)
    save(stage, "lost too")  # in the next shard
    stage.clock.advance(seconds=5 * HOUR)
    stage.streams.roll_aged()
    pass_days(stage)
    save(stage, "kept")
    assert len(stage.shards(stage.stream_arn())) == 2  # the open one has rolled by time
    first = stage.start(note_of(seen))
    words = fails(first)
    assert "has missed 2 records" in words
    first.stop()
    assert fails(stage.start(note_of(seen))) == words
    stage.run(note_of(seen, on_trimmed="skip"))
    assert seen == ["a", "kept"]
    save(stage, "next")
    stage.run(note_of(seen))
    assert seen == ["a", "kept", "next"]


def test_it_fails_where_it_never_came_to_a_first_record(stage: Stage, seen: list[str]) -> None:
    stage.source()
    stage.start(note_of(seen)).stop()
    save(stage, "lost")
    pass_days(stage)
    assert "missed 1 record from" in fails(stage.start(note_of(seen)))


def test_a_latest_handler_that_has_run_fails_too(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "before")
    stage.run(note_of(seen, starting_position="LATEST")).stop()
    save(stage, "lost")
    pass_days(stage)
    assert "missed 1 record" in fails(stage.start(note_of(seen, starting_position="LATEST")))


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_the_first_run_never_fails(stage: Stage, seen: list[str], position: str) -> None:
    stage.source()
    save(stage, "trimmed")
    pass_days(stage)
    save(stage, "old")
    stage.clock.advance(seconds=5 * HOUR)
    save(stage, "kept")
    pass_days(stage, 0.8, rolls=True)
    dispatcher = stage.run(note_of(seen, starting_position=position))
    save(stage, "new")
    dispatcher.drain()
    assert seen == (["kept", "new"] if position == "TRIM_HORIZON" else ["new"])


def test_what_was_done_before_it_went_is_no_loss(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a", "b")
    stage.run(note_of(seen)).stop()
    for _ in range(3):
        pass_days(stage, 2, rolls=True)
    assert stage.database.store.read(lambda reader: read_loss(reader, "note", GONE)) is None
    save(stage, "c")
    stage.run(note_of(seen))
    assert seen == ["a", "b", "c"]


def test_a_worker_whose_shard_goes_while_it_rests_goes_on(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a")
    dispatcher = stage.run(note_of(seen))
    for _ in range(3):
        pass_days(stage, 2, rolls=True)
    save(stage, "b")
    dispatcher.drain()
    assert seen == ["a", "b"]
    assert dispatcher.stats()["note"].is_running


def test_a_handler_that_retries_for_a_day_fails_while_it_runs(
    stage: Stage, seen: list[str]
) -> None:
    stage.source()
    dispatcher = stage.start(note_of(seen, maximum_retry_attempts=-1))
    save(stage, "bad", "behind it")
    with pytest.raises(TimeoutError):
        dispatcher.drain(timeout_seconds=60)
    pass_days(stage)
    assert "missed 2 records" in fails(dispatcher)
    assert seen == []


def test_the_loss_of_one_handler_is_not_anothers(stage: Stage, seen: list[str]) -> None:
    stage.source()
    other: list[str] = []
    stage.run(note_of(seen), note_of(other, name="other")).stop()
    save(stage, "a")
    stage.run(note_of(other, name="other")).stop()
    pass_days(stage, 2, rolls=True)
    both = stage.start(note_of(seen), note_of(other, name="other"))
    fails(both)
    assert other == ["a"]
    assert both.stats()["other"].is_running


def test_losses_in_many_shards_are_told_as_one(stage: Stage, seen: list[str]) -> None:
    stage.source()
    stage.run(note_of(seen)).stop()
    for number in range(10):
        save(stage, str(number))
        stage.clock.advance(seconds=5 * HOUR)
    for _ in range(2):  # the last one is closed first
        pass_days(stage, 2, rolls=True)
    words = fails(stage.start(note_of(seen)))
    assert "missed 10 records from 2023-11-14T22:13:20Z to 2023-11-16T19:13:20Z" in words
    assert words.count("shardId-") == 2


def test_records_of_a_table_that_was_made_anew_count_as_well(stage: Stage, seen: list[str]) -> None:
    stage.source()
    stage.run(note_of(seen)).stop()
    save(stage, "old table")
    stage.call("DeleteTable", TableName="things")
    stage.source()
    save(stage, "new table")
    dispatcher = stage.run(note_of(seen))
    assert seen == ["old table", "new table"]
    dispatcher.stop()
    save(stage, "lost")
    stage.call("DeleteTable", TableName="things")
    pass_days(stage)
    assert stage.call("ListStreams")["Streams"] == []
    stage.source()
    assert "missed 1 record" in fails(stage.start(note_of(seen)))


# --- pins -----------------------------------------------------------------------------------------


def test_pinned_records_wait_for_their_handler(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a")
    stage.run(note_of(seen, pins_records=True)).stop()
    save(stage, "b")
    stage.clock.advance(seconds=5 * HOUR)
    save(stage, "c")  # in the next shard
    arn = stage.stream_arn()
    stage.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    pass_days(stage, 30)
    assert len(stage.shards(arn)) == 2
    (pin,) = stage.streams.pins()
    assert (pin.name, pin.table_name, pin.records) == ("note", "things", 2)
    assert pin.oldest_ms is not None
    assert 1_700_000_000_000 <= pin.oldest_ms < 1_700_000_001_000
    assert pin.size_bytes > 0
    dispatcher = stage.run(note_of(seen, pins_records=True))
    assert seen == ["a", "b", "c"]
    dispatcher.stop()
    stage.streams.trim()
    assert stage.call("ListStreams")["Streams"] == []
    assert stage.streams.pins()[0].records == 0


def test_records_before_the_pin_leave(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a", "b")
    stage.run(note_of(seen, pins_records=True)).stop()
    save(stage, "c")
    pass_days(stage, 2)
    kept = stage.records()
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in kept] == ["c"]


def test_a_pin_without_a_run_holds_from_its_start(stage: Stage, seen: list[str]) -> None:
    stage.source()
    save(stage, "a")
    stage.start(note_of(seen, pins_records=True, enabled=False)).stop()
    save(stage, "b")
    pass_days(stage, 3, rolls=True)
    stage.run(note_of(seen, pins_records=True))
    assert seen == ["a", "b"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_handler_registered_without_its_pin_lets_go(
    stage: Stage, seen: list[str], enabled: bool
) -> None:
    stage.source()
    stage.start(note_of(seen, pins_records=True, enabled=False)).stop()
    assert [pin.name for pin in stage.streams.pins()] == ["note"]
    stage.start(note_of(seen, enabled=enabled)).stop()
    assert stage.streams.pins() == []


def test_what_was_unpinned_leaves_and_is_a_loss(stage: Stage, seen: list[str]) -> None:
    stage.source()
    stage.run(note_of(seen, pins_records=True)).stop()
    save(stage, "a")
    pass_days(stage, 2)
    assert len(stage.records()) == 1
    stage.streams.unpin("note")
    with pytest.raises(ValueError, match="no handler 'note' pins records"):
        stage.streams.unpin("note")
    assert stage.streams.trim() == 1
    assert "missed 1 record" in fails(stage.start(note_of(seen, pins_records=True)))


def test_the_slowest_of_several_pins_holds(stage: Stage, seen: list[str]) -> None:
    stage.source()
    quick: list[str] = []
    slow = note_of(seen, pins_records=True)
    fast = note_of(quick, name="fast", pins_records=True)
    stage.run(slow, fast).stop()
    save(stage, "a", "b")
    stage.run(fast).stop()
    pass_days(stage, 2)
    assert [(pin.name, pin.records) for pin in stage.streams.pins()] == [("fast", 0), ("note", 2)]
    stage.run(slow)
    assert seen == quick == ["a", "b"]


def test_empty_shards_behind_a_pin_stay_so_that_the_order_does(
    stage: Stage, seen: list[str]
) -> None:
    stage.source()
    mapping = note_of(seen, pins_records=True)
    stage.run(mapping).stop()
    save(stage, "a")
    for _ in range(2):  # the shard behind that of "a" closes without a record
        stage.clock.advance(seconds=5 * HOUR)
        stage.streams.roll_aged()
    save(stage, "b")
    pass_days(stage, 2)
    first, *others = stage.shards(stage.stream_arn())
    kept = [first["ShardId"], *(shard["ShardId"] for shard in others)]
    assert [shard["ParentShardId"] for shard in others] == kept[:-1]
    stage.run(mapping)
    assert seen == ["a", "b"]
    pass_days(stage, 2, rolls=True)
    pass_days(stage, 2)
    assert len(stage.shards(stage.stream_arn())) == 1
