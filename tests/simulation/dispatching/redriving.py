"""Dead letters that go back to the handler, whose fault is mended."""

from __future__ import annotations

from pelton.handlers import EventSourceMapping
from pelton.handlers.calling import Caller
from pelton.handlers.redrive import Redrive
from tests.handlers.stage import Stage
from tests.simulation.model import demand


def redrive(stage: Stage, mapping: EventSourceMapping) -> int:
    """Has all letters of a mapping delivered; returns how many there were."""
    caller = Caller()
    try:
        done = Redrive(stage.database, stage.streams, {mapping.name: mapping}, caller).run(
            mapping.name
        )
    finally:
        caller.close()
    demand(not done.failed and not done.waiting, f"{mapping.name} takes its letters: {done}")
    return done.delivered
