from __future__ import annotations

from typing import Any

import pytest

from pelton.handlers import Context, RecordChange, Shape
from tests.handlers.stage import Stage, ids_of, mapping, on_batch, on_change, on_insert

# --- what is delivered --------------------------------------------------------------------------


def test_every_change_reaches_a_batch_handler_in_order(stage: Stage) -> None:
    seen: list[str] = []

    def note(event: dict[str, Any], context: Context) -> None:
        seen.extend(ids_of(event))

    stage.source()
    dispatcher = stage.start(on_batch(note, batch_size=7))
    for number in range(30):
        stage.save(id=f"i{number}")
    dispatcher.drain()
    assert seen == [f"i{number}" for number in range(30)]
    stats = dispatcher.stats()["note"]
    assert (stats.records, stats.batches, stats.failures) == (30, 5, 0)


def test_record_level_handlers_get_python_values_of_their_kind_of_event(stage: Stage) -> None:
    calls: list[Any] = []

    def born(item: dict[str, Any], context: Context) -> None:
        calls.append(("born", item))

    def gone(item: dict[str, Any], context: Context) -> None:
        calls.append(("gone", item))

    def changed(change: RecordChange, context: Context) -> None:
        calls.append(("changed", change.keys, change.old, change.new))

    stage.source()
    dispatcher = stage.start(
        on_insert(born), mapping(gone, Shape.REMOVE), mapping(changed, Shape.MODIFY)
    )
    stage.save(id="a", n=1)
    dispatcher.drain()
    stage.save(id="a", n=2)
    dispatcher.drain()
    stage.delete({"id": {"S": "a"}})
    dispatcher.drain()
    assert calls == [
        ("born", {"id": "a", "n": 1}),
        ("changed", {"id": "a"}, {"id": "a", "n": 1}, {"id": "a", "n": 2}),
        ("gone", {"id": "a", "n": 2}),
    ]


def test_records_that_a_handler_does_not_want_move_its_position_on(stage: Stage) -> None:
    def gone(item: dict[str, Any], context: Context) -> None:
        raise AssertionError("nothing was removed")

    stage.source()
    stage.save(id="a")
    stage.run(mapping(gone, Shape.REMOVE)).stop()
    stage.delete({"id": {"S": "a"}})

    seen: list[str] = []

    def gone_later(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.run(mapping(gone_later, Shape.REMOVE, name="gone"))
    assert seen == ["a"]


def test_coroutine_functions_are_handlers_too(stage: Stage) -> None:
    seen: list[str] = []

    async def note(item: dict[str, Any], context: Context) -> None:
        context.transaction.put("notes", {"id": item["id"]})
        seen.append(item["id"])

    async def note_batch(event: dict[str, Any], context: Context) -> None:
        seen.extend(ids_of(event))

    stage.source()
    stage.create("notes")
    stage.save(id="a")
    stage.run(on_insert(note), on_batch(note_batch))
    assert seen == ["a", "a"]
    assert stage.load("notes", id="a") == {"id": "a"}


# --- where it begins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "expected"), [("TRIM_HORIZON", ["old", "new"]), ("LATEST", ["new"])]
)
def test_a_new_mapping_begins_where_it_is_told(
    stage: Stage, position: str, expected: list[str]
) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="old")
    dispatcher = stage.start(on_insert(note, starting_position=position))
    stage.save(id="new")
    dispatcher.drain()
    assert seen == expected


def test_latest_keeps_its_beginning_over_a_restart_before_the_first_record(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="old")
    stage.run(on_insert(note, starting_position="LATEST")).stop()
    stage.save(id="while stopped")
    stage.run(on_insert(note, starting_position="LATEST"))
    assert seen == ["while stopped"]


def test_a_mapping_goes_on_where_it_was(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note)).stop()
    stage.save(id="b")
    stage.run(on_insert(note, enabled=False)).stop()
    stage.run(on_insert(note))
    assert seen == ["a", "b"]


def test_mappings_do_not_share_positions(stage: Stage) -> None:
    seen: list[tuple[str, str]] = []

    def first(item: dict[str, Any], context: Context) -> None:
        seen.append(("first", item["id"]))

    def second(item: dict[str, Any], context: Context) -> None:
        seen.append(("second", item["id"]))

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(first)).stop()
    stage.run(on_insert(first), on_insert(second), on_insert(second, name="firs"))
    assert seen == [("first", "a"), ("second", "a"), ("second", "a")]


