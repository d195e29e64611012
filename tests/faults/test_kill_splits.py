"""kill -9 while partitions split under load: every shard has its children, and all is there."""

from __future__ import annotations

from pathlib import Path

from pelton.engine import Table
from tests.region import Region

from .splitting import SPLIT_TABLES
from .test_kill import run_rounds

ROUNDS = 5


def sizes_kept(region: Region, table: Table) -> list[tuple[int, int]]:
    kept = region.database.store.read(lambda reader: reader.count_parts(table.space))
    return [kept.get(each.number, (0, 0)) for each in table.partitions]


def sizes_counted(region: Region, table: Table) -> list[tuple[int, int]]:
    return region.database.store.read(
        lambda reader: [
            reader.measure(table.space, each.token_low, each.token_high)
            for each in table.partitions
        ]
    )


def test_a_server_killed_while_it_splits_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    print(run_rounds(path, ROUNDS, seed=3, app="tests.faults.splitting:app"))
    region = Region(path)
    splits = 0
    for name in SPLIT_TABLES:
        table = region.database.catalog.tables[name]
        splits += len(table.partitions) - 4
        assert sizes_kept(region, table) == sizes_counted(region, table)
        shards = region.streams.shards_of(region.stream_arn(name))
        numbers = [each.partition for each in shards if each.is_open]
        assert sorted(numbers) == sorted(each.number for each in table.partitions)
    assert splits > ROUNDS
    region.close()
