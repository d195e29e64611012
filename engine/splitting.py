"""Splitting: a partition of a table divides in two while writes go on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .errors import ValidationException
from .partitions import Partition, split
from .storage import Transaction

if TYPE_CHECKING:
    from .database import Database


def split_partition(
    database: Database, table_name: str, number: int, *, last_low_token: int | None = None
) -> tuple[Partition, Partition]:
    """Divides a partition in two halves, by default of equal width, and returns them.

    No row moves: from the commit on, changes of either half go to a shard of its own. Raises
    ResourceNotFoundException for a table, ValidationException for a partition that is not there.
    """

    def work(transaction: Transaction) -> tuple[Partition, Partition]:
        table = database.catalog.table(table_name)
        try:
            partitions = split(table.partitions, number, last_low_token)
        except ValueError as error:
            raise ValidationException(str(error)) from None
        database.catalog.change(transaction, table, replace(table, partitions=partitions))
        low, high = (each for each in partitions if each not in table.partitions)
        return low, high

    return database.write(work, alone=True)
