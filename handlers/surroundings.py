"""What the workers of a dispatcher share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from ..engine import Database
from ..streams import Streams
from .calling import Caller
from .chain import DEPTH_MAX
from .destinations import Destination
from .keeper import Keeper
from .observing import CallObserver
from .scheduler import Scheduler
from .slots import Slots


@dataclass(frozen=True)
class Surroundings:
    """What the workers of a dispatcher share."""

    database: Database
    streams: Streams
    scheduler: Scheduler
    caller: Caller
    lane: Slots  # one, for those that conflict with others
    keeper: Keeper
    random: Random
    is_stopping: Callable[[], bool]
    is_draining: Callable[[], bool]
    """Whether somebody waits for all handlers: then no batch waits to fill up."""
    observers: Sequence[CallObserver]
    """Who stands around each call."""
    destination_of: Callable[[str], Destination]
    """What an ARN names, to be told of records that were given up."""
    cycle_depth_max: int = DEPTH_MAX
