"""Circles of handlers: those whose writes call them again, directly or through others.

They are looked for twice: before the handlers run, as far as their functions can be seen to write
tables, and while they run, by how many calls in a row each record follows from.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .mapping import EventSourceMapping
from .written_tables import DELETE, UPSERT, Written, tables_written

log = logging.getLogger("pelton.handlers")

Circle = tuple[EventSourceMapping, ...]


class Circles:
    """The circles that mappings can be seen to make; each is warned of once."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Callable[..., Any], Written]] = {}
        """By the identity of a function, which is kept so that no other one gets it."""
        self._warned: set[str] = set()

    def warn(self, mappings: Iterable[EventSourceMapping]) -> None:
        """Logs a warning for each circle that was not there before."""
        try:
            circles = self.find(mappings)
        except Exception:  # looking must not keep the handlers from running
            log.debug("what the handlers write could not be seen", exc_info=True)
            return
        for circle in map(describe_circle, circles):
            if circle not in self._warned:
                self._warned.add(circle)
                log.warning(
                    "handlers may call one another without end: %s; "
                    "may_cycle=True says of one that this is meant",
                    circle,
                )

    def find(self, mappings: Iterable[EventSourceMapping]) -> list[Circle]:
        """All of them, but only a short one for each mapping that is in any.

        Left out are mappings that say they may, those that are not enabled, those with filters,
        which may be what ends it, and circles with a removal: they end when nothing is left.
        """
        looked_at = [
            each
            for each in mappings
            if each.enabled and not (each.may_cycle or each.filter_criteria)
        ]
        followers = {each.name: self._followers(each, looked_at) for each in looked_at}
        circles: list[Circle] = []
        told: set[str] = set()
        for mapping in looked_at:
            circle = None if mapping.name in told else _shortest_circle(mapping, followers)
            if circle:
                circles.append(circle)
                told.update(each.name for each in circle)
        return circles

    def _followers(
        self, mapping: EventSourceMapping, mappings: Sequence[EventSourceMapping]
    ) -> list[EventSourceMapping]:
        """The mappings that are called for what this one's function writes."""
        function = mapping.handler.function
        if id(function) not in self._seen:
            self._seen[id(function)] = function, tables_written(function)
        written, found = self._seen[id(function)][1], []
        for each in mappings:
            events = written.get(each.table_name, frozenset())
            if UPSERT in events and each.table_name != mapping.table_name:
                events |= {"INSERT"}
            if events & each.event_names - DELETE:
                found.append(each)
        return found


def describe_circle(circle: Circle) -> str:
    """The tables and the handlers in turn, from a table back to it."""
    steps = [f"{each.table_name} -> {each.name}()" for each in circle]
    return " -> ".join([*steps, circle[0].table_name])


def _shortest_circle(
    start: EventSourceMapping, followers: dict[str, list[EventSourceMapping]]
) -> Circle | None:
    paths: deque[Circle] = deque([(start,)])
    seen = set[str]()
    while paths:
        path = paths.popleft()
        for each in followers[path[-1].name]:
            if each.name == start.name:
                return path
            if each.name not in seen:
                seen.add(each.name)
                paths.append((*path, each))
    return None
