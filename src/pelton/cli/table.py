"""`pelton table`: the tables of a file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .opening import AsJSON, FilePath, open_existing, open_file
from .output import print_facts, print_json, print_line, print_table

commands = typer.Typer(help="The tables of a file.", no_args_is_help=True)

TableName = Annotated[str, typer.Argument(metavar="TABLE")]
KEY_HELP = "NAME, or NAME:TYPE with TYPE S, N or B."


@commands.command("list")
def list_tables(path: FilePath, as_json: AsJSON = False) -> None:
    """List the tables with their keys, sizes and streams."""
    with open_existing(path) as app:
        tables = []
        request: dict[str, Any] = {}
        while True:
            answer = app.call("ListTables", request)
            for name in answer["TableNames"]:
                tables.append(app.call("DescribeTable", {"TableName": name})["Table"])
            if "LastEvaluatedTableName" not in answer:
                break
            request = {"ExclusiveStartTableName": answer["LastEvaluatedTableName"]}
    if as_json:
        print_json(tables)
        return
    print_table(
        ("table", "key", "items", "bytes", "indexes", "stream"),
        [
            (
                table["TableName"],
                key_text(table, table["KeySchema"]),
                str(table["ItemCount"]),
                str(table["TableSizeBytes"]),
                str(len(indexes_of(table))),
                stream_text(table),
            )
            for table in tables
        ],
    )


@commands.command("describe")
def describe_table(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """Tell everything about a table."""
    with open_existing(path) as app:
        described = app.call("DescribeTable", {"TableName": table})["Table"]
    if as_json:
        print_json(described)
        return
    facts = {
        "table": described["TableName"],
        "status": described["TableStatus"],
        "key": key_text(described, described["KeySchema"]),
        "items": str(described["ItemCount"]),
        "bytes": str(described["TableSizeBytes"]),
        "stream": stream_text(described),
        "arn": described["TableArn"],
    }
    for index in indexes_of(described):
        projection = index["Projection"]["ProjectionType"]
        facts[f"index {index['IndexName']}"] = (
            f"{key_text(described, index['KeySchema'])}, {projection}, {index['ItemCount']} items"
        )
    print_facts(facts)


@commands.command("create")
def create_table(
    path: FilePath,
    table: TableName,
    partition_key: Annotated[str, typer.Option("--partition-key", "-p", help=KEY_HELP)],
    sort_key: Annotated[str | None, typer.Option("--sort-key", "-s", help=KEY_HELP)] = None,
    stream: Annotated[
        str | None,
        typer.Option(help="KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."),
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Create a table, and its file unless that exists."""
    keys = [_parse_key(partition_key), *([_parse_key(sort_key)] if sort_key else [])]
    request: dict[str, Any] = {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in keys
        ],
        "KeySchema": [
            {"AttributeName": name, "KeyType": role}
            for (name, _), role in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
    }
    if stream is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
    with open_file(path) as app:
        created = app.call("CreateTable", request)["TableDescription"]
    if as_json:
        print_json(created)
    else:
        print_line(f"created {table}", "green")


@commands.command("delete")
def delete_table(path: FilePath, table: TableName, as_json: AsJSON = False) -> None:
    """Delete a table with all its items; its stream stays readable for a day."""
    with open_existing(path) as app:
        deleted = app.call("DeleteTable", {"TableName": table})["TableDescription"]
    if as_json:
        print_json(deleted)
    else:
        print_line(f"deleted {table}", "green")


def key_text(table: dict[str, Any], schema: list[dict[str, str]]) -> str:
    """A key as in `user_id:S, at:N`."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    return ", ".join(f"{each['AttributeName']}:{types[each['AttributeName']]}" for each in schema)


def stream_text(table: dict[str, Any]) -> str:
    """The view type of a table's stream, or a dash."""
    view: str = table.get("StreamSpecification", {}).get("StreamViewType", "-")
    return view


def indexes_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *table.get("LocalSecondaryIndexes", []),
        *table.get("GlobalSecondaryIndexes", []),
    ]


def _parse_key(text: str) -> tuple[str, str]:
    name, _, kind = text.rpartition(":")
    return (name, kind) if name and kind in ("S", "N", "B") else (text, "S")
