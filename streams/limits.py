"""Limits: when a shard rolls, how long records are kept, how long an iterator lasts."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """AWS's own times unless a test or a demonstration wants others, all in seconds.

    Raises ValueError for a time that is not greater than zero.
    """

    shard_seconds_max: float = 4 * 3600
    """A shard that has been open for this long is closed and gets a child."""
    retention_seconds: float = 24 * 3600
    """How long a record is kept."""
    iterator_seconds_max: float = 15 * 60
    """How long a shard iterator can be used."""

    def __post_init__(self) -> None:
        for each in fields(self):
            seconds = getattr(self, each.name)
            if not seconds > 0:
                raise ValueError(f"{each.name} is greater than 0, not {seconds}")
