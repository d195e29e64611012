"""Deeds: random requests that write, each with what it must do to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.model_writes import (
    Address,
    Change,
    Condition,
    Plain,
    Write,
    add_to_score,
    plain_item,
    remove,
    respelled,
    set_to,
)
from tests.region import Answer, Item, N, S

from .model import Model

PARTITION_KEYS = ("a", "b", "c", "d", "e")
SORT_KEYS = ("1", "2")
TEAMS = ("red", "blue")
DOCS: tuple[Item, ...] = ({"x": N(1), "y": N(2)}, {"x": N(2)})


@dataclass
class Deed:
    """A request, the error it must meet (None for success), and what changes if it is done."""

    operation: str
    request: Answer
    error: str | None = None
    effects: list[tuple[Address, Plain | None, int]] = field(default_factory=list)
    """The address, the new item and the group of each change, in commit order."""

    def __str__(self) -> str:
        told = ", ".join(f"{'/'.join(map(str, each[0]))}" for each in self.effects)
        return f"{self.operation} {told}" + (f" refused: {self.error}" if self.error else "")


def random_deed(random: Random, model: Model) -> Deed:
    """A request for tables that exist."""
    make: Callable[[Random, Model], Deed] = random.choices(
        [_single, _batch, _transaction, _statement, _statements], weights=[10, 3, 3, 2, 1]
    )[0]
    return make(random, model)


def _single(random: Random, model: Model) -> Deed:
    write = _write(random, model)
    error, new = write.on(model.item(write.address))
    deed = Deed(f"{write.kind}Item", write.body, error)
    if error is None:
        deed.effects.append((write.address, new, model.group()))
    return deed


def _batch(random: Random, model: Model) -> Deed:
    requested: dict[str, list[Answer]] = {}
    by_table: dict[str, list[Write]] = {}
    for write in _distinct(random, model, 5):
        if write.change is not None or write.condition is not None:
            write = Write(write.table, write.key)
        body = {"Item": write.item} if write.item is not None else {"Key": write.key}
        request = {f"{write.kind}Request": body}
        requested.setdefault(write.table, []).append(request)
        by_table.setdefault(write.table, []).append(write)
    deed = Deed("BatchWriteItem", {"RequestItems": requested})
    for writes in by_table.values():
        for write in writes:
            deed.effects.append((write.address, write.on(None)[1], model.group()))
    return deed


def _transaction(random: Random, model: Model) -> Deed:
    writes = _distinct(random, model, 4)
    outcomes = [write.on(model.item(write.address)) for write in writes]
    deed = Deed(
        "TransactWriteItems", {"TransactItems": [{each.kind: each.body} for each in writes]}
    )
    if any(error is not None for error, _ in outcomes):
        deed.error = "TransactionCanceledException"
        return deed
    group = model.group()
    deed.effects = [
        (each.address, new, group) for each, (_, new) in zip(writes, outcomes, strict=True)
    ]
    return deed


def _statement(random: Random, model: Model) -> Deed:
    text, values, address, error, new = _partiql(random, model, *_address(random, model))
    deed = Deed("ExecuteStatement", {"Statement": text, "Parameters": values}, error)
    if error is None:
        deed.effects.append((address, new, model.group()))
    return deed


def _statements(random: Random, model: Model) -> Deed:
    """A transaction of statements."""
    addresses = {_address(random, model) for _ in range(3)}
    parts = [_partiql(random, model, *each) for each in sorted(addresses)]
    request = {
        "TransactStatements": [
            {"Statement": text, "Parameters": values} for text, values, *_ in parts
        ]
    }
    if any(error is not None for _, _, _, error, _ in parts):
        return Deed("ExecuteTransaction", request, "TransactionCanceledException")
    group = model.group()
    effects = [(address, new, group) for _, _, address, _, new in parts]
    return Deed("ExecuteTransaction", request, None, effects)


Statement = tuple[str, list[Any], Address, str | None, Plain | None]


def _partiql(random: Random, model: Model, table: str, partition: str, sort: str) -> Statement:
    key = {"id": S(partition), "sk": N(sort)}
    address = Write(table, key).address
    old = model.item(address)
    team = random.choice(TEAMS)
    where = "WHERE id = ? AND sk = ?"
    kind = random.choice(["INSERT", "UPDATE", "DELETE"])
    if kind == "INSERT":
        text = f"INSERT INTO \"{table}\" VALUE {{'id': ?, 'sk': ?, 'team': ?}}"
        new = plain_item({**key, "team": S(team)})
        error = None if old is None else "DuplicateItemException"
        return text, [*key.values(), S(team)], address, error, new
    if kind == "UPDATE":
        text = f'UPDATE "{table}" SET team = ? {where}'
        error = "ConditionalCheckFailedException" if old is None else None
        return text, [S(team), *key.values()], address, error, {**(old or {}), "team": team}
    return f'DELETE FROM "{table}" {where}', [*key.values()], address, None, None


def _address(random: Random, model: Model) -> tuple[str, str, str]:
    table = random.choice(sorted(model.tables))
    return table, random.choice(PARTITION_KEYS), random.choice(SORT_KEYS)


def _distinct(random: Random, model: Model, most: int) -> list[Write]:
    writes = [_write(random, model) for _ in range(random.randint(2, most))]
    return list({write.address: write for write in writes}.values())


def _write(random: Random, model: Model) -> Write:
    table, partition, sort = _address(random, model)
    key = {"id": S(partition), "sk": N(sort)}
    condition = _condition(random) if random.random() < 0.2 else None
    kind = random.choices(["put", "update", "delete"], weights=[5, 5, 3])[0]
    if kind == "put":
        item = {**key, **_attributes(random)}
        if random.random() < 0.2:
            item = respelled(item)
        return Write(table, key, item=item, condition=condition)
    if kind == "update":
        return Write(table, key, change=_change(random), condition=condition)
    return Write(table, key, condition=condition)


def _attributes(random: Random) -> Item:
    item: Item = {}
    if random.random() < 0.6:
        item["team"] = S(random.choice(TEAMS))
    if random.random() < 0.6:
        item["score"] = N(random.randrange(3))
    if random.random() < 0.3:
        item["doc"] = {"M": random.choice(DOCS)}
    return item


def _change(random: Random) -> Change:
    kind = random.randrange(5)
    if kind == 0:
        return add_to_score(str(random.choice([0, 1])))
    if kind == 1:
        return remove("team", "doc")
    if kind == 2:
        return set_to("doc")({"M": random.choice(DOCS)})
    return set_to("team")(S(random.choice(TEAMS)))


def _condition(random: Random) -> Condition:
    team = random.choice(TEAMS)
    return random.choice(
        [
            Condition("attribute_exists(id)", {}, bool),
            Condition("attribute_not_exists(id)", {}, lambda item: not item),
            Condition("team = :team", {":team": S(team)}, lambda item: item.get("team") == team),
        ]
    )
