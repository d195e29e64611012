"""The tables of a region: kept as rows of the store, mirrored in memory for every request."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from .errors import ResourceNotFoundException
from .schema import Table
from .storage import Reader, Transaction
from .storage.port import META_SPACE

TABLE_KIND = b"table"
VERSION_KIND = b"catalog-version"

TableObserver = Callable[[Transaction, Table | None, Table | None], None]
"""Called inside the transaction that changes a table, with what it was and what it will be."""


class Catalog:
    """The current tables by name; a table changes only in a transaction of the writer's thread."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.observers: list[TableObserver] = []
        self._version = -1

    def table(self, name: str) -> Table:
        """The table a data request names, by name or ARN. Raises ResourceNotFoundException."""
        table = self.tables.get(name)
        if table is None and name.startswith("arn:"):
            table = self.tables.get(name.rpartition(":table/")[2])
            if table is not None and table.arn != name:
                table = None
        if table is None:
            raise ResourceNotFoundException("Requested resource not found")
        return table

    def load(self, reader: Reader) -> None:
        """Takes in what the store holds, when another process (or nobody yet) has read it."""
        row = reader.get(META_SPACE, 0, VERSION_KIND, b"")
        version = row[0] if row else 0
        if version == self._version:
            return
        stored = {}
        for _, _, body in reader.query(META_SPACE, 0, TABLE_KIND):
            table = Table.from_json(orjson.loads(body))
            current = self.tables.get(table.name)
            stored[table.name] = current if current == table else table
        self.tables = stored
        self._version = version

    def change(self, transaction: Transaction, old: Table | None, new: Table | None) -> None:
        """Creates (old None), replaces or removes (new None) a table in this transaction.

        The work that calls it must have been queued `alone`: what else would commit with it was
        prepared against the tables as they were.
        """
        for observer in self.observers:
            observer(transaction, old, new)
        name = (new or old).name  # type: ignore[union-attr]
        if new is None:
            transaction.delete(META_SPACE, 0, TABLE_KIND, name.encode())
        else:
            body = orjson.dumps(new.to_json())
            transaction.put(META_SPACE, 0, TABLE_KIND, name.encode(), 0, body)
        row = transaction.get(META_SPACE, 0, VERSION_KIND, b"")
        version = (row[0] if row else 0) + 1
        transaction.put(META_SPACE, 0, VERSION_KIND, b"", version, b"")
        transaction.after_commit(lambda: self._take(name, new, version))

    def _take(self, name: str, table: Table | None, version: int) -> None:
        # A new dict, not a changed one: readers on other threads hold the one they have.
        tables = {key: value for key, value in self.tables.items() if key != name}
        if table is not None:
            tables[name] = table
        self.tables = tables
        self._version = version
