"""Random operations against a model of plain dictionaries: items, indexes, queries, streams.

`PELTON_MODEL_EXAMPLES=5000 pytest -m slow tests/test_model_based.py` looks longer and elsewhere.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pelton.engine import DynamoDBError
from pelton.engine.storage import Transaction
from tests.consistency import index_faults, sortable
from tests.model_writes import (
    PARTITION_KEYS,
    SORT_KEYS,
    TABLES,
    TEAMS,
    Address,
    Plain,
    Write,
    deletes,
    distinct,
    keys,
    plain_item,
    puts,
    respelled,
    tables,
    without_condition,
    writes,
)
from tests.region import Answer, Item, N, Region, S, index

EXAMPLES_OF_THE_PROOF = int(os.environ.get("PELTON_MODEL_EXAMPLES", "1500"))
RETENTION_MS = 24 * 3600 * 1000


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


def run(*, examples: int, steps: int, is_fixed: bool) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=is_fixed,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_operations_do_what_the_model_does() -> None:
    run(examples=40, steps=25, is_fixed=True)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_random_operations_do_what_the_model_does() -> None:
    run(examples=EXAMPLES_OF_THE_PROOF, steps=40, is_fixed=False)
    print(f"{EXAMPLES_OF_THE_PROOF:,} random histories of up to 40 operations as in the model")
