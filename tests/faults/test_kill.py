"""kill -9 under load: nothing acknowledged is lost, and everything derived agrees."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from pelton.engine import Database
from pelton.streams import Streams, parse_record

from .load import KEYS_A_CLIENT, Client, History
from .process import Process

CLIENTS = 4
ROUNDS = 10
ROUNDS_OF_THE_PROOF = 200
LIFE_SECONDS_MAX = 0.4

Numbers = dict[str, int | None]


class Auditor:
    """Opens the file between two lives of the server and checks it against the histories."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_up_to: dict[int, int] = {}
        self.writes = 0

    def check(self, numbers: Numbers, histories: dict[str, History]) -> Numbers:
        """The items' numbers as they stand now, once everything was found to be right."""
        database = Database(self._path)
        streams = Streams(database)
        try:
            changes = self._new_changes(streams)
            self.writes += sum(map(len, changes.values()))
            standing = check_histories(numbers, histories, changes)
            items = scan(database, "items")
            assert {item["id"]["S"]: int(item["n"]["N"]) for item in items} == {
                key: number for key, number in standing.items() if number is not None
            }
            check_index(database, items)
        finally:
            database.close()
        return standing

    def _new_changes(self, streams: Streams) -> dict[str, list[int | None]]:
        """What the stream says happened to each item since the last check, in order."""
        changes: dict[str, list[int | None]] = {}
        for stream in streams.streams.of_table("items"):
            for shard in streams.shards_of(stream.arn):
                after = self._read_up_to.get(shard.number, 0)
                while records := streams.read(shard, after, 1000).records:
                    after = records[-1].sequence
                    for record in records:
                        body: Any = parse_record(record)["dynamodb"]
                        new = body.get("NewImage")
                        number = int(new["n"]["N"]) if new else None
                        changes.setdefault(body["Keys"]["id"]["S"], []).append(number)
                self._read_up_to[shard.number] = after
        return changes


def check_histories(
    numbers: Numbers, histories: dict[str, History], changes: dict[str, list[int | None]]
) -> Numbers:
    """Each item's records must be what was acknowledged, and perhaps the write in doubt."""
    standing = dict(numbers)
    for key, history in histories.items():
        recorded = changes.pop(key, [])
        possible = [history.acknowledged, history.acknowledged + history.in_doubt]
        assert recorded in possible, f"{key}: {recorded} is none of {possible}"
        if recorded:
            standing[key] = recorded[-1]
    assert changes == {}, "records of writes that nobody made"
    return standing


def check_index(database: Database, items: list[dict[str, Any]]) -> None:
    """The index must hold what one built from the table now would hold."""
    entries = scan(database, "items", IndexName="by-group")
    assert sorted(map(repr, entries)) == sorted(map(repr, items))


def check_totals(path: Path) -> None:
    """Once the handlers have caught up, the derived table must equal a recount."""
    os.environ["PELTON_FAULTS_DB"] = str(path)
    try:
        import importlib

        from . import shop

        shop = importlib.reload(shop)
    finally:
        del os.environ["PELTON_FAULTS_DB"]
    with shop.app as app:
        app.drain(60)
        counted: dict[str, list[int]] = {}
        for item in scan(app.database, "items"):
            group = counted.setdefault(item["group"]["S"], [0, 0])
            group[0] += 1
            group[1] += int(item["n"]["N"])
        kept = {
            item["group"]["S"]: [int(item["item_count"]["N"]), int(item["n_sum"]["N"])]
            for item in scan(app.database, "totals")
        }
        assert {group: each for group, each in kept.items() if each != [0, 0]} == counted


def scan(database: Database, table: str, **more: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    request: dict[str, Any] = {"TableName": table, **more}
    while True:
        page = database.call("Scan", request)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def run_rounds(path: Path, rounds: int, seed: int) -> int:
    """Lets the server live and die `rounds` times; returns how many writes it made in all."""
    source = random.Random(seed)
    auditor = Auditor(path)
    numbers: Numbers = {
        f"client{client}#{key}": None for client in range(CLIENTS) for key in range(KEYS_A_CLIENT)
    }
    for round_ in range(rounds):
        with Process(path) as process:
            clients = start_clients(process.port, numbers, source)
            for client in clients:
                assert client.acknowledged_some.wait(30)
            # A moment chosen by the seed, not a wait for something: the kill may come at any time.
            threading.Event().wait(source.random() * LIFE_SECONDS_MAX)
            process.kill()
            for client in clients:
                client.join(30)
        histories = {key: each for client in clients for key, each in client.histories.items()}
        assert any(history.acknowledged for history in histories.values())
        numbers = auditor.check(numbers, histories)
        if round_ % 10 == 9:
            check_totals(path)
    check_totals(path)
    return auditor.writes


def start_clients(port: int, numbers: Numbers, source: random.Random) -> list[Client]:
    clients = []
    for number in range(CLIENTS):
        name = f"client{number}"
        own = {key: each for key, each in numbers.items() if key.startswith(f"{name}#")}
        clients.append(Client(name, port, source.randrange(2**32), own))
    for client in clients:
        client.start()
    return clients


def test_a_killed_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert run_rounds(tmp_path / "shop.db", ROUNDS, seed=1) > ROUNDS * CLIENTS


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    writes = run_rounds(tmp_path / "shop.db", ROUNDS_OF_THE_PROOF, seed=2)
    print(f"{ROUNDS_OF_THE_PROOF} kills, {writes:,} writes, none lost, none doubled")
    assert writes > ROUNDS_OF_THE_PROOF * CLIENTS
