"""BatchGetItem: up to 100 items of several tables, each read as GetItem would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..capacity import Report, report_of
from ..errors import ThrottledError, ValidationException
from ..expressions import Projection
from ..item_keys import ItemKey, key_of_request
from ..key_paths import check_not_entered
from ..partitions.heat import Heat
from ..schema import Table
from ..storage import Reader
from ..writes import ITEM_BYTES_MAX
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
        report = report_of(request)
        gets = _Gets(requested, report, database.heat)
        for plan in plans:
            gets.read(reader, plan, present)
        answer = gets.answer()
        return answer if report is None else report.add_lists_to(answer)

    return work


class _Plan(NamedTuple):
    name: str
    """As the request has it."""
    table: Table
    projection: Projection | None
    keys: list[ItemKey]


class _Gets:
    """What a batch has found so far, and what it leaves for the next."""

    def __init__(self, requested: dict[str, Request], report: Report | None, heat: Heat) -> None:
        self._requested = requested
        self._heat = heat
        self._report = report
        self._responses: dict[str, list[Any]] = {}
        self._unprocessed: dict[str, Request] = {}
        self._given_bytes = 0
        self._given_by_partition: dict[tuple[str, int], int] = {}
        self._processed = 0
        self._throttled: ThrottledError | None = None

    def read(self, reader: Reader, plan: _Plan, present: Present) -> None:
        name, table, projection, keys = plan
        found = self._responses.setdefault(name, [])
        consistent = bool(self._requested[name].get("ConsistentRead"))
        for position, key in enumerate(keys):
            if self._given_bytes > ANSWER_BYTES_MAX:
                self._leave(name, slice(position, None))
                return
            try:
                row = reader.get(table.space, *key.address)
            except ThrottledError as error:
                self._throttled = error
                self._leave(name, slice(position, position + 1))
                continue
            size = 0 if row is None else row[0]
            if self._takes((name, table.partition_of(key.token).number), size):
                self._processed += 1
                if row is not None:
                    found.append(shown(row[1], projection, present))
            else:
                self._leave(name, slice(position, position + 1))
                size = 0  # to have looked costs what finding nothing costs
            if self._heat.random() < self._heat.chance:
                self._heat.note_get(table, key, size, consistent=consistent)
            if self._report is not None:
                self._report.add_read(table, size, consistent=consistent)

    def answer(self) -> Answer:
        """The answer's members. Raises ThrottledError where nothing was read but for that."""
        if self._throttled is not None and self._processed == 0:
            raise self._throttled
        return {"Responses": self._responses, "UnprocessedKeys": self._unprocessed}

    def _takes(self, partition: tuple[str, int], size: int) -> bool:
        """Whether a partition may give an item of this size besides what it gave."""
        given = self._given_by_partition.get(partition, 0) + size
        if given > PARTITION_BYTES_MAX:
            return False
        self._given_by_partition[partition] = given
        self._given_bytes += size
        return True

    def _leave(self, name: str, positions: slice) -> None:
        left = self._unprocessed.setdefault(name, {**self._requested[name], "Keys": []})
        left["Keys"] += self._requested[name]["Keys"][positions]


def _plan_table(table_named: Callable[[str], Table], name: str, request: Request) -> _Plan:
    projection = requested_projection(request)
    table = table_named(name)
    if projection is not None and projection.entered:
        check_not_entered(table, projection.entered)
    keys = [key_of_request(table, key) for key in request["Keys"]]
    if len({key.address for key in keys}) < len(keys):
        raise ValidationException("Provided list of item keys contains duplicates")
    return _Plan(name, table, projection, keys)
