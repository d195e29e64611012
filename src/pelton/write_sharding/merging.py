"""Several Queries answered as one: their items merged in order, page by page as they are needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Any

from ..engine import PeltonError
from ..requests import Item, Pages

Request = dict[str, Any]
Place = Callable[[dict[str, Any]], bytes]
"""Where an item, or a LastEvaluatedKey, stands in the order: bytes that sort as it does."""

_place = itemgetter(0)


class Merging:
    """Queries of one order, each of another partition key, whose items come in that order.

    A page is asked for when an item of it may be the next. Items that stand where another does
    raise PeltonError: no two of one key may be there.
    """

    def __init__(
        self,
        requests: Iterable[Request],
        place_of: Place,
        shown: Callable[[dict[str, Any]], Item],
        *,
        reverse: bool,
        limit: int | None,
    ) -> None:
        self.wanted = [("Query", request) for request in requests]
        self._place_of = place_of
        self._shown = shown
        self._reverse = reverse
        self._items_left = limit
        self._waiting: list[tuple[bytes, dict[str, Any]]] = []
        """The items got but not given yet, in ascending order."""
        self._open: list[tuple[bytes, Request]] = []
        """How far each Query that has more has been got, and the request for what is behind."""

    def take(self, answers: list[dict[str, Any]]) -> tuple[list[Item], Pages | None]:
        """The items that come next, by the answers to all that was wanted, and what is left."""
        for (_, request), answer in zip(self.wanted, answers, strict=True):
            self._waiting += [(self._place_of(item), item) for item in answer["Items"]]
            behind = answer.get("LastEvaluatedKey")
            if behind is not None:
                rest = {**request, "ExclusiveStartKey": behind}
                self._open.append((self._place_of(behind), rest))
        self._waiting.sort(key=_place)
        ready = self._ready()
        self._check_distinct(ready)
        items = [self._shown(item) for _, item in ready[: self._items_left]]
        if self._items_left is not None:
            self._items_left -= len(items)
        return items, self if self.wanted and self._items_left != 0 else None

    def _ready(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Takes out what no page to come can precede, and wants the pages that hold up the rest."""
        nearest: bytes | None = None
        if self._open:
            nearest = (max if self._reverse else min)(map(_place, self._open))
        self.wanted = [("Query", request) for place, request in self._open if place == nearest]
        self._open = [each for each in self._open if each[0] != nearest]
        if nearest is None:
            ready, self._waiting = self._waiting, []
        elif self._reverse:
            split = bisect_left(self._waiting, nearest, key=_place)
            self._waiting, ready = self._waiting[:split], self._waiting[split:]
        else:
            split = bisect_right(self._waiting, nearest, key=_place)
            ready, self._waiting = self._waiting[:split], self._waiting[split:]
        return ready[::-1] if self._reverse else ready

    def _check_distinct(self, ready: list[tuple[bytes, dict[str, Any]]]) -> None:
        for (place, item), (next_place, _) in pairwise(ready):
            if place == next_place:
                raise PeltonError(
                    f"two write shards hold an item of one key: {self._shown(item)}; a key must "
                    "be put into one shard only"
                )
