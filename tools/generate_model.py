"""Writes engine/model/dynamodb.json from botocore's models: what validation needs, and no more.

Run it with the botocore that is to be followed: `python tools/generate_model.py`. The data has one
operation or shape a line, sorted, so that a newer model shows as a readable difference.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import botocore

SERVICES = ("dynamodb", "dynamodbstreams")
API_VERSION = "2012-08-10"
TARGET = Path(__file__).parent.parent / "engine" / "model" / "dynamodb.json"
CONSTRAINTS = ("type", "required", "min", "max", "pattern", "enum")

Shape = dict[str, Any]

# What AWS demands beyond its published model, as its answers show.
NARROWED: dict[str, Shape] = {
    # Names of tables in data requests: ARNs are let through by the validator itself.
    "TableArn": {"type": "string", "min": 1, "max": 255, "pattern": "[a-zA-Z0-9_.-]+"},
    "KeySchema": {"type": "list", "member": "KeySchemaElement", "min": 1, "max": 2},
    # Broken, these are told by their operations, in other words than the structural check's.
    "KeyList": {"type": "list", "member": "Key", "min": 1},
    "BatchGetRequestMap": {"type": "map", "key": "TableArn", "value": "KeysAndAttributes"},
    "BatchWriteItemRequestMap": {
        "type": "map",
        "key": "TableArn",
        "value": "WriteRequests",
        "max": 25,
    },
}
# Patterns of Java's that Python reads otherwise or not at all, in Python's terms.
TRANSLATED = {
    r"\p{Print}+": r"[\x20-\x7E]+",
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*": (
        r"[\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF\r\n\t]*"
    ),
}
OWN_SHAPES: dict[str, Shape] = {
    "QueryLimit": {"type": "integer"},
    # Of a global index: how many elements it may have is told by the operations.
    "GlobalKeySchema": {"type": "list", "member": "KeySchemaElement", "min": 1},
}
OTHER_MEMBERS: dict[str, dict[str, str]] = {
    # Tables are made and managed by full names of at least three characters.
    "CreateTableInput": {"TableName": "TableName"},
    "UpdateTableInput": {"TableName": "TableName"},
    "DeleteTableInput": {"TableName": "TableName"},
    "DescribeTableInput": {"TableName": "TableName"},
    "QueryInput": {"Limit": "QueryLimit"},
    "CreateGlobalSecondaryIndexAction": {"KeySchema": "GlobalKeySchema"},
    "GlobalSecondaryIndex": {"KeySchema": "GlobalKeySchema"},
}
REQUIRED_FIRST = {
    # Its absence is told before all else, and in other words than the structural check's.
    name: ["TableName"]
    for name in (
        "CreateTableInput",
        "DeleteTableInput",
        "DescribeTableInput",
        "DescribeTimeToLiveInput",
        "UpdateTableInput",
    )
}


def load_service(name: str) -> dict[str, Any]:
    folder = Path(botocore.__file__).parent / "data" / name / API_VERSION
    packed = folder / "service-2.json.gz"
    if packed.exists():
        service: dict[str, Any] = json.loads(gzip.decompress(packed.read_bytes()))
        return service
    service = json.loads((folder / "service-2.json").read_text())
    return service


def reduce_shape(name: str, shape: Shape) -> Shape:
    """The constraints of a shape and the names of the shapes it is made of."""
    if name in NARROWED:
        return NARROWED[name]
    reduced = {key: shape[key] for key in CONSTRAINTS if key in shape}
    if shape.get("pattern") in TRANSLATED:
        reduced["python_pattern"] = TRANSLATED[shape["pattern"]]
    if "enum" in shape:
        reduced["enum"] = order_as_printed(shape["enum"])
    if name in REQUIRED_FIRST:
        first = reduced["required_first"] = REQUIRED_FIRST[name]
        reduced["required"] = [each for each in shape["required"] if each not in first]
    if "members" in shape:
        members = {member: each["shape"] for member, each in shape["members"].items()}
        reduced["members"] = {**members, **OTHER_MEMBERS.get(name, {})}
    for part in ("member", "key", "value"):
        if part in shape:
            reduced[part] = shape[part]["shape"]
    return reduced


def order_as_printed(values: list[str]) -> list[str]:
    """The order in which AWS's messages list an enum: that of a Java hash table of 32 buckets.

    Found by trying: it explains every order that has been observed.

    >>> order_as_printed(["S", "N", "B"])
    ['B', 'N', 'S']
    >>> order_as_printed(["LT", "BETWEEN", "NULL"])
    ['NULL', 'BETWEEN', 'LT']
    """

    def java_hash(text: str) -> int:
        code = 0
        for character in text:
            code = (code * 31 + ord(character)) % 2**32
        return code

    # In one bucket the latest comes first.
    return sorted(reversed(values), key=lambda value: java_hash(value) % 32)


def reachable(roots: list[str], shapes: dict[str, Shape]) -> set[str]:
    """The shapes that requests consist of."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        shape = shapes[name]
        waiting += shape.get("members", {}).values()
        waiting += [shape[part] for part in ("member", "key", "value") if part in shape]
    return found


def build_model() -> tuple[dict[str, str], dict[str, Shape]]:
    operations: dict[str, str] = {}
    shapes: dict[str, Shape] = dict(OWN_SHAPES)
    for service_name in SERVICES:
        service = load_service(service_name)
        for name, operation in service["operations"].items():
            operations[name] = operation["input"]["shape"] if "input" in operation else ""
        for name, shape in service["shapes"].items():
            shapes.setdefault(name, reduce_shape(name, shape))
    used = reachable([name for name in operations.values() if name], shapes)
    return operations, {name: shapes[name] for name in used}


def write_lines(title: str, entries: dict[str, Any]) -> str:
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())
    )
    return f'"{title}": {{\n{lines}\n}}'


def main() -> None:
    operations, shapes = build_model()
    TARGET.write_text(
        "{" + write_lines("operations", operations) + ",\n" + write_lines("shapes", shapes) + "}\n"
    )
    print(f"{TARGET.name}: {len(operations)} operations, {len(shapes)} shapes")


if __name__ == "__main__":
    main()
