"""bloop, from PyPI, reads through rolls and splits, and goes on where another one stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from .consumer import DRIVERS, Consumer
from .installing import python_with
from .source import TABLE, Source, assert_read_once_in_order
from .tale import TURNS, tell, tell_in_haste

pytestmark = pytest.mark.consumers


def reading(source: Source, token: Path) -> Consumer:
    python = str(python_with("bloop"))
    return Consumer([python, str(DRIVERS / "read_bloop.py"), source.url, TABLE, str(token)])


def test_it_sees_every_change_once_and_in_order(source: Source, tmp_path: Path) -> None:
    source.write(50)
    with reading(source, tmp_path / "token.json") as consumer:
        tell(source, consumer, 2 * TURNS)
        tell_in_haste(source, consumer, TURNS)
        consumer.stop()
        assert_read_once_in_order(source.history, consumer.changes)
    assert source.splits >= 3
    assert len(source.shards()) > 25


def test_it_goes_on_behind_its_token_after_shards_have_closed(
    source: Source, tmp_path: Path
) -> None:
    token = tmp_path / "token.json"
    seen = []
    for _ in range(4):
        with reading(source, token) as consumer:
            consumer.wait_for_word("reading")
            tell(source, consumer, TURNS)
            consumer.stop()
            seen += consumer.changes
        # While nobody reads, shards close twice over and partitions divide.
        source.write(30)
        source.roll()
        source.write(30)
        source.split()
        source.write(30)
    with reading(source, token) as consumer:
        consumer.wait_for(source.history[-1:])
        consumer.stop()
        seen += consumer.changes
    assert_read_once_in_order(source.history, seen)
