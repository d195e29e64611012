"""Caches of what texts mean, bounded in entries and in size: it is clients who choose the texts.

A program takes about sixty times the memory of its text. Many short texts are kept and few long
ones, so that no client can make a process hold more than some tens of megabytes a cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, TypeVar

SHORT_CHARS_MAX = 512
SHORT_KEPT = 1024
LONG_CHARS_MAX = 8192
LONG_KEPT = 64

R = TypeVar("R")
P = TypeVar("P", bound="Measured")
Strings = tuple[str, ...]


class Measured(Protocol):
    """Something made of a text of `chars` characters."""

    @property
    def chars(self) -> int: ...

    def __hash__(self) -> int: ...


def remembered_by_text(make: Callable[[str], R]) -> Callable[[str], R]:
    """Remembers what `make` returns for a text."""
    short, long = lru_cache(SHORT_KEPT)(make), lru_cache(LONG_KEPT)(make)

    def remembered(text: str) -> R:
        size = len(text)
        if size <= SHORT_CHARS_MAX:
            return short(text)
        return long(text) if size <= LONG_CHARS_MAX else make(text)

    return remembered


def remembered_by_names(
    make: Callable[[P, Strings, Strings], R],
) -> Callable[[P, Strings, Strings], R]:
    """Remembers what `make` returns for what was parsed, the names and the types of values in it.

    Names count: each may be as long as sixteen whole texts.
    """
    short, long = lru_cache(SHORT_KEPT)(make), lru_cache(LONG_KEPT)(make)

    def remembered(parsed: P, names: Strings, types: Strings) -> R:
        size = parsed.chars + sum(map(len, names)) if names else parsed.chars
        if size <= SHORT_CHARS_MAX:
            return short(parsed, names, types)
        return long(parsed, names, types) if size <= LONG_CHARS_MAX else make(parsed, names, types)

    return remembered
