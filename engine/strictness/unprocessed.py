"""Batches of which a part comes back unprocessed, as AWS's do under load."""

from __future__ import annotations

import random
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]

BATCHES = {"BatchGetItem": "UnprocessedKeys", "BatchWriteItem": "UnprocessedItems"}
"""The operations that may leave entries, and the member of the answer that says which."""


class Leftovers:
    """Draws which entries of a batch are left; at least one of a batch is always processed."""

    def __init__(self, probability: float, random_source: random.Random) -> None:
        self._probability = probability
        self._random = random_source

    def split(self, operation: str, request: Request) -> tuple[Request, Request]:
        """The request without what is left, and what is left, as `RequestItems`."""
        requested: Request = request["RequestItems"]
        places = [
            (name, position)
            for name, each in requested.items()
            for position in range(len(_entries_of(operation, each)))
        ]
        left = {place for place in places if self._random.random() < self._probability}
        if len(left) == len(places):
            left.discard(self._random.choice(places))
        taken, rest = {}, {}
        for name, each in requested.items():
            entries = _entries_of(operation, each)
            of_left = [(name, position) in left for position in range(len(entries))]
            taken[name] = _with_entries(operation, each, _where(False, of_left, entries))
            rest[name] = _with_entries(operation, each, _where(True, of_left, entries))
        rest = {name: each for name, each in rest.items() if _entries_of(operation, each)}
        return {**request, "RequestItems": taken}, rest


def add_left(operation: str, answer: Answer, left: Request) -> Answer:
    """The answer that also says what was left, behind what the operation itself left."""
    member = BATCHES[operation]
    unprocessed = dict(answer[member])
    for name, each in left.items():
        if name in unprocessed:
            entries = [*_entries_of(operation, unprocessed[name]), *_entries_of(operation, each)]
            each = _with_entries(operation, each, entries)
        unprocessed[name] = each
    return {**answer, member: unprocessed}


def _entries_of(operation: str, requested: Any) -> list[Any]:
    entries: list[Any] = requested["Keys"] if operation == "BatchGetItem" else requested
    return entries


def _with_entries(operation: str, requested: Any, entries: list[Any]) -> Any:
    return {**requested, "Keys": entries} if operation == "BatchGetItem" else entries


def _where(wanted: bool, flags: list[bool], entries: list[Any]) -> list[Any]:
    return [entry for flag, entry in zip(flags, entries, strict=True) if flag is wanted]
