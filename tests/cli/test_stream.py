"""`pelton stream`, also beside another process that writes."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pelton import App, ManualClock
from pelton.cli.lineage_text import lineage_tree
from pelton.engine.partitions.splitting import split_partition

from .conftest import Run
from .processes import Command

ROOT = Path(__file__).parents[2]


def put(run: Run, file: Path, *numbers: int) -> None:
    for number in numbers:
        item = json.dumps({"id": f"x{number}", "at": number})
        assert run("item", "put", file, "things", item)[0] == 0


def test_streams_are_listed_and_described(run: Run, file: Path) -> None:
    code, printed, _ = run("stream", "list", file)
    assert code == 0
    table, label, status, arn = printed.splitlines()[1].split("\t")
    assert (table, status) == ("things", "ENABLED")
    assert arn.endswith(f"/stream/{label}")
    code, printed, _ = run("stream", "describe", file, "things")
    facts = dict(line.split("\t") for line in printed.splitlines())
    assert (facts["arn"], facts["view"], facts["status"]) == (arn, "NEW_AND_OLD_IMAGES", "ENABLED")
    described = json.loads(run("stream", "describe", file, "things", "--json")[1])
    assert described["StreamArn"] == arn
    assert json.loads(run("stream", "list", file, "--json")[1])[0]["StreamLabel"] == label


def test_totals_are_told(run: Run, file: Path) -> None:
    facts = dict(
        line.split("\t") for line in run("stream", "describe", file, "things")[1].splitlines()
    )
    assert (facts["records"], facts["oldest"], facts["latest"]) == ("0", "-", "-")
    put(run, file, *range(3))
    facts = dict(
        line.split("\t") for line in run("stream", "describe", file, "things")[1].splitlines()
    )
    assert facts["records"] == "3"
    assert facts["oldest"].endswith(" ago")
    described = json.loads(run("stream", "describe", file, "things", "--json")[1])
    assert described["records"] == 3
    assert described["oldest_ms"] <= described["latest_ms"]


def test_a_disabled_stream_stays_listed_and_readable(run: Run, file: Path) -> None:
    put(run, file, 1)
    app = App(file)
    app.call(
        "UpdateTable", {"TableName": "things", "StreamSpecification": {"StreamEnabled": False}}
    )
    app.close()
    assert "\tDISABLED\t" in run("stream", "list", file)[1]
    (stream,) = json.loads(run("stream", "list", file, "--json")[1])
    assert stream["StreamStatus"] == "DISABLED"
    for name in ("things", stream["StreamArn"]):
        assert len(run("stream", "tail", file, name, "--follow")[1].splitlines()) == 1
    states = {
        each["state"] for each in json.loads(run("stream", "shards", file, "things", "--json")[1])
    }
    assert states == {"ended"}


@pytest.fixture
def forked(run: Run, tmp_path: Path) -> Path:
    """A table of one partition that was rolled, then split, then its lower half rolled."""
    path = tmp_path / "forked.db"
    clock = ManualClock()
    app = App(path, clock=clock)
    app.call(
        "CreateTable",
        {
            "TableName": "things",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        },
    )
    things = app.table("things", partition_key="id")
    things.put({"id": "a"})
    clock.advance(seconds=5 * 3600)
    app.streams.roll_aged()
    things.put({"id": "b"})
    things.put({"id": "c"})
    split_partition(app.database, "things", 0)
    app.close()
    return path


def test_the_lineage_is_told_with_what_each_shard_holds(run: Run, forked: Path) -> None:
    code, printed, _ = run("stream", "shards", forked, "things")
    assert code == 0
    names, *rows = [line.split("\t") for line in printed.splitlines()]
    assert names[:5] == ["shard", "state", "tokens", "share", "records"]
    assert [row[0][:10] for row in rows] == ["shardId-00", "shardId-00", "  shardId-", "  shardId-"]
    assert [row[1:5] for row in rows] == [
        ["rolled", "0000-ffff", "100%", "1"],
        ["split", "0000-ffff", "100%", "2"],
        ["open", "0000-7fff", "50%", "0"],
        ["open", "8000-ffff", "50%", "0"],
    ]
    shards = json.loads(run("stream", "shards", forked, "things", "--json")[1])
    first, second, low, high = shards
    assert [each.get("ParentShardId") for each in shards] == [
        None,
        first["ShardId"],
        second["ShardId"],
        second["ShardId"],
    ]
    assert low["tokens"][1] + 1 == high["tokens"][0]
    assert second["tokens"] == [low["tokens"][0], high["tokens"][1]]


def test_a_terminal_shows_the_lineage_as_a_tree_that_forks_at_splits(forked: Path) -> None:
    app = App(forked)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(lineage_tree(app.stream("things").shards(), "things"))
    app.close()
    lines = console.export_text().splitlines()
    assert [line[:8] for line in lines[1:]] == ["├── " + lines[1][4:8], "└── " + lines[2][4:8]] + [
        "    ├── ",
        "    └── ",
    ]
    assert ["rolled", "split", "open", "open"] == [line.split()[-9] for line in lines[1:]]


def test_watching_needs_a_terminal(run: Run, forked: Path) -> None:
    code, _, complaint = run("stream", "shards", forked, "things", "--watch")
    assert code == 1
    assert complaint.startswith("pelton: --watch draws on a terminal")


def test_watching_draws_the_lineage_again_until_it_is_interrupted(forked: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-m", "pelton.cli", "stream", "shards", str(forked), "things", "--watch"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env=environment,
    ) as watcher:
        os.close(theirs)
        read_until(ours, "4 shards, 2 open, 3 records")
        read_until(ours, "└──")
        app = App(forked)
        app.table("things", partition_key="id").put({"id": "d"})
        app.close()
        read_until(ours, "4 records")
        watcher.send_signal(signal.SIGINT)
        read_until(ours, None)
    os.close(ours)
    assert watcher.returncode == 0


def read_until(terminal: int, words: str | None) -> str:
    """What a terminal shows, up to some words or to its end."""
    shown = ""
    while words is None or words not in shown:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # how Linux tells that the other side has gone
            part = b""
        if not part:
            assert words is None, shown
            break
        shown += part.decode()
    return shown


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
    assert run("stream", "tail", file, "things", "--start", "latest") == (0, "", "")


def test_changes_are_printed_from_any_place_on(run: Run, file: Path) -> None:
    put(run, file, *range(6))
    lines = run("stream", "tail", file, "things")[1].splitlines()
    third = lines[2].split(" ")
    tail = ("stream", "tail", file, "things")
    assert run(*tail, "--start", third[1])[1].splitlines() == lines[2:]
    assert run(*tail, "--after", third[1])[1].splitlines() == lines[3:]
    assert run(*tail, "--limit", "2")[1].splitlines() == lines[:2]
    assert run(*tail, "--start", "2020-01-01T00:00Z")[1].splitlines() == lines
    code, _, complaint = run(*tail, "--start", "yesterday")
    assert code == 2
    assert 'start is "beginning", "latest"' in complaint


def test_changes_are_printed_with_their_commits(run: Run, file: Path) -> None:
    put(run, file, 1)
    (line,) = run("stream", "tail", file, "things", "--commits")[1].splitlines()
    (record,) = run("stream", "tail", file, "things", "--commits", "--json")[1].splitlines()
    commit = json.loads(record)["commit"]
    assert line.split(" ")[2] == f"{commit['transaction']}/{commit['position']}"


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
