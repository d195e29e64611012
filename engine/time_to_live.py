"""When items expire: rows in order of expiry, kept by every write of a table with time to live."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from .keys import TOKEN_MAX, TOKEN_MIN
from .schema import Table, TimeToLive
from .storage import Reader, Row, Transaction
from .values import Item

if TYPE_CHECKING:
    from .item_keys import ItemKey

AGE_SECONDS_MAX = 5 * 365 * 24 * 3600
"""Items that expired longer ago than this are kept: the number was hardly meant as a time.

Source: AWS's guide, "Using time to live (TTL) in DynamoDB".
"""

SECONDS_DIGITS_MAX = 18
"""A time of more digits could not be a token, and nobody lives to see it come."""


def expiry_seconds(time_to_live: TimeToLive, item: Item) -> int | None:
    """When an item expires, in whole seconds since the epoch; None when it never does.

    Only a number counts; one with an exponent is no time that comes.
    """
    value = item.get(time_to_live.attribute)
    if value is None or "N" not in value:
        return None
    whole, _, _ = value["N"].partition(".")
    return int(whole) if whole.isdigit() and len(whole) <= SECONDS_DIGITS_MAX else None


def move_expiry(
    transaction: Transaction,
    time_to_live: TimeToLive,
    key: ItemKey,
    old: Item | None,
    new: Item | None,
) -> None:
    """Makes the row of one item follow a change of it."""
    before = expiry_seconds(time_to_live, old) if old else None
    after = expiry_seconds(time_to_live, new) if new else None
    if before == after:
        return
    if before is not None:
        transaction.delete(time_to_live.space, before, *key.address[1:])
    if after is not None:
        _put_row(transaction, time_to_live, after, key.address)


def fill_expiries(transaction: Transaction, table: Table, time_to_live: TimeToLive) -> None:
    """Writes the rows of the items that are there."""
    for row in transaction.scan(table.space, token_low=TOKEN_MIN, token_high=TOKEN_MAX):
        seconds = expiry_seconds(time_to_live, orjson.loads(row.body))
        if seconds is not None:
            _put_row(transaction, time_to_live, seconds, row[:3])


def expired_addresses(
    reader: Reader, time_to_live: TimeToLive, now_ms: int, limit: int
) -> Iterable[tuple[int, bytes, bytes]]:
    """Where at most `limit` expired items stand in their table, those that expired first ahead."""
    latest = (now_ms - 1) // 1000
    rows: Iterable[Row] = reader.scan(
        time_to_live.space, token_low=latest - AGE_SECONDS_MAX, token_high=latest
    )
    # Taken whole: deleting rows while a cursor stands on them would move it.
    return [(row.size, row.pk, row.sk) for row in islice(rows, limit)]


def _put_row(
    transaction: Transaction,
    time_to_live: TimeToLive,
    seconds: int,
    address: tuple[int, bytes, bytes],
) -> None:
    # The expiry stands where a row's token orders it, the item's own token in the row's number.
    token, pk, sk = address
    transaction.put(time_to_live.space, seconds, pk, sk, token, b"")