def test_two_mappings_may_not_have_one_name(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None: ...

    with pytest.raises(ValueError, match="two handlers are named 'note'"):
        stage.start(on_insert(note), on_insert(note, "others"))


# --- shards and streams -------------------------------------------------------------------------


def test_a_child_shard_waits_for_its_parent() -> None:
    stage = Stage(shard_seconds_max=0.01)
    seen: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["n"])

    stage.source()
    for number in range(40):
        stage.clock.advance(seconds=0.003)
        stage.save(id=f"i{number}", n=number)
    assert len(stage.shards(stage.stream_arn())) > 5
    dispatcher = stage.start(on_insert(note, batch_size=3), seed=5)
    for number in range(40, 80):
        stage.clock.advance(seconds=0.003)
        stage.save(id=f"i{number}", n=number)
    dispatcher.drain()
    assert seen == list(range(80))
    stage.close()


def test_a_shard_that_closed_without_a_record_is_left_for_its_child() -> None:
    stage = Stage(shard_seconds_max=0.01)
    seen: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["n"])

    stage.source()
    dispatcher = stage.run(on_insert(note))
    for number in range(3):
        stage.clock.advance(seconds=1)
        assert stage.streams.roll_aged() == 1
        stage.save(id=f"i{number}", n=number)
    dispatcher.drain()
    assert seen == [0, 1, 2]
    stage.close()


def test_a_stream_that_is_enabled_anew_follows_the_old_one(stage: Stage) -> None:
    seen: list[int] = []

    def note(change: RecordChange, context: Context) -> None:
        assert change.new is not None
        seen.append(change.new["n"])

    def switch(is_on: bool) -> None:
        specification: dict[str, Any] = {"StreamEnabled": is_on}
        if is_on:
            specification["StreamViewType"] = "NEW_IMAGE"
        stage.call("UpdateTable", TableName="things", StreamSpecification=specification)

    stage.source()
    stage.save(id="a", n=1)
    switch(False)
    stage.save(id="a", n=2)
    stage.clock.advance(seconds=1)
    switch(True)
    dispatcher = stage.start(on_change(note))  # the first stream ended before: it is not followed
    stage.save(id="a", n=3)
    switch(False)
    stage.clock.advance(seconds=1)
    switch(True)
    stage.save(id="a", n=4)
    dispatcher.drain()
    assert seen == [3, 4]


def test_a_table_may_come_after_its_handler(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    dispatcher = stage.run(on_insert(note))
    stage.source()
    stage.save(id="a")
    dispatcher.drain()
    assert seen == ["a"]


def test_a_handler_needs_a_stream_that_shows_its_image(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None: ...

    stage.source(view="KEYS_ONLY")
    with pytest.raises(ValueError, match="needs the NEW image .* shows KEYS_ONLY"):
        stage.start(on_insert(note))
    stage.run(on_change(note))


def test_records_trimmed_before_they_were_handled_are_told_of(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note)).stop()
    stage.save(id="lost")
    stage.clock.advance(seconds=25 * 3600)
    stage.save(id="kept")
    assert stage.streams.trim() > 0
    dispatcher = stage.run(on_insert(note, on_trimmed="skip"))
    assert seen == ["a", "kept"]
    assert (dispatcher.stats()["note"].gaps, dispatcher.stats()["note"].skipped) == (1, 1)


# --- drain and stop -----------------------------------------------------------------------------


def test_drain_tells_who_is_behind(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        raise ValueError

    stage.source()
    dispatcher = stage.start(on_insert(note, maximum_retry_attempts=-1))
    stage.save(id="a")
    with pytest.raises(TimeoutError, match=r"handler 'note' at shard .* \(failed \d+ times"):
        dispatcher.drain(timeout_seconds=60)


def test_positions_are_saved_when_a_dispatcher_stops(stage: Stage) -> None:
    calls: list[int] = []

    def note(event: dict[str, Any], context: Context) -> None:
        calls.append(len(event["Records"]))

    stage.source()
    dispatcher = stage.start(on_batch(note))
    for number in range(10):
        stage.save(id=f"i{number}")
    scheduler = dispatcher._scheduler
    while not calls:
        scheduler.step()  # type: ignore[attr-defined]
    dispatcher.stop()
    stage.run(on_batch(note))
    assert calls == [10]


def test_a_record_level_handler_is_stopped_between_two_records(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])
        if len(seen) == 2:
            stage.dispatchers[0].stop()

    stage.source()
    dispatcher = stage.start(on_insert(note))
    for name in "abcd":
        stage.save(id=name)
    with pytest.raises(RuntimeError, match="were stopped"):
        dispatcher.drain()
    assert seen == ["a", "b"]
    stage.run(on_insert(note))
    assert seen == ["a", "b", "c", "d"]
