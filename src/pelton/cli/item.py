"""`pelton item`: the items of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .failure import CommandError
from .items_text import Item, parse_item, parse_object, to_cell, to_json, to_wire
from .opening import AsJSON, FilePath, open_existing
from .output import print_facts, print_json, print_line, print_table, progress

if TYPE_CHECKING:
    from pelton import App

commands = typer.Typer(help="The items of a table.", no_args_is_help=True)

BATCH_ITEMS_MAX = 25

TableName = Annotated[str, typer.Argument(metavar="TABLE")]
Key = Annotated[str, typer.Argument(metavar="KEY", help='The key as JSON, as in \'{"id": "u1"}\'.')]
Typed = Annotated[
    bool,
    typer.Option("--typed", help='Items are typed JSON, as in \'{"id": {"S": "u1"}}\'.'),
]
Filter = Annotated[str | None, typer.Option(help="A filter expression.")]
Projection = Annotated[str | None, typer.Option(help="A projection expression.")]
Index = Annotated[str | None, typer.Option(help="The index to read.")]
Values = Annotated[
    str | None, typer.Option(help='The values of the placeholders as JSON: \'{":id": "u1"}\'.')
]
Names = Annotated[
    str | None, typer.Option(help='The names of the placeholders as JSON: \'{"#n": "name"}\'.')
]
Limit = Annotated[int | None, typer.Option(min=1, help="The most items to print.")]


@commands.command("put")
def put_item(
    path: FilePath,
    table: TableName,
    item: Annotated[
        str | None, typer.Argument(metavar="ITEM", help="The item as JSON; see also --from.")
    ] = None,
    source: Annotated[
        typer.FileText | None,
        typer.Option("--from", help="A file of items, an array or one a line; - is the input."),
    ] = None,
    typed: Typed = False,
    as_json: AsJSON = False,
) -> None:
    """Put an item, or all items of a file."""
    if (item is None) is (source is None):
        raise CommandError("give either an ITEM or --from FILE")
    if source is not None:
        items = _read_items(source.read(), typed=typed)
    else:
        items = [parse_item(item or "", typed=typed)]
    with open_existing(path) as app:
        if source is None:
            app.call("PutItem", {"TableName": table, "Item": items[0]})
        else:
            _put_all(app, table, items)
    if as_json:
        print_json({"put": len(items)})
    else:
        print_line(f"put {len(items)} {'item' if len(items) == 1 else 'items'}", "green")


@commands.command("get")
def get_item(
    path: FilePath, table: TableName, key: Key, typed: Typed = False, as_json: AsJSON = False
) -> None:
    """Print the item of a key; fail if there is none."""
    with open_existing(path) as app:
        answer = app.call("GetItem", {"TableName": table, "Key": parse_item(key, typed=typed)})
    if "Item" not in answer:
        raise CommandError(f"table {table} has no item {key}")
    if as_json or typed:
        print_json(to_json(answer["Item"], typed=typed))
    else:
        print_facts({name: to_cell(value) for name, value in answer["Item"].items()})


@commands.command("delete")
def delete_item(
    path: FilePath, table: TableName, key: Key, typed: Typed = False, as_json: AsJSON = False
) -> None:
    """Delete the item of a key; fail if there is none."""
    request = {
        "TableName": table,
        "Key": parse_item(key, typed=typed),
        "ReturnValues": "ALL_OLD",
    }
    with open_existing(path) as app:
        answer = app.call("DeleteItem", request)
    if "Attributes" not in answer:
        raise CommandError(f"table {table} has no item {key}")
    if as_json:
        print_json(to_json(answer["Attributes"], typed=typed))
    else:
        print_line("deleted 1 item", "green")


@commands.command("query")
def query(
    path: FilePath,
    table: TableName,
    key_condition: Annotated[
        str, typer.Argument(metavar="CONDITION", help="As in 'id = :id AND begins_with(at, :d)'.")
    ],
    values: Values = None,
    names: Names = None,
    filter_expression: Annotated[str | None, typer.Option("--filter", help="A filter.")] = None,
    projection: Projection = None,
    index: Index = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="From the greatest down.")] = False,
    limit: Limit = None,
    typed: Typed = False,
    as_json: AsJSON = False,
) -> None:
    """Print the items of one partition key in order."""
    request = _read_request(table, values, names, filter_expression, projection, index, typed)
    request |= {"KeyConditionExpression": key_condition, "ScanIndexForward": not reverse}
    with open_existing(path) as app:
        _print_items(app, "Query", request, limit=limit, typed=typed, as_json=as_json)


@commands.command("scan")
def scan(
    path: FilePath,
    table: TableName,
    values: Values = None,
    names: Names = None,
    filter_expression: Annotated[str | None, typer.Option("--filter", help="A filter.")] = None,
    projection: Projection = None,
    index: Index = None,
    limit: Limit = None,
    typed: Typed = False,
    as_json: AsJSON = False,
) -> None:
    """Print all items, or those a filter lets through."""
    request = _read_request(table, values, names, filter_expression, projection, index, typed)
    with open_existing(path) as app:
        _print_items(app, "Scan", request, limit=limit, typed=typed, as_json=as_json)


def _read_request(
    table: str,
    values: str | None,
    names: str | None,
    filter_expression: str | None,
    projection: str | None,
    index: str | None,
    typed: bool,
) -> dict[str, Any]:
    members = {
        "TableName": table,
        "IndexName": index,
        "FilterExpression": filter_expression,
        "ProjectionExpression": projection,
        "ExpressionAttributeNames": parse_object(names) if names else None,
        "ExpressionAttributeValues": parse_item(values, typed=typed) if values else None,
    }
    return {name: member for name, member in members.items() if member is not None}


def _print_items(
    app: App,
    operation: str,
    request: dict[str, Any],
    *,
    limit: int | None,
    typed: bool,
    as_json: bool,
) -> None:
    items = _pages(app, operation, request, limit)
    if as_json or typed:
        for item in items:  # One a line, each as soon as it is read: a table may be large.
            print_json(to_json(item, typed=typed))
        return
    rows = list(items)
    columns: dict[str, None] = {}
    for item in rows:
        columns |= dict.fromkeys(item)
    print_table(
        list(columns),
        [[to_cell(item[name]) if name in item else "" for name in columns] for item in rows],
    )


def _pages(app: App, operation: str, request: dict[str, Any], limit: int | None) -> Iterator[Item]:
    left = limit
    while left is None or left > 0:
        answer = app.call(operation, request)
        items = answer["Items"] if left is None else answer["Items"][:left]
        yield from items
        left = None if left is None else left - len(items)
        if "LastEvaluatedKey" not in answer:
            return
        request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _read_items(text: str, *, typed: bool) -> list[Item]:
    import json
    from decimal import Decimal

    if text.lstrip().startswith("["):
        try:
            parsed = json.loads(text, parse_float=Decimal)
        except json.JSONDecodeError as error:
            raise CommandError(f"the items are not JSON: {error}") from None
        if not all(isinstance(each, dict) for each in parsed):
            raise CommandError("the items must be JSON objects")
        return [to_wire(each, typed=typed) for each in parsed]
    return [parse_item(line, typed=typed) for line in text.splitlines() if line.strip()]


def _put_all(app: App, table: str, items: list[Item]) -> None:
    batches = [items[at : at + BATCH_ITEMS_MAX] for at in range(0, len(items), BATCH_ITEMS_MAX)]
    with progress(batches, f"putting into {table}") as shown:
        for batch in shown:
            requests = [{"PutRequest": {"Item": item}} for item in batch]
            app.call("BatchWriteItem", {"RequestItems": {table: requests}})
