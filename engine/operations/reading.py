"""What Query and Scan share: the index, the selection, the start key, the rules of a page."""

from __future__ import annotations

from collections.abc import Callable

from ..capacity import Report
from ..errors import ValidationException
from ..expressions import Condition, Placeholders, Projection
from ..indexes import encode_index_parts
from ..item_keys import ItemKey, key_of_request
from ..items import read_item
from ..key_paths import check_not_entered
from ..keys import token_of
from ..legacy import filter_condition, projection_from_names
from ..pages import Page, PageRules, keeps_all, last_key_names
from ..schema import Index, KeySchema, Table
from ..storage import Reader
from ..values import Item, normalise_item
from .expressions import Request, filter_of
from .get_item import projection_of

INVALID_START = "The provided starting key is invalid"
OTHER_SCHEMA = "The provided key element does not match the schema"


def index_of(table: Table, request: Request) -> Index | None:
    """The index a request reads. Raises ValidationException when there is none of that name."""
    name = request.get("IndexName")
    if name is None:
        return None
    index = table.index_named(name)
    if index is None:
        raise ValidationException(f"The table does not have the specified index: {name}")
    if not index.is_local and request.get("ConsistentRead"):
        raise ValidationException("Consistent reads are not supported on global secondary indexes")
    if index.is_backfilling:
        raise ValidationException(
            f"Cannot read from backfilling global secondary index: {index.name}"
        )
    return index


class Selection:
    """What a Query or Scan shows of the rows it reads.

    `legacy_filter` is the name of its legacy filter parameter if it uses legacy parameters.
    """

    filter_name = "Filter Expression"
    projection_name = "ProjectionExpression"

    def __init__(
        self, request: Request, placeholders: Placeholders, legacy_filter: str | None
    ) -> None:
        self.limit: int | None = request.get("Limit")
        self.filter: Condition | None = filter_of(request, placeholders)
        self.projection: Projection | None = projection_of(request, placeholders)
        self.select: str | None = request.get("Select")
        if legacy_filter is not None:
            self._take_legacy(request, legacy_filter)
        self._check_select(request)

    def _take_legacy(self, request: Request, filter_member: str) -> None:
        """Uses the legacy parameters there are; a filter expression may stand with KeyConditions.

        Scan looks at AttributesToGet first, Query at its filter.
        """
        names, conditions = request.get("AttributesToGet"), request.get(filter_member)
        if names is not None and filter_member == "ScanFilter":
            self.projection = projection_from_names(names)
        if conditions is not None:
            self.filter_name = filter_member
            self.filter = filter_condition(conditions, request.get("ConditionalOperator"))
        if names is not None:
            self.projection_name = "AttributesToGet"
            self.projection = projection_from_names(names)

    def _check_select(self, request: Request) -> None:
        select = self.select
        if select == "SPECIFIC_ATTRIBUTES" and self.projection is None:
            raise ValidationException(
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
                "SPECIFIC_ATTRIBUTES"
            )
        if self.projection is not None and select not in (None, "SPECIFIC_ATTRIBUTES"):
            shown = "only the Count" if select == "COUNT" else select
            raise ValidationException(
                f"Cannot specify the {self.projection_name} when choosing to get {shown}"
            )
        if select == "ALL_PROJECTED_ATTRIBUTES" and request.get("IndexName") is None:
            raise ValidationException(
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            )

    def check_paths(self, table: Table) -> None:
        """Raises ValidationException where a path goes into an attribute of a key."""
        for part in (self.projection, self.filter):
            if part is not None and part.entered:
                check_not_entered(table, part.entered)

    def rules(self, table: Table, index: Index | None, reader: Reader) -> PageRules:
        """The page's rules for rows of `index`; reads whole items where a local index is short."""
        full_body = None
        if self._needs_more(table, index):
            full_body = FullBodies(table, reader)
        return PageRules(
            self.limit, self.filter, self.projection, self.select == "COUNT", full_body
        )

    def _needs_more(self, table: Table, index: Index | None) -> bool:
        wanted = self.projection.top_level if self.projection else ()
        asks_all = self.select == "ALL_ATTRIBUTES"
        if index is None or index.projection == "ALL":
            return False
        if not index.is_local:
            self._check_global(table, index, wanted, asks_all)
            return False
        return asks_all or not keeps_all(table, index, wanted)

    def _check_global(
        self, table: Table, index: Index, wanted: tuple[str, ...], asks_all: bool
    ) -> None:
        if asks_all:
            raise _lacks_attributes(index)
        missing = [name for name in wanted if not keeps_all(table, index, (name,))]
        if missing:
            raise ValidationException(
                "One or more parameter values were invalid: Global secondary index "
                f"{index.name} does not project [{', '.join(missing)}]"
            )


