"""A schedule: all that happens by one seed, to its end."""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pelton.engine.storage import sqlite

from .dispatching.world import DispatchingWorld
from .world import World

WORLDS: dict[str, type[World] | type[DispatchingWorld]] = {
    "streams": World,
    "dispatching": DispatchingWorld,
}
"""What is simulated: streams and all who read them, or the dispatcher and what it calls."""


@dataclass
class Outcome:
    """How a schedule went: `fault` tells of the promise that was not kept, None when all were."""

    world: str
    seed: int
    steps: list[str] = field(default_factory=list)
    fault: str | None = None
    records: int = 0


@contextmanager
def by_seed_alone() -> Iterator[None]:
    """Has processes notice the commits of others when they write, not after a while of real time.

    What handlers log of their failures is left out too: nearly all of those are made here.
    """
    watch_seconds, sqlite.FOREIGN_CHECK_SECONDS = sqlite.FOREIGN_CHECK_SECONDS, 86_400.0
    log = logging.getLogger("pelton")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        sqlite.FOREIGN_CHECK_SECONDS = watch_seconds
        log.setLevel(level)


def run_schedule(
    world_name: str,
    seed: int,
    *,
    folder: str | None = None,
    trace: Callable[[str], None] | None = None,
) -> Outcome:
    """Runs the schedule of a seed in a folder that it makes inside `folder`."""
    outcome = Outcome(world_name, seed)

    def note(line: str) -> None:
        outcome.steps.append(line)
        if trace is not None:
            trace(line)

    with (
        tempfile.TemporaryDirectory(prefix="pelton-simulation-", dir=folder) as own_folder,
        by_seed_alone(),
    ):
        world = WORLDS[world_name](seed, Path(own_folder), note)
        try:
            for _ in range(world.steps):
                world.step()
            world.finish()
        except Exception as error:
            outcome.fault = "".join(traceback.format_exception(error))
        finally:
            outcome.records = world.records
            world.close()
    return outcome
