"""DescribeContinuousBackups: that a table has no point-in-time recovery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..catalog import Catalog
from ..errors import ResourceNotFoundException, TableNotFoundException
from .operation import Answer, DatabaseParts, Present, Request


def describe_continuous_backups(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    check_table_to_back_up(database.catalog, request["TableName"])
    return lambda reader: {"ContinuousBackupsDescription": backups_description()}


def check_table_to_back_up(catalog: Catalog, name: str) -> None:
    """Raises TableNotFoundException, which only the operations on backups have."""
    try:
        catalog.table(name)
    except ResourceNotFoundException:
        raise TableNotFoundException(f"Table not found: {name}") from None


def backups_description() -> dict[str, Any]:
    # ENABLED on every table of AWS: it is the point-in-time recovery below that is switched.
    return {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }
