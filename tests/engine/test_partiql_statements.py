"""ExecuteStatement: what each kind of statement reads and writes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from tests.region import Answer, Item, N, Region, S, index


def run(region: Region, text: str, *parameters: Any, **more: Any) -> list[Item]:
    items: list[Item] = execute(region, text, *parameters, **more)["Items"]
    return items


def execute(region: Region, text: str, *parameters: Any, **more: Any) -> Answer:
    if parameters:
        more["Parameters"] = list(parameters)
    return region.call("ExecuteStatement", Statement=text, **more)


def refusal(region: Region, text: str, *parameters: Any) -> tuple[str, str]:
    more = {"Parameters": list(parameters)} if parameters else {}
    return region.refusal("ExecuteStatement", Statement=text, **more)


@pytest.fixture
def songs(region: Region) -> Region:
    region.create("songs", "artist", "year", types={"artist": "S", "year": "N"})
    for artist, year, title in (("a", 1, "one"), ("a", 2, "two"), ("a", 3, "tri"), ("b", 1, "x")):
        run(
            region,
            "INSERT INTO songs VALUE {'artist': ?, 'year': ?, 'title': ?, 'info': {'n': [?, 5]}}",
            S(artist),
            N(year),
            S(title),
            N(year),
        )
    return region


def years(items: list[Item]) -> list[int]:
    return [int(item["year"]["N"]) for item in items]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("artist = 'a'", [1, 2, 3]),
        ("artist = 'a' AND year > 1", [2, 3]),
        ("artist = 'a' AND 1 < year", [2, 3]),
        ("artist = 'a' AND year BETWEEN 2 AND 3", [2, 3]),
        ("artist = 'a' AND title IN ('one', 'tri')", [1, 3]),
        ("artist = 'a' AND title IN ['one', 'tri']", [1, 3]),
        ("artist = 'a' AND begins_with(title, 't')", [2, 3]),
        ("artist = 'a' AND contains(title, 'n')", [1]),
        ("artist = 'a' AND NOT (title = 'one' OR title = 'two')", [3]),
        ("artist = 'a' AND title <> 'one'", [2, 3]),
        ("artist = 'a' AND year NOT BETWEEN 2 AND 3", [1]),
        ("artist = 'a' AND info.n[0] = 2", [2]),
        ("artist = 'a' AND size(title) = 3 AND attribute_type(title, 'S') AND year = 2", [2]),
        ("artist = 'a' AND missing_one IS MISSING AND title IS NOT MISSING AND year < 2", [1]),
        ("artist = 'a' AND title IS NULL", []),
        ("artist IN ('b', 'a', 'b')", [1, 1, 2, 3]),
        ("artist = 'a' ORDER BY year DESC", [3, 2, 1]),
        ("title = 'x'", [1]),
        ("\"artist\" = 'it''s'", []),
    ],
)
def test_where_selects(songs: Region, where: str, found: list[int]) -> None:
    assert years(run(songs, f"SELECT * FROM songs WHERE {where}")) == found


def test_select_shows_paths_by_their_last_name(songs: Region) -> None:
    shown = run(songs, "SELECT title, info.n FROM \"songs\" WHERE artist = 'a' AND year = 2")
    assert shown == [{"title": S("two"), "n": {"L": [N(2), N(5)]}}]


@pytest.mark.parametrize(
    "where", ["", " WHERE artist IN ('a', 'b')", " WHERE artist IN ['b','a'] ORDER BY year DESC"]
)
def test_pages_continue_where_they_stopped(songs: Region, where: str) -> None:
    text = f"SELECT * FROM songs{where}"
    whole = run(songs, text)
    paged: list[Item] = []
    more: dict[str, Any] = {}
    while True:
        answer = execute(songs, text, Limit=1, **more)
        assert len(answer["Items"]) <= 1
        paged += answer["Items"]
        if "NextToken" not in answer:
            break
        more = {"NextToken": answer["NextToken"]}
    assert paged == whole
    assert len(whole) == 4


def test_a_token_is_good_for_its_statement_only(songs: Region) -> None:
    token = execute(songs, "SELECT * FROM songs", Limit=1)["NextToken"]
    for text, given in (("SELECT title FROM songs", token), ("SELECT * FROM songs", "@@")):
        code, message = songs.refusal("ExecuteStatement", Statement=text, NextToken=given)
        assert code == "ValidationException"
        assert message.startswith("Given NextToken is invalid")


def test_partitions_come_in_order_where_asked(songs: Region) -> None:
    for order, expected in (("ASC", ["a", "a", "a", "b"]), ("DESC", ["b", "a", "a", "a"])):
        text = f"SELECT artist FROM songs WHERE artist IN ['b', 'a', 'c'] ORDER BY artist {order}"
        assert [item["artist"]["S"] for item in run(songs, text)] == expected
    text = "SELECT * FROM songs WHERE artist = 'b' OR artist = 'a' ORDER BY artist DESC, year ASC"
    assert years(run(songs, text)) == [1, 1, 2, 3]
    assert [item["artist"]["S"] for item in run(songs, text)] == ["b", "a", "a", "a"]


def test_an_or_of_partition_keys_reads_their_partitions_only(songs: Region) -> None:
    for where, rows in (("artist = 'a' OR artist = 'b'", 2), ("artist = 'a' OR year = 1", 4)):
        text = f"SELECT * FROM songs WHERE ({where}) AND year = 1"
        pages = 0
        token: dict[str, str] = {}
        while pages == 0 or token:
            answer = execute(songs, text, Limit=1, **token)
            pages += 1
            token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}
        assert pages == rows + 1


@pytest.mark.parametrize("start", [{"artist": 1}, {"artist": {"S": 1}}, {"artist": {}}, {}, []])
def test_a_forged_token_is_refused(songs: Region, start: Any) -> None:
    text = "SELECT * FROM songs WHERE artist IN ['a', 'b']"
    genuine = execute(songs, text, Limit=1)["NextToken"]
    digest, _ = json.loads(b64decode(genuine))
    forged = b64encode(json.dumps([digest, start]).encode()).decode()
    assert songs.refusal("ExecuteStatement", Statement=text, NextToken=forged) == (
        "ValidationException",
        "Given NextToken is invalid",
    )


def test_an_index_is_selected_from(region: Region) -> None:
    region.create(shared=[index("by-kind", "kind", "id")])
    for name in ("x", "y"):
        run(region, f"INSERT INTO things VALUE {{'id': '{name}', 'kind': 'k'}}")
    text = "SELECT id FROM things.\"by-kind\" WHERE kind = 'k' ORDER BY id DESC"
    pages = []
    more: dict[str, Any] = {}
    for _ in range(2):
        answer = execute(region, text, Limit=1, **more)
        pages.append(answer["Items"])
        more = {"NextToken": answer["NextToken"]}
    assert pages == [[{"id": S("y")}], [{"id": S("x")}]]
    assert execute(region, text, **more) == {"Items": []}


def test_an_insert_does_not_replace(songs: Region) -> None:
    assert refusal(songs, "INSERT INTO songs VALUE {'artist': 'a', 'year': 1}") == (
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )
    assert run(songs, "SELECT title FROM songs WHERE artist='a' AND year=1") == [
        {"title": S("one")}
    ]


def test_update_sets_removes_and_returns(songs: Region) -> None:
    here = "WHERE artist = 'a' AND year = 1"
    assert run(songs, f"UPDATE songs SET plays = 1 SET tags = <<'x', 'y'>> {here}") == []
    changed = run(
        songs,
        f"UPDATE songs SET plays = plays + 4, tags = set_add(tags, <<'z'>>) "
        f"SET info.n = list_append(info.n, [?]) REMOVE title {here} RETURNING MODIFIED NEW *",
        S("end"),
    )
    (modified,) = changed
    assert modified["plays"] == N(5)
    assert sorted(modified["tags"]["SS"]) == ["x", "y", "z"]
    assert modified["info"] == {"M": {"n": {"L": [N(1), N(5), S("end")]}}}
    (whole,) = run(
        songs, f"UPDATE songs SET tags = set_delete(tags, <<'x', 'y'>>) {here} RETURNING ALL NEW *"
    )
    assert whole["tags"] == {"SS": ["z"]}
    assert "title" not in whole
    (old,) = run(songs, f"UPDATE songs SET plays = plays - 2 {here} RETURNING MODIFIED OLD *")
    assert old == {"plays": N(5)}


def test_an_update_needs_its_item_and_its_condition(songs: Region) -> None:
    failed = ("ConditionalCheckFailedException", "The conditional request failed")
    assert refusal(songs, "UPDATE songs SET a = 1 WHERE artist = 'q' AND year = 1") == failed
    text = "UPDATE songs SET a = 1 WHERE artist = 'a' AND year = 1 AND title = ?"
    assert refusal(songs, text, S("two")) == failed
    assert run(songs, text, S("one")) == []


def test_delete_returns_what_it_took(songs: Region) -> None:
    text = "DELETE FROM songs WHERE artist = 'b' AND year = 1 RETURNING ALL OLD *"
    (old,) = run(songs, text)
    assert old["title"] == S("x")
    assert run(songs, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "UPDATE songs SET a = 1 WHERE artist = 'a'",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
        (
            "SELECT * FROM songs ORDER BY year",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            "SELECT * FROM songs WHERE artist = ?",
            "Number of parameters in request and statement don't match.",
        ),
        (
            "SELECTT * FROM songs",
            "Statement wasn't well formed, can't be processed: Unexpected SELECTT",
        ),
        (
            "UPDATE songs SET artist = 'z' WHERE artist = 'a' AND year = 1",
            "Cannot update attribute",
        ),
        (
            "UPDATE songs SET i.a = 1 SET i = 2 WHERE artist = 'a' AND year = 1",
            "Two document paths",
        ),
        ("UPDATE songs SET t = set_add(t, 'x') WHERE artist = 'a' AND year = 1", "take a set"),
        ("SELECT * FROM songs WHERE " + "(" * 500 + "a = 1" + ")" * 500, "nested too deeply"),
        ("SELECT * FROM songs WHERE " + "NOT " * 900 + "a = 1", "nested too deeply"),
        ("INSERT INTO songs VALUE {'artist': 'q', 'year': 1, 'l': <<>>}", "A set must have"),
        ("EXISTS(SELECT * FROM songs WHERE artist = 'a' AND year = 1)", "EXISTS is only supported"),
        ("SELECT * FROM songs.nowhere", "The table does not have the specified index: nowhere"),
    ],
)
def test_refusals(songs: Region, text: str, message: str) -> None:
    code, said = refusal(songs, text)
    assert code == "ValidationException"
    assert message in said


@pytest.mark.parametrize("value", [{}, {"S": 1}, {"S": "a", "N": "1"}, {"Q": "a"}])
def test_a_parameter_that_is_no_value(songs: Region, value: Any) -> None:
    for text in ("SELECT * FROM songs WHERE a = ?", "SELECT * FROM songs WHERE a = <<?>>"):
        code, _ = refusal(songs, text, value)
        assert code in ("ValidationException", "SerializationException")


def test_an_unknown_table(region: Region) -> None:
    assert refusal(region, "SELECT * FROM nowhere")[0] == "ResourceNotFoundException"


def test_units_are_told(songs: Region) -> None:
    answer = execute(songs, "SELECT * FROM songs WHERE artist='a'", ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == {"TableName": "songs", "CapacityUnits": 0.5}
