"""`pelton partitions`, also beside another process that writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pelton import App
from pelton.server import Server

from .conftest import Run
from .processes import Command


@pytest.fixture
def served() -> Iterator[tuple[App, str]]:
    """An app with a table `users`, and the URL of a server of it."""
    with App(":memory:") as app:
        app.table("users", partition_key="user_id")
        with Server(app.database, port=0) as server:
            yield app, server.url


def test_partitions_are_listed(run: Run, file: Path) -> None:
    for number in range(8):
        run("item", "put", file, "things", json.dumps({"id": f"x{number}", "at": number}))
    code, printed, _ = run("partitions", "list", file, "things")
    header, *rows = (line.split("\t") for line in printed.splitlines())
    assert code == 0
    assert header == ["partition", "tokens from", "to", "items", "bytes"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert (rows[0][1], rows[-1][2]) == (str(-(2**63)), str(2**63 - 1))
    assert sum(int(row[3]) for row in rows) == 8
    described = json.loads(run("partitions", "list", file, "things", "--json")[1])
    assert [str(each["size_bytes"]) for each in described] == [row[4] for row in rows]


def test_the_largest_partition_is_split(run: Run, file: Path) -> None:
    for number in range(8):
        run("item", "put", file, "things", json.dumps({"id": f"x{number}", "at": number}))
    before = json.loads(run("partitions", "list", file, "things", "--json")[1])
    largest = max(before, key=lambda each: each["size_bytes"])
    code, printed, _ = run("partitions", "split", file, "things")
    assert code == 0
    assert printed.startswith("split into 4 (")
    after = json.loads(run("partitions", "list", file, "things", "--json")[1])
    assert {each["partition"] for each in after} == {0, 1, 2, 3, 4, 5} - {largest["partition"]}
    halves = [each for each in after if each["partition"] in (4, 5)]
    assert sum(each["items"] for each in halves) == largest["items"]
    shards = json.loads(run("stream", "shards", file, "things", "--json")[1])
    assert sum("ParentShardId" in each for each in shards) == 2


def test_a_partition_is_split_where_one_asks(run: Run, file: Path) -> None:
    options = ("--partition", 1, "--at-token", -5, "--json")
    low, high = json.loads(run("partitions", "split", file, "things", *options)[1])
    assert (low["token_high"], high["token_low"]) == (-5, -4)
    assert run("partitions", "split", file, "things", "--partition", 1) == (
        1,
        "",
        "pelton: there is no partition 1: there are 0, 4, 5, 2, 3\n",
    )
    code, _, complaint = run("partitions", "split", file, "things", *options[:2], "--at-token", 7)
    assert code == 1
    assert "there is no partition 1" in complaint


def test_a_table_that_is_not_there_has_none(run: Run, file: Path) -> None:
    expected = (1, "", "pelton: Requested resource not found\n")
    assert run("partitions", "list", file, "others") == expected
    assert run("partitions", "split", file, "others") == expected


def test_the_heat_of_a_server_is_told(run: Run, served: tuple[App, str]) -> None:
    app, url = served
    users = app.table("users", partition_key="user_id")
    for number in range(19):
        users.put({"user_id": f"u{number}"})
    for _ in range(81):
        users.put({"user_id": "user#1"})
    users.get({"user_id": "user#1"})
    code, printed, _ = run("partitions", "heat", "users", "--url", url)
    header, *lines = printed.splitlines()
    assert code == 0
    assert header == "partition\tread units/s\twrite units/s"
    assert [line.split("\t")[0] for line in lines[:4]] == ["0", "1", "2", "3"]
    assert lines[4].startswith("user#1 takes 100% of the reads, ")
    assert lines[5].startswith("user#1 takes 81% of the writes, ")
    told = json.loads(run("partitions", "heat", "users", "--url", url, "--json")[1])["us-east-1"]
    assert told["hottest_writes"][0]["value"] == {"S": "user#1"}
    assert told["table_name"] == "users"


def test_a_server_that_cannot_tell_is_named(run: Run, served: tuple[App, str]) -> None:
    _, url = served
    asked = ("partitions", "heat", "others", "--url", url)
    assert run(*asked) == (1, "", "pelton: this server has no table 'others'\n")
    assert run(*asked, "--region", "mars") == (
        1,
        "",
        "pelton: this server serves no region 'mars'\n",
    )
    nobody = "http://127.0.0.1:1"
    code, _, complaint = run("partitions", "heat", "users", "--url", nobody)
    assert code == 1
    assert complaint.startswith(f"pelton: {nobody}/pelton/heat does not answer: ")
    code, _, complaint = run("partitions", "heat", "users", "--url", "file:///etc/passwd")
    assert (code, complaint) == (1, "pelton: --url begins with http:// or https://\n")


def test_another_process_splits_while_threads_write(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with App(path, durability="NORMAL") as app:
        users = app.table("users", partition_key="user_id", stream="NEW_IMAGE")
        stop = threading.Event()
        counts = [0, 0, 0]

        def write(writer: int) -> None:
            while not stop.is_set():
                number = counts[writer]
                key = {"user_id": f"{writer}-{number % 20}"}
                users.update(key, "ADD n :one", values={":one": 1})
                counts[writer] += 1

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                with Command("partitions", "split", str(path), "users", cwd=tmp_path) as command:
                    code, printed, complaint = command.end()
                assert (code, complaint) == (0, "")
                assert printed.startswith("split into ")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        sized = app.partitions(users)
        assert len(sized) == 7
        assert sum(each.items for each in sized) == len(list(users.scan()))
        assert sum(item["n"] for item in users.scan()) == sum(counts)
        seen: dict[str, list[int]] = {}
        arn = app.database.catalog.table("users").last_stream
        assert arn is not None
        for shard in app.streams.shards_of(arn.arn):
            for record in app.streams.read(shard, 0, 1_000_000, 10**9).records:
                image = json.loads(record.body)["dynamodb"]["NewImage"]
                seen.setdefault(image["user_id"]["S"], []).append(int(image["n"]["N"]))
        assert sum(len(numbers) for numbers in seen.values()) == sum(counts)
        assert all(numbers == [*range(1, len(numbers) + 1)] for numbers in seen.values())
