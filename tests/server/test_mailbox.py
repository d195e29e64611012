"""The mailbox: everything arrives, in order, on the loop's thread, with one waking a burst."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from pelton.server.mailbox import Mailbox


class Parcel:
    def __init__(self, number: int, arrived: list[tuple[int, int]]) -> None:
        self.number = number
        self.arrived = arrived

    def arrive(self) -> None:
        self.arrived.append((self.number, threading.get_ident()))


class CountingLoop:
    """A loop that counts how often it is woken, and wakes when told."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def call_soon_threadsafe(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def wake(self) -> None:
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


def test_a_burst_wakes_the_loop_once() -> None:
    loop = CountingLoop()
    mailbox = Mailbox(loop)  # type: ignore[arg-type]
    arrived: list[tuple[int, int]] = []
    for burst in range(3):
        for number in range(100):
            mailbox.post(Parcel(burst * 100 + number, arrived))
        assert len(loop.callbacks) == 1
        loop.wake()
    assert [number for number, _ in arrived] == list(range(300))


def test_what_arrives_while_the_box_is_emptied_is_not_left_behind() -> None:
    loop = CountingLoop()
    mailbox = Mailbox(loop)  # type: ignore[arg-type]
    arrived: list[tuple[int, int]] = []

    class Answering(Parcel):
        def arrive(self) -> None:
            super().arrive()
            mailbox.post(Parcel(2, arrived))

    mailbox.post(Answering(1, arrived))
    while loop.callbacks:
        loop.wake()
    assert [number for number, _ in arrived] == [1, 2]


def test_an_answer_that_fails_keeps_no_other_back(caplog: pytest.LogCaptureFixture) -> None:
    loop = CountingLoop()
    mailbox = Mailbox(loop)  # type: ignore[arg-type]
    arrived: list[tuple[int, int]] = []

    class Failing(Parcel):
        def arrive(self) -> None:
            raise ZeroDivisionError("cannot be given")

    for parcel in (Parcel(1, arrived), Failing(2, arrived), Parcel(3, arrived)):
        mailbox.post(parcel)
    loop.wake()
    assert [number for number, _ in arrived] == [1, 3]
    assert "cannot be given" in caplog.text


def test_everything_posted_by_many_threads_arrives_on_the_loop() -> None:
    async def main() -> list[tuple[int, int]]:
        loop = asyncio.get_running_loop()
        mailbox = Mailbox(loop)
        arrived: list[tuple[int, int]] = []
        everything = asyncio.Event()

        class Last(Parcel):
            def arrive(self) -> None:
                super().arrive()
                if len(arrived) == 4000:
                    everything.set()

        def post(start: int) -> None:
            for number in range(start, start + 1000):
                mailbox.post(Last(number, arrived))

        threads = [threading.Thread(target=post, args=(start,)) for start in range(0, 4000, 1000)]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(30):
            await everything.wait()
        for thread in threads:
            thread.join()
        return arrived

    arrived = asyncio.run(main())
    assert sorted(number for number, _ in arrived) == list(range(4000))
    assert {thread for _, thread in arrived} == {threading.get_ident()}


def test_an_answer_for_a_loop_that_has_ended_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    mailbox = Mailbox(loop)
    loop.close()
    arrived: list[tuple[int, int]] = []
    mailbox.post(Parcel(1, arrived))
    assert arrived == []
