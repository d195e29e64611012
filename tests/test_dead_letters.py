"""`app.dead_letters`: found, shown whole, and put back from code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import pelton


@pytest.fixture
def shop() -> Shop:
    return Shop()


class Shop:
    """An app whose mail goes nowhere until it is mended."""

    def __init__(self, *, is_async: bool = False) -> None:
        self.app = pelton.App(":memory:", clock=pelton.ManualClock())
        self.users = self.app.table(
            "users", partition_key="id", sort_key=("n", int), stream="NEW_IMAGE"
        )
        self.is_mended = False
        self.sent: list[str] = []

        def mail(user: dict[str, Any], context: pelton.Context) -> None:
            if not self.is_mended and user["id"] != "ada":
                raise ConnectionError(f"no way to {user['id']}")
            self.sent.append(f"{user['id']}{user['n']}")

        async def mail_async(user: dict[str, Any], context: pelton.Context) -> None:
            await asyncio.sleep(0)
            mail(user, context)

        self.app.on_insert(self.users, name="mail", maximum_retry_attempts=0)(
            mail_async if is_async else mail
        )

    def write(self) -> None:
        for n in (1, 2):
            for name in ("ada", "bob", "eve"):
                self.users.put({"id": name, "n": n})


def test_letters_are_found_by_handler_and_by_key_and_shown_whole(shop: Shop) -> None:
    with shop.app as app:
        shop.write()
        app.drain()
        letters = app.dead_letters.list()
        assert [(each.key["id"], each.key["n"]) for each in letters] == [
            ("bob", 1),
            ("eve", 1),
            ("bob", 2),
            ("eve", 2),
        ]
        assert app.dead_letters.list("mail") == letters
        assert app.dead_letters.list("other") == []
        (one,) = app.dead_letters.list(key={"id": "eve", "n": 2})
        assert one == app.dead_letters.show("mail", one.sequence_number)
        assert (one.event_name, one.table_name, one.is_held) == ("INSERT", "users", False)
        assert one.whole_record["dynamodb"]["NewImage"] == {"id": {"S": "eve"}, "n": {"N": "2"}}
        assert (one.error_type, one.error_message) == ("ConnectionError", "no way to eve")
        with pytest.raises(ValueError, match="has no dead letter '100'"):
            app.dead_letters.show("mail", "100")


def test_without_a_letter_there_is_an_empty_list(shop: Shop) -> None:
    with shop.app as app:
        assert app.dead_letters.list() == []
        assert app.dead_letters.redrive() == (0, [], 0)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("is_started", [False, True])
def test_they_are_put_back_whether_the_app_runs_or_not(is_async: bool, is_started: bool) -> None:
    shop = Shop(is_async=is_async)
    with shop.app as app:
        shop.write()
        app.drain()
        if not is_started:
            app.stop()
        shop.is_mended = True
        assert app.dead_letters.redrive("mail", key={"id": "eve", "n": 2}).delivered == 1
        assert app.dead_letters.redrive().delivered == 3
        assert app.dead_letters.list() == []
    assert sorted(shop.sent) == ["ada1", "ada2", "bob1", "bob2", "eve1", "eve2"]


def test_on_the_loop_of_the_handlers_it_is_awaited() -> None:
    shop = Shop(is_async=True)

    async def run() -> None:
        async with shop.app as app:
            shop.write()
            await app.aio.drain()
            shop.is_mended = True
            with pytest.raises(RuntimeError, match="would block the loop"):
                app.dead_letters.redrive()
            assert await app.aio.redrive("mail") == (4, [], 0)

    asyncio.run(run())
    assert len(shop.sent) == 6
