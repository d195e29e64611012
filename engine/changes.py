"""A change of one item, told to observers inside the transaction that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .schema import Table
from .storage import Transaction

Item = dict[str, Any]


class Change(NamedTuple):
    """What one write did to one item: created (old None), replaced, or removed (new None) it.

    Bodies are the items as stored JSON; sizes are in bytes by DynamoDB's rule. `transaction` is 0
    for a write on its own, or a number that all changes of one atomic request share.
    """

    table: Table
    token: int
    keys: Item
    keys_size: int
    old_body: bytes | None
    old_size: int
    new_body: bytes | None
    new_size: int
    at_ms: int
    transaction: int
    identity: dict[str, str] | None
    """Who made it when not a client: the service that expires items, as stream records tell it."""


ChangeObserver = Callable[[Transaction, Change], None]
