"""tap-dynamodb, the tap of Singer and Stitch from PyPI, which reads closed shards in runs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .consumer import DRIVERS, Consumer
from .installing import python_with
from .source import TABLE, Change, Source, by_item
from .tale import TURNS, take_turn

pytestmark = [
    pytest.mark.consumers,
    pytest.mark.skipif(
        sys.version_info >= (3, 12), reason="the boto3 that the tap pins needs Python 3.11"
    ),
]

DELETED = 0
"""The number of a change that deletes, of which the tap passes on nothing but the key."""


class Tap:
    """Runs the tap; what a run says about its state is what the next begins with."""

    def __init__(self, source: Source, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._write(
            "config",
            account_id="0",
            external_id="0",
            role_name="reader",
            region_name="us-east-1",
            use_local_dynamo="true",
        )
        selected = {"selected": True, "replication-method": "LOG_BASED"}
        metadata = [{"breadcrumb": [], "metadata": {**selected, "table-key-properties": ["id"]}}]
        stream = {"stream": TABLE, "tap_stream_id": TABLE, "schema": {"type": "object"}}
        self._write("catalog", streams=[{**stream, "metadata": metadata}])
        now = datetime.now(UTC).isoformat()
        copied = {"initial_full_table_complete": True, "version": 1, "success_timestamp": now}
        self._write("state", bookmarks={TABLE: copied})
        self.seen: list[tuple[str, int]] = []

    def run(self) -> None:
        """One run, to the end of the last closed shard."""
        driver = [str(python_with("tap-dynamodb")), str(DRIVERS / "run_tap.py"), self._source.url]
        files = [f"--{name}={self._path(name)}" for name in ("config", "catalog", "state")]
        with Consumer([*driver, *files]) as consumer:
            consumer.end()
            for message in map(json.loads, consumer.words):
                if message["type"] == "RECORD":
                    record = message["record"]
                    self.seen.append((record["id"], int(record.get("n", DELETED))))
                if message["type"] == "STATE":
                    self._write("state", **message["value"])

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _write(self, name: str, **members: Any) -> None:
        self._path(name).write_text(json.dumps(members))


def test_its_runs_see_every_change_once_and_in_order(source: Source, tmp_path: Path) -> None:
    tap = Tap(source, tmp_path)
    for number in range(TURNS):
        take_turn(source, number)
        tap.run()
    assert 0 < len(tap.seen) < len(source.history), "it leaves open shards for later"
    source.roll_idle()
    tap.run()
    assert len(tap.seen) == len(source.history)
    seen = [Change(order, "", number) for order, number in tap.seen]
    written = [
        Change(change.id, "", DELETED if change.event == "REMOVE" else change.number)
        for change in source.history
    ]
    assert by_item(seen) == by_item(written)
