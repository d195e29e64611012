"""`pelton stream`, also beside another process that writes."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from pelton import App

from .conftest import Run
from .processes import Command


def test_streams_are_listed_and_described(run: Run, file: Path) -> None:
    code, printed, _ = run("stream", "list", file)
    assert code == 0
    table, label, arn = printed.splitlines()[1].split("\t")
    assert table == "things"
    assert arn.endswith(f"/stream/{label}")
    code, printed, _ = run("stream", "describe", file, "things")
    facts = dict(line.split("\t") for line in printed.splitlines())
    assert (facts["arn"], facts["view"], facts["status"]) == (arn, "NEW_AND_OLD_IMAGES", "ENABLED")
    described = json.loads(run("stream", "describe", file, "things", "--json")[1])
    assert described["StreamArn"] == arn
    assert json.loads(run("stream", "list", file, "--json")[1])[0]["StreamLabel"] == label


def test_shards_are_listed(run: Run, file: Path) -> None:
    code, printed, _ = run("stream", "shards", file, "things")
    assert code == 0
    for line in printed.splitlines()[1:]:
        shard, parent, start, end = line.split("\t")
        assert shard.startswith("shardId-")
        assert (parent, end) == ("-", "open")
        assert start.isdigit()
    shards = json.loads(run("stream", "shards", file, "things", "--json")[1])
    assert len(shards) == len(printed.splitlines()) - 1


def test_changes_are_printed_in_their_order(run: Run, file: Path) -> None:
    for number in range(12):
        run("item", "put", file, "things", json.dumps({"id": f"x{number}", "at": number}))
    run("item", "delete", file, "things", '{"id": "x3", "at": 3}')
    code, printed, _ = run("stream", "tail", file, "things")
    lines = [line.split(" ", 3) for line in printed.splitlines()]
    assert code == 0
    assert [name for _, _, name, _ in lines] == ["INSERT"] * 12 + ["REMOVE"]
    assert [json.loads(item)["at"] for *_, item in lines] == [*range(12), 3]
    sequences = [int(sequence) for _, sequence, _, _ in lines]
    assert sequences == sorted(sequences)
    code, printed, _ = run("stream", "tail", file, "things", "--json")
    records = [json.loads(line) for line in printed.splitlines()]
    assert [int(record["dynamodb"]["SequenceNumber"]) for record in records] == sequences


def test_the_latest_changes_are_those_to_come(run: Run, file: Path) -> None:
    run("item", "put", file, "things", '{"id": "x", "at": 1}')
    assert run("stream", "tail", file, "things", "--latest") == (0, "", "")


def test_a_table_without_a_stream_is_told(run: Run, file: Path) -> None:
    run("table", "create", file, "plain", "-p", "id")
    code, _, complaint = run("stream", "tail", file, "plain")
    assert code == 1
    assert complaint.startswith("pelton: table plain has no stream")


def test_the_changes_of_another_process_are_followed(file: Path, tmp_path: Path) -> None:
    app = App(file)
    things = app.table("things", partition_key="id", sort_key=("at", "N"))
    things.put({"id": "first", "at": 0})
    with Command("stream", "tail", str(file), "things", "--follow", "--json", cwd=tmp_path) as tail:
        for number in range(1, 6):
            # Each is written after the one before was seen: nothing but following finds it.
            seen = json.loads(tail.line())
            assert seen["dynamodb"]["NewImage"]["at"] == {"N": str(number - 1)}
            things.put({"id": f"next-{number}", "at": number})
        tail.line()
        app.call(
            "UpdateTable", {"TableName": "things", "StreamSpecification": {"StreamEnabled": False}}
        )
        code, rest, complaint = tail.stop(signal.SIGINT)
    app.close()
    assert (code, rest, complaint) == (0, "", "")
