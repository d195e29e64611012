"""Random operations against a model of plain dictionaries: items, indexes, queries, streams.

`PELTON_MODEL_EXAMPLES=2000 pytest tests/test_model_based.py` looks longer and elsewhere.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pelton.engine import DynamoDBError
from pelton.engine.storage import Transaction
from tests.consistency import index_faults, sortable
from tests.region import Answer, Item, N, Region, S, Value, index

EXAMPLES = int(os.environ.get("PELTON_MODEL_EXAMPLES", "0"))

Plain = dict[str, Any]
"""An item as the model keeps it: numbers are Decimals, sets are frozensets."""

Address = tuple[str, str, Decimal]
"""Table name, partition key, sort key."""

TABLES = ("pairs", "others")
RETENTION_MS = 24 * 3600 * 1000


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


# --- the machine -----------------------------------------------------------------------------


@dataclass
class Told:
    """One change as the stream must tell it."""

    address: Address
    old: Plain | None
    new: Plain | None
    group: int
    at_ms: int


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pelton-model-"))
        self.region = Region(self.folder / "x.db", durability="OFF")
        self.items: dict[Address, Plain] = {}
        self.history: list[Told] = []
        self.groups = 0
        for name in TABLES:
            self.region.create(
                name,
                "id",
                "sk",
                types={"sk": "N", "score": "N"},
                stream="NEW_AND_OLD_IMAGES",
                local=[index("by-score", "id", "score", is_local=True, projection="KEYS_ONLY")],
                shared=[
                    index("by-team", "team", "score", projection="INCLUDE", include=["note"]),
                    index("by-note", "note"),
                ]
                if name == "pairs"
                else (),
                write_units=3000,
            )

    def teardown(self) -> None:
        try:
            self.everything_is_as_in_the_model()
        finally:
            self.region.close()
            shutil.rmtree(self.folder)

    # --- the model -----------------------------------------------------------------------------

    def take(self, write: Write, new: Plain | None, group: int) -> None:
        """Puts what a write did into the model."""
        old = self.items.get(write.address)
        if new == old:
            return
        if new is None:
            del self.items[write.address]
        else:
            self.items[write.address] = new
        self.history.append(Told(write.address, old, new, group, self.region.clock.now_ms()))

    def new_group(self) -> int:
        self.groups += 1
        return self.groups

    # --- rules ---------------------------------------------------------------------------------

    @rule(write=writes)
    def write_one(self, write: Write) -> None:
        old = self.items.get(write.address)
        error, new = write.on(old)
        returns = "ALL_NEW" if write.kind == "Update" else "ALL_OLD"
        request = {**write.body, "ReturnValues": returns}
        if error is not None:
            assert self.region.refusal(f"{write.kind}Item", **request)[0] == error
            return
        answer = self.region.call(f"{write.kind}Item", **request)
        shown = new if write.kind == "Update" else old
        assert (plain_item(answer["Attributes"]) if "Attributes" in answer else None) == shown
        self.take(write, new, self.new_group())

    @rule(batch=distinct(6, st.one_of(puts, deletes)))
    def write_a_batch(self, batch: list[Write]) -> None:
        requested: dict[str, list[Answer]] = {}
        for write in batch:
            request = (
                {"PutRequest": {"Item": write.item}}
                if write.item is not None
                else {"DeleteRequest": {"Key": write.key}}
            )
            requested.setdefault(write.table, []).append(request)
        answer = self.region.call("BatchWriteItem", RequestItems=requested)
        assert answer == {"UnprocessedItems": {}}
        for table in requested:
            for write in batch:
                if write.table == table:
                    _, new = without_condition(write).on(self.items.get(write.address))
                    self.take(write, new, self.new_group())

    @rule(actions=distinct(6, writes))
    def write_a_transaction(self, actions: list[Write]) -> None:
        outcomes = [write.on(self.items.get(write.address)) for write in actions]
        request = [{write.kind: write.body} for write in actions]
        if all(error is None for error, _ in outcomes):
            self.region.call("TransactWriteItems", TransactItems=request)
            group = self.new_group()
            for write, (_, new) in zip(actions, outcomes, strict=True):
                self.take(write, new, group)
            return
        code, message = self.region.refusal("TransactWriteItems", TransactItems=request)
        assert code == "TransactionCanceledException"
        named = {
            None: "None",
            "ConditionalCheckFailedException": "ConditionalCheckFailed",
            "ValidationException": "ValidationError",
        }
        assert message.endswith("[" + ", ".join(named[error] for error, _ in outcomes) + "]")

    @rule(some=st.lists(writes, min_size=2, max_size=6), broken=st.none() | st.integers(0, 5))
    def write_in_one_group_commit(self, some: list[Write], broken: int | None) -> None:
        """One of the works may fail after it wrote: it alone must be undone."""
        works: list[Callable[[Transaction], object]] = []
        expected = []
        for position, write in enumerate(some):
            _, work = self.region.database.prepare(f"{write.kind}Item", write.body)
            error, new = write.on(self.items.get(write.address))
            if position == broken and error is None:
                works.append(failing_after(work))
                expected.append("OSError")
                continue
            works.append(work)
            expected.append(error or "")
            if error is None:
                self.take(write, new, self.new_group())
        errors = self.region.together(*works)
        codes = [
            error.code if isinstance(error, DynamoDBError) else type(error).__name__
            for error in errors
        ]
        assert codes == [each or "NoneType" for each in expected]

    @rule(pick=st.integers(0, 50), in_transaction=st.booleans())
    def put_an_item_again_spelled_otherwise(self, pick: int, in_transaction: bool) -> None:
        """It is equal by value: the model changes nothing, so no record may appear."""
        if not self.items:
            return
        table, partition, sort = sorted(self.items)[pick % len(self.items)]
        item = self.region.get({"id": S(partition), "sk": N(str(sort))}, name=table)
        assert item is not None
        put = {"TableName": table, "Item": respelled(item)}
        if in_transaction:
            self.region.call("TransactWriteItems", TransactItems=[{"Put": put}])
        else:
            self.region.call("PutItem", **put)

    @rule(hours=st.sampled_from((0.1, 1, 4, 5)))
    def let_time_pass(self, hours: float) -> None:
        self.region.clock.advance(seconds=hours * 3600)

    @rule()
    def roll_and_trim(self) -> None:
        self.region.streams.roll_aged()
        trimmed = self.region.streams.trim(chunk_records=3)
        before = len(self.history)
        horizon = self.region.clock.now_ms() - RETENTION_MS
        self.history = [told for told in self.history if told.at_ms >= horizon]
        assert trimmed == before - len(self.history)

    @rule()
    def reopen(self) -> None:
        self.region.close()
        self.region = Region(self.folder / "x.db", clock=self.region.clock, durability="OFF")

    @rule(key=keys, table=tables)
    def read_one(self, key: Item, table: str) -> None:
        found = self.region.get(key, name=table)
        address = Write(table, key).address
        assert (plain_item(found) if found is not None else None) == self.items.get(address)

    @rule(
        table=tables,
        partition=st.sampled_from(PARTITION_KEYS),
        bound=st.sampled_from(SORT_KEYS),
        symbol=st.sampled_from(("=", "<", "<=", ">", ">=")),
        is_forward=st.booleans(),
        limit=st.none() | st.integers(1, 3),
    )
    def query(
        self,
        table: str,
        partition: str,
        bound: str,
        symbol: str,
        is_forward: bool,
        limit: int | None,
    ) -> None:
        found = self.region.items(
            "Query",
            TableName=table,
            KeyConditionExpression=f"id = :id AND sk {symbol} :sk",
            ExpressionAttributeValues={":id": S(partition), ":sk": N(bound)},
            ScanIndexForward=is_forward,
            **({} if limit is None else {"Limit": limit}),
        )
        holds = {
            "=": Decimal.__eq__,
            "<": Decimal.__lt__,
            "<=": Decimal.__le__,
            ">": Decimal.__gt__,
            ">=": Decimal.__ge__,
        }[symbol]
        expected = sorted(
            (item["sk"], address)
            for address, item in self.items.items()
            if address[:2] == (table, partition) and holds(item["sk"], Decimal(bound))
        )
        wanted = [self.items[address] for _, address in expected]
        assert [plain_item(item) for item in found] == (wanted if is_forward else wanted[::-1])

    @rule(team=st.sampled_from(TEAMS), limit=st.integers(1, 4))
    def query_an_index(self, team: str, limit: int) -> None:
        request: dict[str, Any] = {
            "TableName": "pairs",
            "IndexName": "by-team",
            "KeyConditionExpression": "team = :team",
            "ExpressionAttributeValues": {":team": S(team)},
        }
        found = self.region.items("Query", **request, Limit=limit)
        assert self.region.items("Query", **request, ScanIndexForward=False) == found[::-1]
        shown = {"id", "sk", "team", "score", "note"}
        expected = [
            {name: value for name, value in item.items() if name in shown}
            for address, item in self.items.items()
            if address[0] == "pairs" and item.get("team") == team and "score" in item
        ]
        assert len(found) == len(expected)
        assert all(plain_item(item) in expected for item in found)
        scores = [sortable(item["score"]) for item in found]
        assert scores == sorted(scores)

    # --- everything ----------------------------------------------------------------------------

    @invariant()
    def counts_agree(self) -> None:
        counts = {name: self.region.describe(name)["ItemCount"] for name in TABLES}
        assert sum(counts.values()) == len(self.items)

    @rule()
    def everything_is_as_in_the_model(self) -> None:
        for name in TABLES:
            scanned = self.region.items("Scan", TableName=name, Limit=5)
            found = {Write(name, item).address: plain_item(item) for item in scanned}
            assert len(scanned) == len(found)
            assert found == {at: item for at, item in self.items.items() if at[0] == name}
            assert index_faults(self.region, name) == []
        self.streams_tell_the_history()

    def streams_tell_the_history(self) -> None:
        told = []
        groups: dict[int, int] = {}
        for name in TABLES:
            for shard in self.region.streams.shards_of(self.region.stream_arn(name)):
                records = self.region.streams.read(shard, shard.trimmed_seq, 10_000).records
                for record in records:
                    groups[record.sequence] = record.transaction
                    told.append((record.sequence, name, orjson.loads(record.body)))
        in_lineage_order = [seen(name, record) for _, name, record in told]
        told.sort(key=lambda each: each[0])
        assert [seen(name, record) for _, name, record in told] == [
            (each.address, each.old, each.new) for each in self.history
        ]
        # One group of the model is one transaction of the stream, and the other way round.
        pairs = {
            (groups[sequence], each.group)
            for (sequence, _, _), each in zip(told, self.history, strict=True)
        }
        assert len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs})
        # Parents before children gives each item's changes in their order.
        for address in {each.address for each in self.history}:
            assert [each for each in in_lineage_order if each[0] == address] == [
                (each.address, each.old, each.new)
                for each in self.history
                if each.address == address
            ]


def failing_after(work: Callable[[Any], Any]) -> Callable[[Transaction], None]:
    def fail(transaction: Transaction) -> None:
        work(transaction)
        transaction.next_sequence()
        transaction.put(0, 0, b"broken", b"", 0, b"")
        raise OSError("after it wrote")

    return fail


def address_of(table: str, record: Answer) -> Address:
    return Write(table, record["dynamodb"]["Keys"]).address


def seen(table: str, record: Answer) -> tuple[Address, Plain | None, Plain | None]:
    """What a record tells, checked for its event name."""
    change = record["dynamodb"]
    old, new = (
        plain_item(change[image]) if image in change else None for image in ("OldImage", "NewImage")
    )
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    assert record["eventName"] == name
    return address_of(table, record), old, new


def test_random_operations_do_what_the_model_does() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES or 30,
            stateful_step_count=40 if EXAMPLES else 25,
            derandomize=not EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
