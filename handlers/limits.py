"""What the calls of a handler may take, and where they run."""

from __future__ import annotations

import os
from typing import NamedTuple

from .mapping import EventSourceMapping

MEMORY_MB = 128
"""What a handler is told that it has where nothing limits it: what AWS gives one by default."""


class Limits(NamedTuple):
    """The limits of each call, as an event source mapping has them."""

    timeout_seconds: float | None = None
    runs_in_process: bool = False
    memory_limit_mb: int | None = None

    @classmethod
    def of(cls, mapping: EventSourceMapping) -> Limits | None:
        """Those of a mapping, None where it has none: then nothing needs to watch its calls."""
        limits = cls(mapping.timeout_seconds, mapping.run_in == "process", mapping.memory_limit_mb)
        return None if limits == cls() else limits


def calls_at_once(mapping: EventSourceMapping) -> int | None:
    """How many calls of a mapping's handler may run at once; None: as many as there are shards.

    Processes beyond the number of processors would only take turns; two there are in any case.
    """
    if mapping.concurrency_max is None and mapping.run_in == "process":
        return max(2, os.cpu_count() or 1)
    return mapping.concurrency_max
