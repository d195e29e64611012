"""Writes what validation needs of the APIs' models from botocore's, and no more: DynamoDB's to
engine/model/dynamodb.json, Lambda's to src/pelton/server/lambda_api/lambda.json.

Run it with the botocore that is to be followed: `python tools/generate_model.py`. The data has one
operation or shape a line, sorted, so that a newer model shows as a readable difference.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import botocore

ROOT = Path(__file__).parent.parent
SERVICES = ("dynamodb", "dynamodbstreams")
API_VERSION = "2012-08-10"
TARGET = ROOT / "engine" / "model" / "dynamodb.json"

LAMBDA_VERSION = "2015-03-31"
LAMBDA_TARGET = ROOT / "src" / "pelton" / "server" / "lambda_api" / "lambda.json"
LAMBDA_PREFIX = "Lambda."
"""Stands before the names of Lambda's shapes: some are DynamoDB's too, and mean something else."""

LAMBDA_OPERATIONS = (
    "CreateEventSourceMapping",
    "DeleteEventSourceMapping",
    "GetAccountSettings",
    "GetEventSourceMapping",
    "GetFunction",
    "GetFunctionCodeSigningConfig",
    "GetFunctionConcurrency",
    "GetFunctionConfiguration",
    "GetFunctionEventInvokeConfig",
    "GetPolicy",
    "Invoke",
    "ListAliases",
    "ListEventSourceMappings",
    "ListFunctions",
    "ListTags",
    "ListVersionsByFunction",
    "TagResource",
    "UntagResource",
    "UpdateEventSourceMapping",
)
"""Those that pelton has; of the others only method and path are kept."""

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
    r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)": r"(?u:[\w\s.:/=+\-@]*)",
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


def load_service(name: str, version: str = API_VERSION) -> dict[str, Any]:
    folder = Path(botocore.__file__).parent / "data" / name / version
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


def build_lambda_model() -> dict[str, dict[str, Any]]:
    """Operations with their place in HTTP, the shapes of their requests, and errors' statuses."""
    service = load_service("lambda", LAMBDA_VERSION)
    operations, others, errors = {}, {}, {}
    for name, operation in service["operations"].items():
        http = operation["http"]
        route = {"method": http["method"], "path": http["requestUri"]}
        if name not in LAMBDA_OPERATIONS:
            others[name] = route
            continue
        route["status"] = http.get("responseCode", 200)
        route["input"] = LAMBDA_PREFIX + operation["input"]["shape"]
        route |= placed(service["shapes"][operation["input"]["shape"]])
        operations[name] = route
    for name, shape in service["shapes"].items():
        if shape.get("exception"):
            letter = next(member for member in shape["members"] if member.lower() == "message")
            errors[name] = {"status": shape["error"]["httpStatusCode"], "message": letter}
    named = {
        LAMBDA_PREFIX + name: prefixed(reduce_shape("", shape))
        for name, shape in service["shapes"].items()
    }
    used = reachable([each["input"] for each in operations.values()], named)
    return {
        "operations": operations,
        "others": others,
        "errors": errors,
        "shapes": {name: named[name] for name in used},
    }


def placed(shape: Shape) -> dict[str, Any]:
    """Which members of a request stand elsewhere than in its JSON, and where."""
    members = {
        member: [each["location"], each["locationName"]]
        for member, each in shape["members"].items()
        if "location" in each
    }
    found: dict[str, Any] = {"members": members} if members else {}
    if "payload" in shape:
        found["payload"] = shape["payload"]
    return found


def prefixed(shape: Shape) -> Shape:
    """A shape that refers to Lambda's shapes by the names they have here."""
    again = dict(shape)
    if shape["type"] in ("list", "map"):
        again["says_not_null"] = True  # As DynamoDB's do not, in the demands on their members.
    if "members" in shape:
        again["members"] = {key: LAMBDA_PREFIX + name for key, name in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            again[part] = LAMBDA_PREFIX + shape[part]
    return again


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
    model = build_lambda_model()
    LAMBDA_TARGET.write_text(
        "{" + ",\n".join(write_lines(title, entries) for title, entries in model.items()) + "}\n"
    )
    print(
        f"{LAMBDA_TARGET.name}: {len(model['operations'])} operations, "
        f"{len(model['shapes'])} shapes"
    )


if __name__ == "__main__":
    main()
