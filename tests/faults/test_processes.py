"""Several processes on one file, while all of them write and one is killed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .audit import Audit
from .load import Acknowledgements, Client
from .process import Process


def clients_of(port: int, numbers: range, answers: Acknowledgements) -> list[Client]:
    clients = [Client(f"client{number}", port, number, {}, answers) for number in numbers]
    for client in clients:
        client.start()
    return clients


class Tail:
    """`pelton stream tail --follow` beside the processes that write, and what it has printed."""

    def __init__(self, path: Path) -> None:
        self._process = Process(path, "stream", "tail", "--follow", "--json", str(path), "items")
        self.records: list[dict[str, Any]] = []
        self._grown = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self._process.lines():
            with self._grown:
                self.records.append(json.loads(line))
                self._grown.notify_all()

    def wait_for(self, count: int) -> None:
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.records) >= count, 60), len(self.records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        self._process.ask_to_die()
        self._thread.join(60)
        self._process.end()

    def stop(self) -> int:
        self._process.ask_to_stop()
        self._thread.join(60)
        return self._process.end()


def sequences_by_item(records: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for record in records:
        change = record["dynamodb"]
        keys = change["Keys"]
        address = keys["client"]["S"], keys["slot"]["S"]
        found.setdefault(address, []).append(change["SequenceNumber"])
    return found


def test_two_servers_and_their_watchers_share_a_file_and_one_server_is_killed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shop.db"
    answers, audit = Acknowledgements(), Audit(path)
    with Process(path) as app, Process(path, "serve", str(path), "--port", "0") as server:
        clients = clients_of(app.wait_until_it_serves(), range(0, 3), answers)
        with Tail(path) as tail, Tail(path) as other_tail:
            clients += clients_of(server.wait_until_it_serves(), range(3, 6), answers)
            answers.wait_for_more(200)
            other_tail.wait_for(20)
            other_tail.kill()
            answers.wait_for_more(100)
            server.kill()
            logs = [client.end() for client in clients[3:]]
            answers.wait_for_more(100)
            app.ask_to_stop()
            logs += [client.end() for client in clients[:3]]
            assert app.end() == 0
            audit.check(logs)
            tail.wait_for(sum(map(len, audit.sequences.values())))
            assert tail.stop() == 0
    # Each record once, in the order of the commits of all processes, so also of each item.
    sequences = [int(record["dynamodb"]["SequenceNumber"]) for record in tail.records]
    assert sequences == sorted(set(sequences))
    assert sequences_by_item(tail.records) == audit.sequences
    audit.check_handlers()


def test_a_second_process_of_an_app_takes_its_handlers_over(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    answers = Acknowledgements()
    with Process(path) as first:
        clients = clients_of(first.wait_until_it_serves(), range(0, 3), answers)
        answers.wait_for_more(100)
        with Process(path) as second:
            clients += clients_of(second.wait_until_it_serves(), range(3, 6), answers)
            answers.wait_for_more(200)
            second.kill()
        with Process(path) as third:
            third.wait_until_it_serves()
            answers.wait_for_more(100)
            first.ask_to_stop()
            logs = [client.end() for client in clients]
            assert first.end() == 0
            assert third.stop() == 0
    audit = Audit(path)
    audit.check(logs)
    audit.check_handlers()
