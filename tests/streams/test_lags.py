"""How far the handlers of a file are behind, by what the store has of their positions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pelton.handlers import Context
from pelton.streams import lags
from pelton.streams.lags import Lag
from tests.handlers.stage import Stage, on_batch


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    stage.source()
    yield stage
    stage.close()


def oldest_behind_ms(stage: Stage, lag: Lag) -> int | None:
    places = [(each.shard, each.sequence) for each in lag.shards]
    return stage.database.store.read(lambda reader: lags.oldest_behind_ms(reader, places))


def note(event: object, context: Context) -> None:
    pass


def test_what_has_not_been_done_is_counted_from_the_positions(stage: Stage) -> None:
    stage.run(on_batch(note)).stop()
    (lag,) = stage.streams.lags()
    assert (lag.follower.name, lag.records, lag.oldest_ms) == ("note", 0, None)
    since_ms = stage.clock.now_ms()
    for number in range(5):
        stage.save(id=f"x{number}")
        stage.clock.advance(seconds=1)
    (lag,) = stage.streams.lags()
    assert (lag.follower.table_name, lag.records, lag.oldest_ms) == ("things", 5, since_ms)
    assert lag.size_bytes == sum(each.size_bytes for each in lag.shards) > 0
    assert oldest_behind_ms(stage, lag) == since_ms
    stage.run(on_batch(note))
    (lag,) = stage.streams.lags()
    assert (lag.records, lag.oldest_ms) == (0, None)
    assert oldest_behind_ms(stage, lag) is None


def test_shards_that_are_not_meant_for_a_handler_do_not_count(stage: Stage) -> None:
    stage.save(id="before")
    stage.run(on_batch(note, starting_position="LATEST")).stop()
    assert stage.streams.lags()[0].records == 0
    stage.save(id="after")
    assert stage.streams.lags()[0].records == 1
