"""Statuses that take their time: tables and indexes that are made, changed and deleted slowly.

What is asked for is done at once; only what is told of it, and what is allowed meanwhile, waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..catalog import Catalog
from ..clock import Clock
from ..errors import (
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
    ValidationException,
)
from ..schema import Index, Table
from .named import tables_named
from .settings import Strictness

Request = dict[str, Any]
Description = dict[str, Any]

IN_USE = "Attempt to change a resource which is still in use: "


class Stage(NamedTuple):
    """A status until a moment; `description` is of what is told of no more afterwards."""

    status: str
    until_ms: int
    backfills_ms: int = 0
    """When an index that is being made begins to be filled."""
    description: Description | None = None
    table: Table | None = None


class Statuses:
    """Which tables and indexes are not ACTIVE yet, or not gone yet, by the clock."""

    def __init__(self, settings: Strictness, catalog: Catalog, clock: Clock) -> None:
        self._settings = settings
        self._catalog = catalog
        self._clock = clock
        self._tables: dict[str, Stage] = {}
        self._indexes: dict[tuple[str, str], Stage] = {}

    # --- what is told --------------------------------------------------------------------------

    def deleted_description(self, name: str) -> Description | None:
        """What is told of a table that is being deleted; None where there is no such table."""
        stage = self._stage_of(self._name_of(name))
        return stage.description if stage else None

    def listed(self) -> Catalog:
        """The tables there are, with those that are being deleted."""
        catalog = Catalog()
        stages = {name: self._stage_of(name) for name in list(self._tables)}
        deleted = {name: stage.table for name, stage in stages.items() if stage and stage.table}
        catalog.tables = {**deleted, **self._catalog.tables}
        return catalog

    def tell(self, description: Description) -> Description:
        """A table's description with the statuses of now."""
        name = description["TableName"]
        stage = self._stage_of(name)
        told = dict(description)
        if stage is not None:
            told["TableStatus"] = stage.status
        indexes = [
            self._tell_index(name, stage, each)
            for each in description.get("GlobalSecondaryIndexes", ())
        ]
        indexes += [each.description for each in self._index_stages(name) if each.description]
        if indexes:
            told["GlobalSecondaryIndexes"] = indexes
        return told

    def _tell_index(
        self, name: str, table_stage: Stage | None, described: Description
    ) -> Description:
        stage = self._stage_of(name, described["IndexName"])
        if stage is not None:
            told = {**described, "IndexStatus": stage.status}
            if stage.status == "CREATING":
                told["Backfilling"] = self._clock.now_ms() >= stage.backfills_ms
            return told
        if table_stage is not None and table_stage.status == "CREATING":
            return {**described, "IndexStatus": "CREATING"}
        return described

    # --- what is allowed -----------------------------------------------------------------------

    def check_use(self, operation: str, request: Request) -> None:
        """Raises what AWS says to a request on items of what is not there yet."""
        for given, index in tables_named(operation, request):
            name = self._name_of(given)
            stage = self._stage_of(name)
            if stage is not None and stage.status == "CREATING":
                raise ResourceNotFoundException("Requested resource not found")
            index_stage = self._stage_of(name, index) if index else None
            if index_stage is not None and index_stage.status == "CREATING":
                raise ValidationException(
                    f"Cannot read from backfilling global secondary index: {index}"
                )

    def check_change(self, operation: str, request: Request) -> None:
        """Raises what AWS says to a change of what is still changing."""
        name = self._name_of(request["TableName"])
        stage = self._stage_of(name)
        if stage is not None:
            _refuse_change(operation, name, stage.status)
        if operation == "UpdateTable":
            self._check_index_changes(name, request)
        elif operation == "DeleteTable" and list(self._index_stages(name)):
            raise ResourceInUseException(
                f"{IN_USE}Cannot delete table while indexes are being created, updated, or deleted."
            )

    def _check_index_changes(self, name: str, request: Request) -> None:
        for update in request.get("GlobalSecondaryIndexUpdates") or ():
            # Members that are none of these mean nothing, here as in the operation.
            given = ((kind, update.get(kind)) for kind in ("Create", "Update", "Delete"))
            for kind, body in given:
                if body is None:
                    continue
                index = body["IndexName"]
                stage = self._stage_of(name, index)
                if stage is not None:
                    self._check_index_change(kind, name, index, stage)
                elif kind != "Update" and list(self._index_stages(name)):
                    raise LimitExceededException(
                        "Subscriber limit exceeded: Only 1 online index can be created or deleted "
                        "simultaneously per table"
                    )

    def _check_index_change(self, kind: str, name: str, index: str, stage: Stage) -> None:
        where = f"Table: {name} Index: {index}"
        if stage.status != "CREATING":
            raise ResourceInUseException(
                f"{IN_USE}Index is being {_PARTICIPLES[stage.status]}. {where}"
            )
        if kind != "Delete":
            raise ResourceInUseException(f"{IN_USE}Index is being created. {where}")
        if self._clock.now_ms() < stage.backfills_ms:
            raise ResourceInUseException(
                f"{IN_USE}Index creation is in resource allocation phase. Retry deletion during "
                f"backfilling phase or when the index is active. {where}"
            )

    # --- what happens --------------------------------------------------------------------------

    def note_created(self, name: str) -> None:
        self._begin(name, None, "CREATING", self._settings.creating_ms)

    def note_deleted(self, table: Table, description: Description) -> None:
        """Keeps the description of a table that is gone, for as long as it is being deleted."""
        for key in [key for key in self._indexes if key[0] == table.name]:
            del self._indexes[key]
        indexes = [
            {**each, "IndexStatus": "DELETING"}
            for each in description.get("GlobalSecondaryIndexes", ())
        ]
        described = {**description, "TableStatus": "DELETING"}
        if indexes:
            described["GlobalSecondaryIndexes"] = indexes
        self._begin(
            table.name,
            None,
            "DELETING",
            self._settings.deleting_ms,
            description=described,
            table=table,
        )

    def note_updated(self, old: Table, new: Table, description: Description) -> None:
        """Begins what one UpdateTable has to wait for; `description` is of the old table."""
        settings = self._settings
        name, updating_ms = new.name, settings.updating_ms
        self._begin(name, None, "UPDATING", updating_ms)
        before, after = _global_indexes(old), _global_indexes(new)
        for index in after.keys() - before.keys():
            backfills_ms = self._clock.now_ms() + updating_ms
            total_ms = updating_ms + settings.backfilling_ms
            self._begin(name, index, "CREATING", total_ms, backfills_ms=backfills_ms)
        for index in after.keys() & before.keys():
            if after[index].throughput != before[index].throughput:
                self._begin(name, index, "UPDATING", updating_ms)
        for described in description.get("GlobalSecondaryIndexes", ()):
            index = described["IndexName"]
            if index not in after:
                gone = {**described, "IndexStatus": "DELETING"}
                self._begin(name, index, "DELETING", settings.deleting_ms, description=gone)

    def _begin(
        self,
        name: str,
        index: str | None,
        status: str,
        duration_ms: int,
        *,
        backfills_ms: int = 0,
        description: Description | None = None,
        table: Table | None = None,
    ) -> None:
        until_ms = self._clock.now_ms() + duration_ms
        stage = Stage(status, until_ms, backfills_ms, description, table)
        if index is None:
            self._tables[name] = stage
        else:
            self._indexes[name, index] = stage

    # --- what there is -------------------------------------------------------------------------

    def _name_of(self, given: str) -> str:
        return given.rpartition(":table/")[2]

    def _stage_of(self, name: str, index: str | None = None) -> Stage | None:
        stage = self._tables.get(name) if index is None else self._indexes.get((name, index))
        if stage is None or self._clock.now_ms() >= stage.until_ms:
            return None
        return stage

    def _index_stages(self, name: str) -> Iterator[Stage]:
        for table, index in list(self._indexes):
            stage = self._stage_of(name, index) if table == name else None
            if stage is not None:
                yield stage


_PARTICIPLES = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}


def _refuse_change(operation: str, name: str, status: str) -> None:
    participle = _PARTICIPLES[status]
    if operation == "CreateTable":
        # Once a table is there, whatever becomes of it, its name is taken.
        if status == "CREATING":
            raise ResourceInUseException(f"{IN_USE}Table is being created: {name}")
        raise ResourceInUseException(f"Table already exists: {name}")
    if operation == "UpdateTimeToLive":
        if status != "UPDATING":
            raise ResourceNotFoundException(
                f"Requested resource not found: Table: {name} not found"
            )
        raise ResourceInUseException(f"{IN_USE}Table {name} is being updated")
    if operation == "DeleteTable" and status == "UPDATING":
        raise ResourceInUseException(f"{IN_USE}Table: {name} is in the process of being updated.")
    raise ResourceInUseException(f"{IN_USE}Table is being {participle}: {name}")


def _global_indexes(table: Table) -> dict[str, Index]:
    return {index.name: index for index in table.indexes if not index.is_local}
