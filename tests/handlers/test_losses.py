"""Whatever happens between runs: what a handler has seen and what it was told it missed is all."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from pelton.handlers import Context, EventSourceMapping
from tests.handlers.stage import Stage, on_insert

HOUR = 3600
STREAM_ON = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


class Tale:
    """A table whose life a seed tells; two handlers come by now and then."""

    def __init__(self, path: Path, seed: int) -> None:
        self.random = Random(seed)
        self.stage = Stage(path)
        self.other = Stage(path, clock=self.stage.clock)
        """Another process on the file, with mirrors of its own."""
        self.written: list[str] = []
        self.seen: list[str] = []
        self.pinned: list[str] = []
        self.skipped = 0
        self.stage.source()

    def close(self) -> None:
        self.other.close()
        self.stage.close()

    def mapping(self) -> EventSourceMapping:
        def note(item: dict[str, Any], context: Context) -> None:
            self.seen.append(item["id"])

        return on_insert(note, on_trimmed="skip", batch_size=3)

    def pinning(self) -> EventSourceMapping:
        def keep(item: dict[str, Any], context: Context) -> None:
            self.pinned.append(item["id"])

        return on_insert(keep, pins_records=True, batch_size=3)

    def run(self, *mappings: EventSourceMapping, steps: int | None = None) -> None:
        dispatcher = self.stage.start(*mappings, seed=self.random.randrange(100))
        if steps is None:
            dispatcher.drain()
        else:
            for _ in range(steps):
                dispatcher._scheduler.step()  # type: ignore[attr-defined]
        dispatcher.stop()
        if "note" in dispatcher.stats():
            self.skipped += dispatcher.stats()["note"].skipped

    def live(self) -> None:
        stage, random = self.stage, self.random
        match random.randrange(12):
            case 0 | 1 | 2 | 3:
                for _ in range(random.randrange(1, 6)):
                    self.written.append(str(len(self.written)))
                    stage.save(id=self.written[-1])
            case 4 | 5:
                stage.clock.advance(seconds=random.choice([HOUR, 5 * HOUR, 25 * HOUR]))
            case 6 | 7:
                random.choice([stage, self.other]).streams.trim(random.choice([1, 3, 250]))
            case 8:
                random.choice([stage, self.other]).streams.roll_aged()
            case 9:
                self.begin_anew()
            case 10:
                self.run(*random.sample([self.mapping(), self.pinning()], 1))
            case 11:
                self.run(self.mapping(), self.pinning(), steps=random.randrange(8))

    def begin_anew(self) -> None:
        stage = self.stage
        if self.random.random() < 0.5:
            stage.call("DeleteTable", TableName="things")
            stage.source()
            return
        for switch in ({"StreamEnabled": False}, STREAM_ON):
            stage.clock.advance(seconds=1)  # two streams of one table have different labels
            stage.call("UpdateTable", TableName="things", StreamSpecification=switch)


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_passed_over_in_silence(tmp_path: Path, seed: int) -> None:
    tale = Tale(tmp_path / "x.db", seed)
    tale.run(tale.mapping(), tale.pinning())
    for _ in range(40):
        tale.live()
    tale.run(tale.mapping(), tale.pinning())
    assert sorted(set(tale.pinned), key=int) == tale.written
    assert len(set(tale.seen)) + tale.skipped == len(tale.written)
    tale.close()
