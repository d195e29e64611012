"""UpdateContinuousBackups: keeps point-in-time recovery off; there is none to switch on yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ValidationException
from .describe_continuous_backups import backups_description, check_table_to_back_up
from .operation import Answer, DatabaseParts, Present, Request


def update_continuous_backups(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    check_table_to_back_up(database.catalog, request["TableName"])
    if request["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
        raise ValidationException("pelton does not support point-in-time recovery yet")
    return lambda reader: {"ContinuousBackupsDescription": backups_description()}
