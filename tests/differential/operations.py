"""Sequences of writes, made from a seed: what clients do, with many that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from .values import UNTIDY_NUMBERS, Item, Value, any_value

VIEWS = {
    "keys": "KEYS_ONLY",
    "new": "NEW_IMAGE",
    "old": "OLD_IMAGE",
    "both": "NEW_AND_OLD_IMAGES",
}
"""The view of each table's stream, by the table's name."""
SORTED = ("old", "both")
"""The tables with a sort key, a number."""
NAMES = ("a", "b", "c", "count", "tags")


class Request(NamedTuple):
    """A call of a boto3 client's method."""

    method: str
    members: dict[str, Any]


def table_requests() -> Iterator[Request]:
    """CreateTable for each of the tables."""
    for name, view in VIEWS.items():
        keys = [("id", "S", "HASH"), *([("at", "N", "RANGE")] if name in SORTED else [])]
        members = {
            "TableName": table_name(name),
            "KeySchema": [{"AttributeName": key, "KeyType": role} for key, _, role in keys],
            "AttributeDefinitions": [
                {"AttributeName": key, "AttributeType": kind} for key, kind, _ in keys
            ],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view},
        }
        yield Request("create_table", members)


def table_name(name: str) -> str:
    return f"differential-{name}"


class Requests:
    """An endless sequence of requests; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._past: list[Request] = []

    def __iter__(self) -> Iterator[Request]:
        makers = list(MAKERS)
        weights = list(MAKERS.values())
        while True:
            if self._past and self.random.random() < 0.15:
                yield self.random.choice(self._past[-20:])  # Most of these change nothing.
                continue
            (make,) = self.random.choices(makers, weights)
            request = make(self)
            self._past.append(request)
            yield request

    # --- parts of requests ---------------------------------------------------------------------

    def name(self) -> str:
        return self.random.choice(list(VIEWS))

    def key(self, name: str) -> Item:
        key: Item = {"id": {"S": self.random.choice(("x", "y", "zż"))}}
        if name in SORTED:
            key["at"] = {"N": self.random.choice(("1", "-2.5"))}
        return key

    def item(self, name: str) -> Item:
        names = self.random.sample(NAMES, self.random.randrange(len(NAMES)))
        item = {**self.key(name), **{each: self.value_of(each) for each in names}}
        if "c" in item and self.random.random() < 0.1:
            item["c"] = {"N": self.random.choice(UNTIDY_NUMBERS)}
        return item

    def value_of(self, name: str) -> Value:
        """A value for an attribute: those with a purpose mostly have the type for it."""
        if name == "count" and self.random.random() < 0.9:
            # Whole numbers: of 0.25 + 0.25 DynamoDB Local answers 0.50, and keeps 0.5.
            return {"N": self.random.choice(("0", "1", "25", "-7", "100"))}
        if name == "tags" and self.random.random() < 0.9:
            return {"SS": self.random.sample(("p", "q", "r"), self.random.randrange(1, 4))}
        return any_value(self.random)

    def condition(self) -> dict[str, Any]:
        """At times a condition, that may fail."""
        if self.random.random() < 0.7:
            return {}
        text = self.random.choice(
            ("attribute_exists(#n)", "attribute_not_exists(#n)", "size(#n) > :one", "#n < :one")
        )
        members: dict[str, Any] = {
            "ConditionExpression": text,
            "ExpressionAttributeNames": {"#n": self.random.choice(("id", *NAMES))},
        }
        if ":one" in text:
            members["ExpressionAttributeValues"] = {":one": {"N": "1"}}
        return members

    def update(self) -> dict[str, Any]:
        """An update expression with its values; one that only removes wants the item to be there.

        What it does to a missing item is one of the known differences.
        """
        values: dict[str, Value] = {}
        names: dict[str, str] = {}
        clauses = []
        free = self.random.sample(NAMES, self.random.randrange(1, 3))
        for number, name in enumerate(free):
            names[f"#u{number}"] = name
            clause, value = self.clause(name, f"#u{number}", f":u{number}")
            clauses.append(clause)
            if value is not None:
                values[f":u{number}"] = value
        grouped: dict[str, list[str]] = {}
        for clause in clauses:
            word, _, rest = clause.partition(" ")
            grouped.setdefault(word, []).append(rest)
        text = " ".join(f"{word} {', '.join(rest)}" for word, rest in grouped.items())
        members: dict[str, Any] = {"UpdateExpression": text, "ExpressionAttributeNames": names}
        if not grouped.keys() & {"SET", "ADD"}:
            members["ConditionExpression"] = "attribute_exists(id)"
        if values:
            members["ExpressionAttributeValues"] = values
        return members

    def clause(self, name: str, path: str, value: str) -> tuple[str, Value | None]:
        """One action of an update, and the value it uses."""
        tags = {"SS": self.random.sample(("p", "q", "r"), self.random.randrange(1, 3))}
        amount = {"N": self.random.choice(("0", "1", "-1", "40"))}
        choices: list[tuple[str, Value | None]] = [
            (f"SET {path} = {value}", self.value_of(name)),
            (f"SET {path} = if_not_exists({path}, {value})", self.value_of(name)),
            (f"REMOVE {path}", None),
        ]
        if name == "count":
            choices += [(f"SET {path} = {path} + {value}", amount), (f"ADD {path} {value}", amount)]
        elif name == "tags":
            choices += [(f"ADD {path} {value}", tags), (f"DELETE {path} {value}", tags)]
        else:
            lists = {"L": [any_value(self.random, 2)]}
            choices += [
                (f"SET {path} = list_append({path}, {value})", lists),
                (f"SET {path}.k = {value}", any_value(self.random, 1)),
                (f"REMOVE {path}.k", None),
                (f"REMOVE {path}[0]", None),
            ]
        return self.random.choice(choices)


# --- requests of each kind -----------------------------------------------------------------------


def put(requests: Requests) -> Request:
    name = requests.name()
    members = {"TableName": table_name(name), "Item": requests.item(name), **requests.condition()}
    if requests.random.random() < 0.3:
        members["ReturnValues"] = "ALL_OLD"
    return Request("put_item", members)


def delete(requests: Requests) -> Request:
    name = requests.name()
    members = {"TableName": table_name(name), "Key": requests.key(name), **requests.condition()}
    if requests.random.random() < 0.3:
        members["ReturnValues"] = "ALL_OLD"
    return Request("delete_item", members)


def update(requests: Requests) -> Request:
    name = requests.name()
    members = {"TableName": table_name(name), "Key": requests.key(name), **requests.update()}
    if requests.random.random() < 0.5:
        members["ReturnValues"] = requests.random.choice(
            ("ALL_NEW", "ALL_OLD", "UPDATED_NEW", "UPDATED_OLD")
        )
    return Request("update_item", members)


def touch(requests: Requests) -> Request:
    """An update without an expression: makes the item where there is none."""
    name = requests.name()
    members = {"TableName": table_name(name), "Key": requests.key(name)}
    return Request("update_item", members)


def legacy_update(requests: Requests) -> Request:
    name = requests.name()
    attribute = requests.random.choice(NAMES)
    action = requests.random.choice(("PUT", "PUT", "ADD"))
    value = requests.value_of(attribute)
    change: dict[str, Any] = {"Action": action, "Value": value}
    if action == "ADD" and not value.keys() & {"N", "SS", "NS", "BS", "L"}:
        change["Action"] = "PUT"
    members = {
        "TableName": table_name(name),
        "Key": requests.key(name),
        "AttributeUpdates": {attribute: change},
        "ReturnValues": "ALL_NEW",
    }
    return Request("update_item", members)


def batch(requests: Requests) -> Request:
    writes: dict[str, list[Any]] = {}
    taken = set()
    for _ in range(requests.random.randrange(1, 6)):
        name = requests.name()
        item = requests.item(name)
        key = {part: item[part] for part in ("id", "at") if part in item}
        if (name, repr(key)) in taken:
            continue
        taken.add((name, repr(key)))
        deletes = requests.random.random() < 0.3
        write = {"DeleteRequest": {"Key": key}} if deletes else {"PutRequest": {"Item": item}}
        writes.setdefault(table_name(name), []).append(write)
    return Request("batch_write_item", {"RequestItems": writes})


def transaction(requests: Requests) -> Request:
    actions = []
    taken = set()
    for _ in range(requests.random.randrange(1, 5)):
        name = requests.name()
        item = requests.item(name)
        key = {part: item[part] for part in ("id", "at") if part in item}
        if (name, repr(key)) in taken:
            continue
        taken.add((name, repr(key)))
        kind = requests.random.choice(("Put", "Delete", "Update", "ConditionCheck"))
        action: dict[str, Any] = {"TableName": table_name(name)}
        match kind:
            case "Put":
                action["Item"] = item
            case "Delete":
                action["Key"] = key
            case "Update":
                action |= {"Key": key, **requests.update()}
            case _:
                action |= {"Key": key, "ConditionExpression": "attribute_not_exists(nothing)"}
        actions.append({kind: action})
    return Request("transact_write_items", {"TransactItems": actions})


def statement_of(requests: Requests) -> dict[str, Any]:
    """A PartiQL statement that writes."""
    name = requests.name()
    table = table_name(name)
    key = requests.key(name)
    where = " AND ".join(f'"{part}" = ?' for part in key)
    attribute = requests.random.choice(NAMES)
    value = requests.value_of(attribute)
    match requests.random.choice(("insert", "update", "update", "remove", "delete")):
        case "insert":
            members = ", ".join(f"'{part}': ?" for part in (*key, attribute))
            text, parameters = f'INSERT INTO "{table}" VALUE {{{members}}}', [*key.values(), value]
        case "update":
            text = f'UPDATE "{table}" SET "{attribute}" = ? WHERE {where}'
            parameters = [value, *key.values()]
        case "remove":
            text = f'UPDATE "{table}" REMOVE "{attribute}" WHERE {where}'
            parameters = list(key.values())
        case _:
            text, parameters = f'DELETE FROM "{table}" WHERE {where}', list(key.values())
    return {"Statement": text, "Parameters": parameters}


def statement(requests: Requests) -> Request:
    return Request("execute_statement", statement_of(requests))


def statements(requests: Requests) -> Request:
    return Request("batch_execute_statement", {"Statements": [statement_of(requests)]})


def statements_together(requests: Requests) -> Request:
    return Request("execute_transaction", {"TransactStatements": [statement_of(requests)]})


MAKERS: dict[Callable[[Requests], Request], int] = {
    put: 20,
    update: 30,
    delete: 10,
    touch: 3,
    legacy_update: 6,
    batch: 8,
    transaction: 8,
    statement: 10,
    statements: 3,
    statements_together: 3,
}
"""What makes requests, and how often each is asked to."""
