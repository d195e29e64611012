"""Tables through the face: Python values in and out, for callers that wait and that await."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import pelton


@pytest.fixture
def app() -> Iterator[pelton.App]:
    with pelton.App(":memory:", clock=pelton.ManualClock()) as opened:
        yield opened


@pytest.fixture
def films(app: pelton.App) -> pelton.Table:
    return app.table(
        "films",
        partition_key="director",
        sort_key=("year", int),
        indexes=[
            pelton.Index("by-title", partition_key="title"),
            pelton.Index("by-stars", sort_key=("stars", "N"), projection=["title"]),
        ],
    )


def film(year: int, **more: Any) -> dict[str, Any]:
    return {"director": "Wilder", "year": year, **more}


EVERY_TYPE = {
    "text": "ö",
    "whole": 12345678901234567890123456789012345678,
    "fraction": Decimal("0.1"),
    "bytes": b"\x00\xff",
    "yes": True,
    "nothing": None,
    "list": [1, ["two"], {"three": 3}],
    "texts": {"a", "b"},
    "numbers": {1, Decimal("2.5")},
    "blobs": {b"a", b"b"},
}


def test_an_item_of_every_type_comes_back_as_it_was_put(films: pelton.Table) -> None:
    films.put(film(1959, **EVERY_TYPE))
    assert films.get(film(1959)) == film(1959, **EVERY_TYPE)


def test_get_gives_none_for_a_missing_item_and_parts_for_a_projection(films: pelton.Table) -> None:
    films.put(film(1959, title="Some Like It Hot", stars=5))
    assert films.get(film(1960)) is None
    assert films.get(film(1959), projection="#t", names={"#t": "title"}) == {
        "title": "Some Like It Hot"
    }


def test_writes_give_what_they_are_asked_to_return(films: pelton.Table) -> None:
    assert films.put(film(1959, stars=4)) is None
    assert films.put(film(1959, stars=5), returns="ALL_OLD") == film(1959, stars=4)
    returned = films.update(film(1959), "ADD stars :one", values={":one": 1}, returns="UPDATED_NEW")
    assert returned == {"stars": 6}
    assert films.delete(film(1959), returns="ALL_OLD") == film(1959, stars=6)
    assert films.delete(film(1959), returns="ALL_OLD") is None


@pytest.mark.parametrize("verb", ["put", "update", "delete"])
def test_a_condition_that_does_not_hold_raises_and_writes_nothing(
    films: pelton.Table, verb: str
) -> None:
    films.put(film(1959, stars=5))
    writes = {
        "put": lambda **rest: films.put(film(1959), **rest),
        "update": lambda **rest: films.update(film(1959), "REMOVE stars", **rest),
        "delete": lambda **rest: films.delete(film(1959), **rest),
    }
    with pytest.raises(pelton.ConditionalCheckFailedException):
        writes[verb](condition="stars < :five", values={":five": 5})
    assert films.get(film(1959)) == film(1959, stars=5)


def test_query_orders_by_the_sort_key_in_both_directions(films: pelton.Table) -> None:
    for year in (1960, 1944, 1950):
        films.put(film(year))
    wilder = {":director": "Wilder"}
    forward = films.query("director = :director", values=wilder)
    assert [each["year"] for each in forward] == [1944, 1950, 1960]
    backward = films.query("director = :director", values=wilder, reverse=True, limit=2)
    assert [each["year"] for each in backward] == [1960, 1950]


def test_queries_of_indexes_see_what_the_index_keeps(films: pelton.Table) -> None:
    films.put(film(1960, title="The Apartment", stars=5, minutes=125))
    titled = films.query("title = :t", values={":t": "The Apartment"}, index="by-title")
    assert list(titled) == [film(1960, title="The Apartment", stars=5, minutes=125)]
    starred = films.query(
        "director = :d AND stars > :s", values={":d": "Wilder", ":s": 4}, index="by-stars"
    )
    assert list(starred) == [film(1960, title="The Apartment", stars=5)]


def test_query_and_scan_go_on_over_pages_of_a_megabyte(films: pelton.Table) -> None:
    with films.batch() as batch:
        for year in range(30):
            batch.put(film(year, script="x" * 100_000))
    found = films.query("director = :d", values={":d": "Wilder"})
    assert [each["year"] for each in found] == list(range(30))
    assert sorted(each["year"] for each in films.scan()) == list(range(30))


def test_limit_counts_the_items_given_also_behind_a_filter(films: pelton.Table) -> None:
    with films.batch() as batch:
        for year in range(100):
            batch.put(film(year, stars=year % 5))
    found = films.scan(filter="stars = :best", values={":best": 4}, limit=7)
    assert [each["stars"] for each in found] == [4] * 7


def test_segments_of_a_scan_are_disjoint_and_complete(films: pelton.Table) -> None:
    with films.batch() as batch:
        for number in range(200):
            batch.put({"director": f"d{number}", "year": 1})
    parts = [list(films.scan(segment=(part, 3))) for part in range(3)]
    assert all(parts)
    assert sorted(each["director"] for part in parts for each in part) == sorted(
        f"d{number}" for number in range(200)
    )


def test_a_batch_keeps_the_last_write_of_a_key(films: pelton.Table) -> None:
    films.put(film(1))
    with films.batch() as batch:
        batch.put(film(2, stars=1))
        batch.put({"director": "Wilder", "year": Decimal("2.0"), "stars": 2})
        batch.delete(film(1))
        batch.put(film(3))
        batch.delete(film(3))
    assert list(films.query("director = :d", values={":d": "Wilder"})) == [film(2, stars=2)]


def test_a_batch_sends_nothing_more_after_an_exception(films: pelton.Table) -> None:
    with pytest.raises(KeyError), films.batch() as batch:
        batch.put(film(1))
        raise KeyError
    assert list(films.scan()) == []


def test_errors_of_values_say_where_they_stand(films: pelton.Table) -> None:
    with pytest.raises(TypeError, match=r"cast\[1\]: object is not a DynamoDB type"):
        films.put(film(1959, cast=["Monroe", object()]))


def test_errors_of_requests_are_those_of_the_api(films: pelton.Table) -> None:
    with pytest.raises(pelton.ValidationException, match="reserved keyword: year"):
        list(films.scan(filter="year = :y", values={":y": 1}))


def test_describe_and_the_stream_arn_tell_of_the_table(app: pelton.App) -> None:
    plain = app.table("plain", partition_key="id")
    streamed = app.table("streamed", partition_key="id", stream="KEYS_ONLY")
    assert plain.stream_arn is None
    assert streamed.stream_arn == streamed.describe()["LatestStreamArn"]
    assert plain.describe()["ItemCount"] == 0


def test_the_asynchronous_view_means_the_same(films: pelton.Table) -> None:
    async def story() -> None:
        await asyncio.gather(*(films.aio.put(film(year)) for year in range(40)))
        assert await films.aio.get(film(7)) == film(7)
        changed = await films.aio.update(
            film(7), "SET stars = :five", values={":five": 5}, returns="ALL_NEW"
        )
        assert changed == film(7, stars=5)
        assert await films.aio.delete(film(8), returns="ALL_OLD") == film(8)
        found = films.aio.query("director = :d", values={":d": "Wilder"}, limit=9)
        assert [each["year"] async for each in found] == [0, 1, 2, 3, 4, 5, 6, 7, 9]
        async with films.aio.batch() as batch:
            for year in range(40):
                await batch.delete(film(year))
            await batch.put(film(99))
        assert [each async for each in films.aio.scan()] == [film(99)]
        assert (await films.aio.describe())["ItemCount"] == 1

    asyncio.run(story())


def test_errors_reach_callers_that_await(films: pelton.Table) -> None:
    async def story() -> None:
        with pytest.raises(pelton.ConditionalCheckFailedException):
            await films.aio.update(
                film(1), "SET stars = :n", condition="stars > :n", values={":n": 1}
            )
        with pytest.raises(pelton.ValidationException):
            await films.aio.get({"director": "Wilder"})

    asyncio.run(story())


def test_a_caller_that_is_cancelled_while_it_awaits_harms_nobody(films: pelton.Table) -> None:
    async def story() -> None:
        writing = asyncio.ensure_future(films.aio.put(film(1)))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await films.aio.put(film(2))
        assert await films.aio.get(film(2)) == film(2)

    asyncio.run(story())
