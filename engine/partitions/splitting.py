"""Splitting: a partition of a table divides in two while writes go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import LimitExceededException, ValidationException
from ..schema import Table
from ..storage import Transaction
from .partition import (
    PARTITIONS_MAX,
    Partition,
    PartitionLimits,
    divide_tokens,
    grow,
    partition_count,
    split,
)
from .sizes import divide_sizes, share_below, sizes_of

if TYPE_CHECKING:
    from ..database import Database


def divide_new(table: Table, limits: PartitionLimits) -> Table:
    """A table that is being created, with as many equal partitions as its capacity needs.

    Raises LimitExceededException where those are more than a table may have.
    """
    return replace(table, partitions=divide_tokens(_needed(table, limits)))


def grow_to_capacity(transaction: Transaction, table: Table, limits: PartitionLimits) -> Table:
    """A table that is there, with its widest partitions halved until its capacity has enough.

    Partitions never become fewer. Raises LimitExceededException as `divide_new` does.
    """
    count = _needed(table, limits)
    if count <= len(table.partitions):
        return table
    grown = replace(table, partitions=grow(table.partitions, count))
    divide_sizes(transaction, table, grown)
    return grown


def _needed(table: Table, limits: PartitionLimits) -> int:
    count = partition_count(
        limits,
        table.billing_mode,
        table.throughput.read_units,
        table.throughput.write_units,
        table.settings.get("WarmThroughput"),
    )
    if count > PARTITIONS_MAX:
        raise LimitExceededException(
            f"The capacity of table {table.name} needs {count} partitions, and a table may have "
            f"{PARTITIONS_MAX}"
        )
    return count


def split_partition(
    database: Database, table_name: str, number: int, *, last_low_token: int | None = None
) -> tuple[Partition, Partition]:
    """Divides a partition in two halves, by default of equal width, and returns them.

    No row moves: from the commit on, changes of either half go to a shard of its own. Raises
    ResourceNotFoundException for a table, ValidationException for a partition that is not there.
    """
    shares = _shares_if_large(database, table_name, number, last_low_token)

    def work(transaction: Transaction) -> tuple[Partition, Partition]:
        old = database.catalog.table(table_name)
        try:
            partitions = split(old.partitions, number, last_low_token)
        except ValueError as error:
            raise ValidationException(str(error)) from None
        new = replace(old, partitions=partitions)
        divide_sizes(transaction, old, new, shares)
        database.catalog.change(transaction, old, new)
        low, high = (each for each in partitions if each not in old.partitions)
        return low, high

    return database.write(work, alone=True)


def _shares_if_large(
    database: Database, table_name: str, number: int, last_low_token: int | None
) -> dict[int, float]:
    """What the lower half gets of a partition that the split itself would take long to count."""
    table = database.catalog.table(table_name)
    partition = next((each for each in table.partitions if each.number == number), None)
    if partition is None:
        return {}  # the split itself says so
    size = database.store.read(lambda reader: sizes_of(reader, table))[number]
    last = partition.middle if last_low_token is None else last_low_token
    if size.is_quickly_counted or not partition.token_low <= last < partition.token_high:
        return {}
    return {number: share_below(database, table, partition, last)}
