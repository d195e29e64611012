"""Effects where processes die: none is lost, none is out of order, each keeps its key."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pelton.engine.partitions.splitting import split_partition
from pelton.handlers import Context, Dispatcher, RecordChange
from pelton.handlers.outbox import OUTBOX, effect_mapping, ensure_outbox
from tests.handlers.stage import Stage, on_change
from tests.handlers.test_simulation import scheduler_of


@pytest.mark.parametrize("seed", range(8), ids="seed{}".format)
def test_effects_are_neither_lost_nor_out_of_order_whatever_happens(seed: int) -> None:
    """Failures of handlers and effects, rolls and splits of both tables, crashes and zombies."""
    random = Random(seed)
    stage = Stage(shard_seconds_max=60)
    stage.source()
    ensure_outbox(stage.database)
    written: defaultdict[str, int] = defaultdict(int)
    done: defaultdict[str, list[int]] = defaultdict(list)
    keys: defaultdict[tuple[str, int], set[str]] = defaultdict(set)

    def follow(change: RecordChange, context: Context) -> None:
        assert change.new is not None
        context.emit("post", {"id": change.new["id"], "version": change.new["version"]})
        if random.random() < 0.1:
            raise ConnectionError("bad luck")

    def post(payload: dict[str, Any], context: Context) -> None:
        if random.random() < 0.2:
            raise ConnectionError("bad luck")
        done[payload["id"]].append(payload["version"])
        keys[payload["id"], payload["version"]].add(context.idempotency_key)

    options: dict[str, Any] = {
        "maximum_retry_attempts": -1,
        "parallelization_factor": random.choice([1, 3]),
        "batch_size": random.choice([1, 4]),
    }

    def begin() -> Dispatcher:
        effect = effect_mapping("post", post, **options)
        return stage.start(on_change(follow, **options), effect, seed=random.randrange(1 << 30))

    def write() -> None:
        name = random.choice("abcdef")
        written[name] += 1
        stage.save(id=name, version=written[name])

    current = begin()
    zombies: list[Dispatcher] = []
    for _ in range(250):
        chance = random.random()
        if chance < 0.3:
            write()
        elif chance < 0.9:
            scheduler_of(random.choice([current, current, *zombies[-1:]])).step()
        elif chance < 0.94:
            stage.clock.advance(seconds=random.random() * 30)
        elif chance < 0.97:
            stage.streams.roll_aged()
        elif chance < 0.98:
            name = random.choice(["things", OUTBOX])
            partitions = stage.database.catalog.tables[name].partitions
            if len(partitions) < 6:
                split_partition(stage.database, name, random.choice(partitions).number)
        elif chance >= 0.99:
            zombies.append(current)
            current = begin()
    current.drain()
    assert stage.all(OUTBOX) == []
    for name, count in written.items():
        assert list(dict.fromkeys(done[name])) == list(range(1, count + 1))
    assert sum(written.values()) == len(keys) == len(set().union(*keys.values()))
    assert all(len(found) == 1 for found in keys.values())
    stage.close()


SHOP = """
import os, signal, sys
from pathlib import Path

import pelton

path, dies = sys.argv[1:]
app = pelton.App(Path(path) / "shop.db")
users = app.table("users", partition_key="id", stream="NEW_AND_OLD_IMAGES")
totals = app.table("totals", partition_key="id")

def note(what):
    with open(Path(path) / "log", "a") as log:
        log.write(what + chr(10))
    if what.startswith(dies):
        os.kill(os.getpid(), signal.SIGKILL)

@app.effect("post")
def post(payload, context):
    note(f"post {payload} {context.idempotency_key}")

@app.on_insert(users)
def welcome(user, context):
    context.emit("post", user["id"])
    context.transaction.update(totals, {"id": "all"}, "ADD n :one", values={":one": 1})
    note(f"welcome {user['id']}")

if not users.get({"id": "u0"}):
    with users.batch() as batch:
        for number in range(5):
            batch.put({"id": f"u{number}"})
with app:
    app.drain(60)
    waiting = app.call("Scan", {"TableName": "pelton.outbox"})["Count"]
    print(totals.get({"id": "all"})["n"], waiting)
"""


def run_shop(folder: Path, dies: str) -> subprocess.CompletedProcess[str]:
    """Runs the shop, which kills itself right after it has noted something that begins so."""
    command = [sys.executable, "-c", SHOP, str(folder), dies]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
@pytest.mark.parametrize("dies", ["welcome u3", "post u0", "post u3"])
def test_a_killed_process_loses_no_effect_and_repeats_it_under_its_key(
    tmp_path: Path, dies: str
) -> None:
    killed = run_shop(tmp_path, dies)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finished = run_shop(tmp_path, "never")
    assert finished.stderr == ""
    assert finished.stdout.split() == ["5", "0"]
    lines = (tmp_path / "log").read_text().splitlines()
    posts = [line.split() for line in lines if line.startswith("post")]
    keys: dict[str, list[str]] = {}
    for _, payload, key in posts:
        keys.setdefault(payload, []).append(key)
    assert sorted(keys) == [f"u{number}" for number in range(5)]
    # Those in which it died, one a shard at most, were done twice and under one key.
    for found in keys.values():
        assert len(found) <= 2
        assert len(set(found)) == 1
