"""Holds the file of a dead server against what its clients know."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import orjson

from pelton.engine import ManualClock
from pelton.engine.storage import Reader
from tests.consistency import index_faults
from tests.region import Item, Region

from .load import Address, Log
from .shop import WITNESS_BATCH, WITNESS_LANES, make_app

TABLES = (
    "items",
    "counters",
    "accounts",
    "transfers",
    "totals",
    "statements",
    "changes",
    "clients",
)


class Audit:
    """Follows one file through the lives of its servers; `folder` is that of its processes.

    `sequences` has the sequence numbers of each item's records, in order.
    `recoveries_ms` has, for each opening of the file after a death, how long it took until an item
    could be read.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self._path = path
        self._seen = (folder or path.parent) / f"{path.stem}.seen"
        self.numbers: dict[Address, int | None] = {}
        self.counters: Counter[str] = Counter()
        self.transfers: set[str] = set()
        self.recoveries_ms: list[float] = []
        self.record_count = 0
        self._read_up_to: dict[int, int] = {}
        self._images: dict[Address, Item] = {}
        self.sequences: dict[Address, list[str]] = {}
        self._event_ids: set[str] = set()

    # --- after each death ----------------------------------------------------------------------

    def check(self, logs: list[Log]) -> None:
        """Nothing acknowledged is lost, nothing is there that nobody wrote, all indexes agree."""
        region = self._open()
        try:
            self._check_items(region, logs)
            self._check_counters(region, logs)
            self._check_transfers(region, logs)
            assert [fault for name in TABLES for fault in index_faults(region, name)] == []
        finally:
            region.close()

    def _open(self) -> Region:
        start = time.perf_counter()
        region = Region(self._path, clock=ManualClock(time.time_ns() // 1_000_000))
        region.get({"client": {"S": "client0"}, "slot": {"S": "s0"}}, name="items")
        self.recoveries_ms.append((time.perf_counter() - start) * 1000)
        return region

    def _new_records(self, region: Region, table: str) -> Iterator[dict[str, Any]]:
        """The records of a table since the last look, parents before children."""
        for shard in region.streams.shards_of(region.stream_arn(table)):
            after = self._read_up_to.get(shard.number, 0)
            while records := region.streams.read(shard, after, 1000).records:
                for record in records:
                    assert record.sequence > after
                    after = record.sequence
                    body: dict[str, Any] = orjson.loads(record.body)
                    assert body["eventID"] not in self._event_ids
                    self._event_ids.add(body["eventID"])
                    self.record_count += 1
                    yield body
            self._read_up_to[shard.number] = after

    def _check_items(self, region: Region, logs: list[Log]) -> None:
        changes: dict[Address, list[int | None]] = {}
        for body in self._new_records(region, "items"):
            address, number = self._follow(body)
            changes.setdefault(address, []).append(number)
        for log in logs:
            told = {
                address: changes.pop(address)
                for address in list(changes)
                if address in log.items or address in log.doubtful_items
            }
            without, with_doubt = log.items, _with_doubt(log)
            assert told in (without, with_doubt), f"{told} is neither {without} nor {with_doubt}"
        assert changes == {}, "these are records of writes that nobody made"
        stored = region.items("Scan", TableName="items")
        assert {_address_of(item): item for item in stored} == self._images
        self.numbers.update(
            {address: int(item["n"]["N"]) for address, item in self._images.items()}
        )

    def _follow(self, body: dict[str, Any]) -> tuple[Address, int | None]:
        """Takes a record in: its old image must be what the records before it left."""
        change = body["dynamodb"]
        address = _address_of(change["Keys"])
        old, new = change.get("OldImage"), change.get("NewImage")
        assert old == self._images.pop(address, None), f"{address} was something else before"
        assert old != new
        assert body["eventName"] == (
            "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
        )
        self.sequences.setdefault(address, []).append(change["SequenceNumber"])
        if new is None:
            self.numbers[address] = None
            return address, None
        self._images[address] = new
        return address, int(new["n"]["N"])

    def _check_counters(self, region: Region, logs: list[Log]) -> None:
        before = Counter(self.counters)
        for body in self._new_records(region, "counters"):
            new = body["dynamodb"]["NewImage"]
            name = new["id"]["S"]
            self.counters[name] += 1
            assert int(new["n"]["N"]) == self.counters[name], f"a count of {name} is lost"
        acknowledged: Counter[str] = sum((log.counters for log in logs), Counter())
        doubtful = Counter(log.doubtful_counter for log in logs if log.doubtful_counter)
        for name in self.counters:
            counted = self.counters[name] - before[name]
            assert 0 <= counted - acknowledged[name] <= doubtful[name], name
        stored = region.items("Scan", TableName="counters")
        assert {item["id"]["S"]: int(item["n"]["N"]) for item in stored} == self.counters

    def _check_transfers(self, region: Region, logs: list[Log]) -> None:
        told = [
            body["dynamodb"]["NewImage"]["id"]["S"]
            for body in self._new_records(region, "transfers")
        ]
        acknowledged = {transfer for log in logs for transfer in log.transfers}
        doubtful = {log.doubtful_transfer for log in logs}
        assert acknowledged <= set(told) <= acknowledged | doubtful
        assert len(told) == len(set(told))
        self.transfers.update(told)
        stored = region.items("Scan", TableName="transfers")
        assert {item["id"]["S"] for item in stored} == self.transfers
        accounts = region.items("Scan", TableName="accounts")
        balances = {item["id"]["S"]: int(item["balance"]["N"]) for item in accounts}
        assert balances == balances_of(stored)

    # --- now and then --------------------------------------------------------------------------

    def check_handlers(self) -> int:
        """Lets the handlers catch up: what they derive must equal a recount.

        Returns how many deliveries to the witnesses, whose effects are outside the file, were
        repeats.
        """
        with make_app(self._path, self._seen) as app:
            app.drain(120)
            assert "pelton.dead-letters" not in app.call("ListTables", {})["TableNames"]
        region = self._open()
        try:
            self._check_derived(region)
        finally:
            region.close()
        connection = apsw.Connection(str(self._path))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        return sum(
            self._check_witness(self._seen.with_suffix(suffix), repeats_max)
            for suffix, repeats_max in (
                (".seen", WITNESS_BATCH),
                (".lanes", WITNESS_BATCH * WITNESS_LANES),
            )
        )

    def _check_derived(self, region: Region) -> None:
        counted: dict[str, tuple[int, int]] = {}
        for item in region.items("Scan", TableName="items"):
            count, total = counted.get(item["group"]["S"], (0, 0))
            counted[item["group"]["S"]] = count + 1, total + int(item["n"]["N"])
        kept = {
            item["group"]["S"]: (int(item["item_count"]["N"]), int(item["n_sum"]["N"]))
            for item in region.items("Scan", TableName="totals")
        }
        assert {group: each for group, each in kept.items() if each != (0, 0)} == counted
        transfers = region.items("Scan", TableName="transfers")
        statements = region.items("Scan", TableName="statements")
        assert {
            item["account"]["S"]: int(item["balance"]["N"]) for item in statements
        } == balances_of(transfers)
        shards = region.streams.shards_of(region.stream_arn("totals"))
        changes = sum(
            region.database.store.read(partial(_record_count, shard.number)) for shard in shards
        )
        (told,) = region.items("Scan", TableName="changes")
        assert int(told["n"]["N"]) == changes
        by_client: Counter[str] = Counter()
        for (client, _), sequences in self.sequences.items():
            by_client[client] += len(sequences)
        clients = region.items("Scan", TableName="clients")
        assert {item["client"]["S"]: int(item["n"]["N"]) for item in clients} == by_client

    def _check_witness(self, path: Path, repeats_max: int) -> int:
        """Nothing is missing or out of order, and a life repeats of each shard what a death may
        have cost: one batch, of each lane.
        """
        lines = [line.split() for line in path.read_text().splitlines()]
        first_seen: dict[str, int] = {}
        repeats: Counter[tuple[str, str]] = Counter()
        for place, (sequence, life, shard_id) in enumerate(lines):
            if first_seen.setdefault(sequence, place) < place:
                repeats[life, shard_id] += 1
        for address, sequences in self.sequences.items():
            places = [first_seen.get(sequence, -1) for sequence in sequences]
            assert -1 not in places, f"a change of {address} was never delivered"
            assert places == sorted(places), f"changes of {address} were delivered out of order"
        assert max(repeats.values(), default=0) <= repeats_max, repeats.most_common(3)
        return repeats.total()


def _record_count(shard: int, reader: Reader) -> int:
    return reader.log_count(shard)


def _with_doubt(log: Log) -> dict[Address, list[int | None]]:
    """The log's items if its last request was carried out after all."""
    done = dict(log.items)
    for address, number in log.doubtful_items.items():
        done[address] = [*done.get(address, []), number]
    return done


def _address_of(item: Item) -> Address:
    return item["client"]["S"], item["slot"]["S"]


def balances_of(transfers: list[Item]) -> dict[str, int]:
    balances: Counter[str] = Counter()
    for item in transfers:
        amount = int(item["amount"]["N"])
        balances[item["source"]["S"]] -= amount
        balances[item["target"]["S"]] += amount
    return dict(balances)
