"""What operations see of a database that is strict."""

from __future__ import annotations

from typing import NamedTuple

from ..catalog import Catalog
from ..clock import Clock
from ..items import ItemWriter
from ..operations.operation import DatabaseParts
from ..partitions import PartitionLimits
from ..partitions.heat import Heat


class Parts(NamedTuple):
    """The parts of a database, any of which may be another than its own."""

    region: str
    account: str
    clock: Clock
    catalog: Catalog
    partition_limits: PartitionLimits
    heat: Heat
    writer: ItemWriter

    @classmethod
    def of(cls, database: DatabaseParts) -> Parts:
        return cls(
            database.region,
            database.account,
            database.clock,
            database.catalog,
            database.partition_limits,
            database.heat,
            database.writer,
        )