def check_shows_all(index: Index, request: Request) -> None:
    """Raises ValidationException where all attributes are asked of a global index without them."""
    asks_all = request.get("Select") == "ALL_ATTRIBUTES"
    if asks_all and index.projection != "ALL" and not index.is_local:
        raise _lacks_attributes(index)


def _lacks_attributes(index: Index) -> ValidationException:
    return ValidationException(
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported "
        f"for global secondary index {index.name} because its projection type is not ALL"
    )


class FullBodies:
    """Gets the table's items for rows of a local index; `sizes` are those of the items it got."""

    def __init__(self, table: Table, reader: Reader) -> None:
        self._table = table
        self._reader = reader
        self.sizes: list[int] = []

    def __call__(self, item: Item) -> bytes:
        key = {name: item[name] for name in self._table.key.names}
        located = key_of_request(self._table, key)
        stored = read_item(self._reader, self._table, located, parse=False)
        assert stored is not None, "an index entry stands for an item"
        self.sizes.append(stored.size)
        return stored.body


def report_page(
    report: Report,
    table: Table,
    index: Index | None,
    page: Page,
    rules: PageRules,
    *,
    consistent: bool,
) -> None:
    """Counts a page by the sum of its sizes, and each item got for it from the table by its own."""
    report.add_read(table, page.scanned_bytes, consistent=consistent, index=index)
    if isinstance(rules.full_body, FullBodies):
        for size in rules.full_body.sizes:
            report.add_read(table, size, consistent=consistent)


class StartKey:
    """An ExclusiveStartKey as the address of a row in the table or index that is read.

    A key with other members than the schema has is refused with a reason only by Scans of tables.
    """

    def __init__(
        self, table: Table, index: Index | None, start: Item, *, gives_reason: bool
    ) -> None:
        check_start_members(table, index, start, gives_reason=gives_reason)
        try:
            start, _ = normalise_item(start)
            key: ItemKey = key_of_request(table, {name: start[name] for name in table.key.names})
        except ValidationException as error:
            raise ValidationException(f"{INVALID_START}: {error.message}") from None
        self.token, self.pk, self.sk = key.address
        if index is None:
            return
        self.sk = encode_index_parts(table, index.key.sorts, start) + self.pk + self.sk
        if not index.is_local:
            self.pk = encode_index_parts(table, index.key.partitions, start)
            self.token = token_of(self.pk)

    @property
    def address(self) -> tuple[int, bytes, bytes]:
        return self.token, self.pk, self.sk


def check_start_members(
    table: Table, index: Index | None, start: Item, *, gives_reason: bool
) -> None:
    """Raises ValidationException where a start key has not the members of a row that is read.

    What is missing is told of the key that is read first, then of the table's key behind it.
    """
    check_start_count(table, index, start, gives_reason=gives_reason)
    read_key = table.key if index is None else index.key
    for name in read_key.names if not gives_reason else ():
        check_start_member(table, start, name)
    for name in table.key.names:
        if name not in start or table.attribute_types[name] not in start[name]:
            raise ValidationException(f"{INVALID_START}: {OTHER_SCHEMA}")


def check_start_count(
    table: Table, index: Index | None, start: Item, *, gives_reason: bool
) -> None:
    """Raises ValidationException where a start key has more or fewer members than it must."""
    names = last_key_names(table, index)
    if len(start) != len(names) or (gives_reason and start.keys() != set(names)):
        raise ValidationException(
            f"{INVALID_START}: {OTHER_SCHEMA}" if gives_reason else INVALID_START
        )


def check_start_member(table: Table, start: Item, name: str) -> None:
    """Raises ValidationException where an attribute of the key that is read is not as it must."""
    if name not in start:
        raise ValidationException(INVALID_START)
    if table.attribute_types[name] not in start[name]:
        raise ValidationException(OTHER_SCHEMA)


def last_key_getter(table: Table, index: Index | None) -> Callable[[Item], Item]:
    names = last_key_names(table, index)
    return lambda item: {name: item[name] for name in names}


def check_filter_keys(selection: Selection, key: KeySchema) -> None:
    """Raises ValidationException when a Query's filter names an attribute of the key."""
    condition = selection.filter
    if condition is None:
        return
    for name in key.names:
        if name in condition.attributes:
            raise ValidationException(
                f"{selection.filter_name} can only contain non-primary key attributes: "
                f"Primary key attribute: {name}"
            )
