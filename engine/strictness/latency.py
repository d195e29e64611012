"""Latency: how long answers are held back."""

from __future__ import annotations

import random


class Latency:
    """Draws a time between two, both included, for each answer."""

    def __init__(self, range_ms: tuple[int, int], random_source: random.Random) -> None:
        self._least_ms, self._most_ms = range_ms
        self._random = random_source

    def next_ms(self) -> int:
        return self._random.randint(self._least_ms, self._most_ms)
