"""Random writes as requests, and what each does to an item that is a plain dictionary."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.region import Answer, Item, N, S, Value

Plain = dict[str, Any]
"""An item as the model keeps it: numbers are Decimals, sets are frozensets."""

Address = tuple[str, str, Decimal]
"""Table name, partition key, sort key."""

TABLES = ("pairs", "others")


def plain(value: Value) -> Any:
    """An attribute value of the wire as the model keeps it."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind in ("SS", "NS"):
        return frozenset(Decimal(each) if kind == "NS" else each for each in content)
    if kind == "M":
        return plain_item(content)
    return content


def plain_item(item: Item) -> Plain:
    return {name: plain(value) for name, value in item.items()}


def respelled(value: Any) -> Any:
    """An equal value of the wire: other numerals, members and elements of sets in another order."""
    if isinstance(value, dict) and value.keys() == {"N"}:
        return {"N": value["N"] + "E+0"}
    if isinstance(value, dict) and value.keys() == {"SS"}:
        return {"SS": value["SS"][::-1]}
    if isinstance(value, dict):
        return {name: respelled(value[name]) for name in reversed(value)}
    return value


@dataclass(frozen=True)
class Condition:
    """A condition as text for pelton and as a function for the model."""

    text: str
    values: Item
    holds: Callable[[Plain], bool]


@dataclass(frozen=True)
class Change:
    """An update expression, and what it does to an item that exists or to bare keys.

    `apply` returns None where DynamoDB refuses the update. Only those that set something create.
    """

    text: str
    values: Item
    apply: Callable[[Plain], Plain | None]
    creates: bool = True


@dataclass(frozen=True)
class Write:
    """One write: a put has an item, an update a change, a delete neither."""

    table: str
    key: Item
    item: Item | None = None
    change: Change | None = None
    condition: Condition | None = None

    @property
    def address(self) -> Address:
        return self.table, self.key["id"]["S"], Decimal(self.key["sk"]["N"])

    @property
    def kind(self) -> str:
        return "Put" if self.item is not None else "Update" if self.change else "Delete"

    @property
    def body(self) -> Answer:
        """The members of the operation, or of the action of a transaction."""
        body: Answer = {"TableName": self.table}
        if self.item is not None:
            body["Item"] = self.item
        else:
            body["Key"] = self.key
        values: Item = {}
        if self.change is not None:
            body["UpdateExpression"] = self.change.text
            values |= self.change.values
        if self.condition is not None:
            body["ConditionExpression"] = self.condition.text
            values |= self.condition.values
        if values:
            body["ExpressionAttributeValues"] = values
        return body

    def on(self, old: Plain | None) -> tuple[str | None, Plain | None]:
        """What the model says: an error's code or None, and the item afterwards."""
        if self.condition is not None and not self.condition.holds(old or {}):
            return "ConditionalCheckFailedException", old
        if self.item is not None:
            return None, plain_item(self.item)
        if self.change is None:
            return None, None
        if old is None and not self.change.creates:
            return None, None
        new = self.change.apply(deepcopy(old) if old is not None else plain_item(self.key))
        return ("ValidationException", old) if new is None else (None, new)


# --- what is generated -----------------------------------------------------------------------

# Spellings of the same number must name the same item.
SORT_KEYS = ("-7", "-1.50", "-1.5", "0", "-0", "1e1", "10", "0.0001", "12345678901234567890123")
PARTITION_KEYS = ("a", "b", "a\x00", "\u00e9")
SCORES = ("-3", "0", "2.50", "1E2", "7")
TEAMS = ("red", "blue", "r", "re\x00d")
TAGS = ("p", "q", "r")

keys = st.builds(
    lambda partition, sort: {"id": S(partition), "sk": N(sort)},
    st.sampled_from(PARTITION_KEYS),
    st.sampled_from(SORT_KEYS),
)
tag_sets: st.SearchStrategy[Value] = st.sets(st.sampled_from(TAGS), min_size=1).map(
    lambda tags: {"SS": sorted(tags)}
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "team": st.sampled_from(TEAMS).map(S),
        "score": st.sampled_from(SCORES).map(N),
        "tags": st.permutations(TAGS).flatmap(
            lambda tags: st.integers(1, 3).map(lambda count: {"SS": list(tags[:count])})
        ),
        "note": st.text("xyz\u00e9", min_size=1, max_size=4).map(S),
        "memo": st.text("xyz\u00e9", max_size=4).map(S),
        "doc": st.dictionaries(
            st.sampled_from(("x", "y")), st.sampled_from(SCORES).map(N), max_size=2
        ).map(lambda members: {"M": members}),
    },
)


