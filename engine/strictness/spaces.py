"""Which table or index a space of the store belongs to."""

from __future__ import annotations

from ..catalog import Catalog
from ..schema import Index, Table


class Spaces:
    """The owners of the spaces, by the tables there are now."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tables: dict[str, Table] | None = None
        self._owners: dict[int, tuple[Table, Index | None]] = {}

    def owner_of(self, space: int) -> tuple[Table, Index | None] | None:
        tables = self._catalog.tables
        if tables is not self._tables:
            owners: dict[int, tuple[Table, Index | None]] = {}
            for table in tables.values():
                owners[table.space] = table, None
                owners.update({index.space: (table, index) for index in table.indexes})
            self._owners, self._tables = owners, tables
        return self._owners.get(space)
