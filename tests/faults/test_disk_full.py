"""A disk without room: a typed error, reads as before, and writes again once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .audit import Audit
from .load import Address, Connection, Log, Refused, Request, key_of
from .process import Process

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")

DISK_BYTES = 8 * 1024 * 1024
ADDRESSES = [("client0", f"s{slot}") for slot in range(20)]


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={DISK_BYTES}"]
        subprocess.run(["mount", *options, "tmpfs", path], check=True)

    def fill(self) -> None:
        """Takes all the room that is left."""
        with (self.path / "filler").open("ab", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        (self.path / "filler").unlink()

    def unmount(self) -> None:
        subprocess.run(["umount", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.unmount()


class Writer:
    """Puts items over one connection and keeps the log of what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.connection = Connection(port)
        self.log = Log()
        self.standing: dict[Address, Request] = {}
        self._number = 0

    def put(self) -> None:
        self._number += 1
        address = ADDRESSES[self._number % len(ADDRESSES)]
        item = {
            **key_of(address),
            "n": {"N": str(self._number)},
            "group": {"S": f"g{self._number % 3}"},
            "text": {"S": "x" * 2_000},
        }
        self.connection.call("PutItem", {"TableName": "items", "Item": item})
        self.log.items.setdefault(address, []).append(self._number)
        self.standing[address] = item

    def put_until_refused(self) -> Refused:
        for _ in range(10_000):
            try:
                self.put()
            except Refused as refused:
                return refused
        raise AssertionError("the disk was never full")

    def check_reads(self) -> None:
        """Every way to read gives what was acknowledged, and nothing that was refused."""
        call = self.connection.call
        for address, item in self.standing.items():
            request = {"TableName": "items", "Key": key_of(address)}
            assert call("GetItem", request) == {"Item": item}
        for more in ({}, {"IndexName": "by-group"}):
            found = scan(self.connection, {"TableName": "items", **more})
            assert sorted(found, key=str) == sorted(self.standing.values(), key=str)
        stream = call("DescribeTable", {"TableName": "items"})["Table"]["LatestStreamArn"]
        assert stream.startswith("arn:aws:dynamodb:")


def scan(connection: Connection, request: Request) -> list[Any]:
    found: list[Any] = []
    while True:
        page = connection.call("Scan", request)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def check_refusal(refused: Refused) -> None:
    status, code, message = refused.args
    assert (status, code) == (500, "InternalServerError")
    assert message == "the disk is full: nothing of this write was kept; free some space"


def test_a_full_disk_refuses_writes_and_serves_reads_until_there_is_room_again(
    disk: Disk, tmp_path: Path
) -> None:
    path = disk.path / "shop.db"
    with Process(path, folder=tmp_path) as process:
        writer = Writer(process.wait_until_it_serves())
        for _ in range(30):
            writer.put()
        for _ in range(3):
            disk.fill()
            for _ in range(5):
                check_refusal(writer.put_until_refused())
            writer.check_reads()
            assert process.is_alive
            disk.free()
            # The first write after room is there again must be done, not the second.
            for _ in range(30):
                writer.put()
            writer.check_reads()
        writer.connection.close()
        assert process.stop() == 0
    audit = Audit(path, folder=tmp_path)
    audit.check([writer.log])
    audit.check_handlers()


def test_a_server_killed_on_a_full_disk_opens_again_when_there_is_room(
    disk: Disk, tmp_path: Path
) -> None:
    path = disk.path / "shop.db"
    with Process(path, folder=tmp_path) as process:
        writer = Writer(process.wait_until_it_serves())
        for _ in range(30):
            writer.put()
        disk.fill()
        check_refusal(writer.put_until_refused())
        process.kill()
    writer.connection.close()
    disk.free()
    audit = Audit(path, folder=tmp_path)
    audit.check([writer.log])
    audit.check_handlers()
    with Process(path, folder=tmp_path) as process:
        connection = Connection(process.wait_until_it_serves())
        assert len(scan(connection, {"TableName": "items"})) == len(writer.standing)
        connection.close()
        assert process.stop() == 0