def set_to(name: str) -> Callable[[Value], Change]:
    def change(value: Value) -> Change:
        return Change(f"SET {name} = :v", {":v": value}, lambda item: {**item, name: plain(value)})

    return change


def remove(*names: str) -> Change:
    def apply(item: Plain) -> Plain:
        return {name: value for name, value in item.items() if name not in names}

    return Change(f"REMOVE {', '.join(names)}", {}, apply, creates=False)


def add_to_score(text: str) -> Change:
    def apply(item: Plain) -> Plain:
        return {**item, "score": item.get("score", Decimal(0)) + Decimal(text)}

    return Change("ADD score :v", {":v": N(text)}, apply)


def count_from_ten(text: str) -> Change:
    def apply(item: Plain) -> Plain:
        return {**item, "score": item.get("score", Decimal(10)) - Decimal(text)}

    return Change(
        "SET score = if_not_exists(score, :ten) - :v", {":v": N(text), ":ten": N(10)}, apply
    )


def add_tags(tags: Value) -> Change:
    def apply(item: Plain) -> Plain:
        return {**item, "tags": item.get("tags", frozenset()) | plain(tags)}

    return Change("ADD tags :v", {":v": tags}, apply)


def delete_tags(tags: Value) -> Change:
    def apply(item: Plain) -> Plain:
        left = item.get("tags", frozenset()) - plain(tags)
        kept = {name: value for name, value in item.items() if name != "tags"}
        return {**kept, "tags": left} if left else kept

    return Change("DELETE tags :v", {":v": tags}, apply, creates=False)


def set_member(value: Value) -> Change:
    def apply(item: Plain) -> Plain | None:
        if not isinstance(item.get("doc"), dict):
            return None
        return {**item, "doc": {**item["doc"], "x": plain(value)}}

    return Change("SET doc.x = :v", {":v": value}, apply)


changes = st.one_of(
    st.sampled_from(TEAMS).map(S).map(set_to("team")),
    st.sampled_from(SCORES).map(N).map(set_to("score")),
    st.text("xyz", min_size=1, max_size=3).map(S).map(set_to("note")),
    st.text("xyz", max_size=3).map(S).map(set_to("memo")),
    st.sampled_from(SCORES).map(add_to_score),
    st.sampled_from(SCORES).map(count_from_ten),
    st.sampled_from(SCORES).map(N).map(set_member),
    tag_sets.map(add_tags),
    tag_sets.map(delete_tags),
    st.sampled_from((remove("team"), remove("score", "tags"), remove("note"), remove("absent"))),
)
conditions = st.sampled_from(
    (
        Condition("attribute_exists(id)", {}, lambda item: "id" in item),
        Condition("attribute_not_exists(id)", {}, lambda item: "id" not in item),
        Condition("score >= :c", {":c": N(2)}, lambda item: item.get("score", Decimal(-9)) >= 2),
        Condition("NOT team = :c", {":c": S("red")}, lambda item: item.get("team") != "red"),
        Condition("contains(tags, :c)", {":c": S("p")}, lambda item: "p" in item.get("tags", ())),
        Condition(
            "attribute_not_exists(note) OR size(note) < :c",
            {":c": N(2)},
            lambda item: len(item.get("note", "")) < 2,
        ),
    )
)
tables = st.sampled_from(TABLES)
puts = st.builds(
    lambda table, key, more, condition: Write(table, key, {**key, **more}, None, condition),
    tables,
    keys,
    attributes,
    st.none() | conditions,
)
updates = st.builds(Write, tables, keys, st.none(), changes, st.none() | conditions)
deletes = st.builds(Write, tables, keys, st.none(), st.none(), st.none() | conditions)
writes = st.one_of(puts, puts, updates, deletes)


def without_condition(write: Write) -> Write:
    return Write(write.table, write.key, write.item, write.change)


def distinct(most: int, some: st.SearchStrategy[Write]) -> st.SearchStrategy[list[Write]]:
    return st.lists(some, min_size=1, max_size=most, unique_by=lambda write: write.address)
