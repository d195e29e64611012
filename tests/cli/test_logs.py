"""`--log json`: what a running app logs, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.raw import exchange
from tests.server.test_protocol import put

from .processes import Command

SHOP = """
import logging, pelton
app = pelton.App("shop.db")
things = app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")

@app.on_insert(things, maximum_retry_attempts=0)
def mail(item, context):
    logging.getLogger("shop").warning("mailing %s", item["id"])
    raise ValueError("no address")
"""


@pytest.mark.parametrize(
    "arguments", [("run", "shop:app", "--port", "0"), ("serve", "--app", "shop:app", "--port", "0")]
)
def test_lines_of_a_handler_know_the_record(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with Command(*arguments, "--log", "json", cwd=tmp_path) as command:
        url = command.line().rpartition(" at ")[2]
        assert exchange(url, put("a")).status == 200
        lines = told_of_handlers(command)
        own, given_up = next(lines), next(lines)
        assert command.stop()[0] == 0
    assert (own["logger"], own["message"], own["level"]) == ("shop", "mailing a", "WARNING")
    assert (own["handler"], own["table"], own["attempt"]) == ("mail", "things", 1)
    assert given_up["logger"] == "pelton.handlers"
    assert (given_up["errorType"], given_up["errorMessage"]) == ("ValueError", "no address")
    for name in ("sequenceNumber", "shardId", "requestId", "attempt"):
        assert given_up[name] == own[name]


def told_of_handlers(command: Command) -> Iterator[dict[str, Any]]:
    """The lines of its log that are about a handler's call, as they come."""
    assert command.process.stderr is not None
    for line in command.process.stderr:
        told = json.loads(line)
        if "handler" in told:
            yield told
