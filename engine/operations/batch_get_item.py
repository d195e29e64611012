"""BatchGetItem: up to 100 items of several tables, each read as GetItem would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import report_of
from ..errors import ThrottledError, ValidationException
from ..expressions import Projection
from ..items import ITEM_BYTES_MAX, ItemKey, key_of_request
from ..key_paths import check_not_entered
from ..schema import Table
from ..storage import Reader
from .get_item import requested_projection, shown
from .operation import Answer, DatabaseParts, Present, Request

KEYS_MAX = 100
ANSWER_BYTES_MAX = 16 * 1024 * 1024
PARTITION_BYTES_MAX = 1024 * 1024 + ITEM_BYTES_MAX - 3
"""What one partition gives to an answer. The documentation says 1 MB; AWS was seen to go on until
it had that and nearly another item of the greatest size, as dynalite's tests record."""


def batch_get_item(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    requested: dict[str, Request] = request["RequestItems"]
    if not requested:
        raise ValidationException("The requestItems parameter is required for BatchGetItem")
    for name, each in requested.items():
        if len(each["Keys"]) > KEYS_MAX:
            raise ValidationException(
                f"1 validation error detected: Value at 'RequestItems.{name}.member.Keys' failed "
                f"to satisfy constraint: Member must have length less than or equal to {KEYS_MAX}"
            )
    if sum(len(each["Keys"]) for each in requested.values()) > KEYS_MAX:
        raise ValidationException("Too many items requested for the BatchGetItem call")
    plans = [_plan_table(database.catalog.table, name, each) for name, each in requested.items()]

    def work(reader: Reader) -> Answer:
        responses: dict[str, list[Any]] = {}
        unprocessed: dict[str, Any] = {}
        size = processed = 0
        sizes: dict[tuple[str, int], int] = {}
        throttled: ThrottledError | None = None
        report = report_of(request)

        def leave(name: str, keys: list[Any]) -> None:
            unprocessed.setdefault(name, {**requested[name], "Keys": []})["Keys"] += keys

        for name, table, projection, keys in plans:
            found = responses.setdefault(name, [])
            consistent = bool(requested[name].get("ConsistentRead"))
            for position, key in enumerate(keys):
                if size > ANSWER_BYTES_MAX:
                    leave(name, requested[name]["Keys"][position:])
                    break
                try:
                    row = reader.get(table.space, *key.address)
                except ThrottledError as error:
                    throttled = error
                    leave(name, requested[name]["Keys"][position : position + 1])
                    continue
                if row is not None:
                    partition = name, table.partition_of(key.token).number
                    given = sizes.get(partition, 0) + row[0]
                    if given > PARTITION_BYTES_MAX:
                        leave(name, requested[name]["Keys"][position : position + 1])
                        if report is not None:  # to have looked costs as much as finding nothing
                            report.add_read(table, 0, consistent=consistent)
                        continue
                    sizes[partition] = given
                processed += 1
                if report is not None:
                    report.add_read(table, row[0] if row else 0, consistent=consistent)
                if row is not None:
                    size += row[0]
                    found.append(shown(row[1], projection, present))
        if throttled is not None and processed == 0:
            raise throttled
        answer = {"Responses": responses, "UnprocessedKeys": unprocessed}
        return answer if report is None else report.add_lists_to(answer)

    return work


def _plan_table(
    table_named: Callable[[str], Table], name: str, request: Request
) -> tuple[str, Table, Projection | None, list[ItemKey]]:
    projection = requested_projection(request)
    table = table_named(name)
    if projection is not None and projection.entered:
        check_not_entered(table, projection.entered)
    keys = [key_of_request(table, key) for key in request["Keys"]]
    if len({key.address for key in keys}) < len(keys):
        raise ValidationException("Provided list of item keys contains duplicates")
    return name, table, projection, keys
