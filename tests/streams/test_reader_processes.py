"""One reader, several processes that write, and a kill -9 in between."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pelton import App, RecordChange, StreamLimits
from pelton.engine.partitions.splitting import split_partition

SHARD_SECONDS_MAX = 0.1
"""So short that shards roll between one write and another all the time, also at the kill."""

WRITER = f"""
import itertools, sys
from pelton import App, StreamLimits
path, name = sys.argv[1:]
app = App(path, stream_limits=StreamLimits(shard_seconds_max={SHARD_SECONDS_MAX}))
things = app.table("things", partition_key="id", stream="NEW_IMAGE")
for number in itertools.count():
    things.put({{"id": f"{{name}}-{{number % 40}}", "writer": name, "n": number}})
    print(number, flush=True)
"""

ROOT = Path(__file__).parents[2]


class Writer:
    """A process that writes numbers until it is killed, and says each when it is acknowledged."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._output = path.with_name(f"{name}.acknowledged")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), name],
                stdout=output,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT / "src")},
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)

    @property
    def acknowledged(self) -> int:
        return self._output.read_bytes().count(b"\n")


def read_until(
    reading: Iterator[RecordChange], seen: list[RecordChange], writer: str, count: int
) -> None:
    for change in reading:
        seen.append(change)
        assert change.new is not None
        if change.new["writer"] == writer and change.new["n"] >= count:
            return


def test_a_reader_misses_nothing_of_any_process_and_keeps_their_order(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    app = App(path, stream_limits=StreamLimits(shard_seconds_max=SHARD_SECONDS_MAX))
    app.table("things", partition_key="id", stream="NEW_IMAGE")
    stream = app.stream("things")
    seen: list[RecordChange] = []
    writers = [Writer(path, "a"), Writer(path, "b")]
    try:
        with stream.read(follow=True) as reading:
            read_until(reading, seen, "a", 100)
            read_until(reading, seen, "b", 100)
            writers[0].kill()
            split_partition(app.database, "things", 0)
            writers.append(Writer(path, "c"))
            read_until(reading, seen, "c", 100)
            position = reading.position
    finally:
        for writer in writers:
            writer.kill()
    seen += stream.read(after=position)
    assert len(stream.shards()) > 8
    app.close()
    places = [change.commit.position for change in seen]
    assert places == sorted(set(places))
    for writer in writers:
        numbers = [
            change.new["n"] for change in seen if change.new and change.new["writer"] == writer.name
        ]
        assert numbers == [*range(len(numbers))]
        # The last one may have been committed without its process hearing of it.
        assert writer.acknowledged <= len(numbers) <= writer.acknowledged + 1
