"""Secondary indexes: what they hold after every kind of change, and how they are read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, index

PROJECTIONS: dict[str, Answer] = {
    "ALL": {"projection": "ALL"},
    "KEYS_ONLY": {"projection": "KEYS_ONLY"},
    "INCLUDE": {"projection": "INCLUDE", "include": ["shown", "sometimes"]},
}


def query(region: Region, name: str, condition: str, values: Item, **more: Any) -> list[Item]:
    return region.items(
        "Query",
        TableName="things",
        IndexName=name,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **more,
    )


def create(region: Region, projection: str = "ALL") -> None:
    """A table with a local index over `score` and a global one over `team` and `score`."""
    region.create(
        "things",
        "id",
        "seq",
        types={"seq": "N", "score": "N"},
        local=[index("by-score", "id", "score", is_local=True, **PROJECTIONS[projection])],
        shared=[index("by-team", "team", "score", **PROJECTIONS[projection])],
    )


def thing(seq: int, **more: dict[str, Any]) -> Item:
    return {"id": S("a"), "seq": N(seq), **more}


FULL = thing(1, team=S("red"), score=N(7), shown=S("x"), secret=S("y"))


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_an_index_shows_what_its_projection_keeps(region: Region, projection: str) -> None:
    create(region, projection)
    region.put(FULL)
    keys = {"id", "seq", "score"}
    extra = {"ALL": set(FULL), "KEYS_ONLY": set(), "INCLUDE": {"shown"}}[projection]
    (local,) = query(region, "by-score", "id = :id", {":id": S("a")})
    assert local == {name: value for name, value in FULL.items() if name in keys | extra}
    (shared,) = query(region, "by-team", "team = :t", {":t": S("red")})
    assert shared == {
        name: value for name, value in FULL.items() if name in keys | {"team"} | extra
    }
    assert index_faults(region, "things") == []


CHANGES: dict[str, tuple[str, Item]] = {
    "an attribute that is not in any index": ("SET secret = :v", {":v": S("z")}),
    "an attribute that is projected": ("SET shown = :v", {":v": S("z")}),
    "a projected attribute that was missing": ("SET sometimes = :v", {":v": S("z")}),
    "the removal of a projected attribute": ("REMOVE shown", {}),
    "the index's partition key": ("SET team = :v", {":v": S("blue")}),
    "the index's sort key": ("SET score = :v", {":v": N("-7.5")}),
    "both keys": ("SET team = :t, score = :r", {":t": S("blue"), ":r": N(0)}),
    "the removal of the partition key": ("REMOVE team", {}),
    "the removal of the sort key": ("REMOVE score", {}),
    "the removal of both": ("REMOVE team, score", {}),
    "an addition to the sort key": ("ADD score :v", {":v": N(3)}),
}


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("name", CHANGES)
def test_indexes_follow_the_change_of(region: Region, name: str, projection: str) -> None:
    expression, values = CHANGES[name]
    create(region, projection)
    for seq in range(4):
        region.put({**FULL, "seq": N(seq)})
    more: dict[str, Any] = {"values": values} if values else {}
    changed = region.update(
        {"id": S("a"), "seq": N(2)}, expression, ReturnValues="ALL_NEW", **more
    )["Attributes"]
    assert index_faults(region, "things") == []
    in_team = [item["seq"]["N"] for item in query(region, "by-team", "team = :t", {":t": S("red")})]
    stays = changed.get("team") == S("red") and "score" in changed
    assert sorted(in_team) == (["0", "1", "2", "3"] if stays else ["0", "1", "3"])
    region.put({**FULL, "seq": N(2)})
    assert len(query(region, "by-team", "team = :t", {":t": S("red")})) == 4
    assert index_faults(region, "things") == []


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_puts_and_deletes_leave_nothing_behind(region: Region, projection: str) -> None:
    create(region, projection)
    region.put(FULL)
    region.put(thing(1, team=S("blue"), score=N(7)))
    assert query(region, "by-team", "team = :t", {":t": S("red")}) == []
    region.put(thing(1, team=S("blue")))
    assert region.call("Scan", TableName="things", IndexName="by-team")["Count"] == 0
    assert region.call("Scan", TableName="things", IndexName="by-score")["Count"] == 0
    region.put(FULL)
    region.delete({"id": S("a"), "seq": N(1)})
    assert region.call("Scan", TableName="things", IndexName="by-team")["Count"] == 0
    assert region.call("Scan", TableName="things", IndexName="by-score")["Count"] == 0
    assert index_faults(region, "things") == []


def test_an_index_is_sparse(region: Region) -> None:
    create(region)
    region.put(thing(1))
    region.put(thing(2, team=S("red")))
    region.put(thing(3, score=N(1)))
    region.put(thing(4, team=S("red"), score=N(1)))
    by_team = region.call("Scan", TableName="things", IndexName="by-team")["Items"]
    assert [item["seq"]["N"] for item in by_team] == ["4"]
    by_score = region.call("Scan", TableName="things", IndexName="by-score")["Items"]
    assert [item["seq"]["N"] for item in by_score] == ["3", "4"]


def test_index_entries_sort_by_number_and_then_by_the_items_own_keys(region: Region) -> None:
    create(region)
    scores = [3, -1, 10, 2, 3, 3, -20, 0]
    for seq, score in enumerate(scores):
        region.put(thing(seq, team=S("red"), score=N(score)))
    found = query(region, "by-team", "team = :t", {":t": S("red")})
    expected = sorted((score, seq) for seq, score in enumerate(scores))
    assert [(int(item["score"]["N"]), int(item["seq"]["N"])) for item in found] == expected
    backwards = query(region, "by-team", "team = :t", {":t": S("red")}, ScanIndexForward=False)
    assert backwards == found[::-1]
    some = query(
        region,
        "by-team",
        "team = :t AND score BETWEEN :low AND :high",
        {":t": S("red"), ":low": N(0), ":high": N(3)},
    )
    assert [int(item["score"]["N"]) for item in some] == [0, 2, 3, 3, 3]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("is_forward", [True, False])
def test_pages_of_an_index_with_equal_keys_join_to_the_whole(
    region: Region, limit: int, is_forward: bool
) -> None:
    create(region, "KEYS_ONLY")
    for seq in range(7):
        region.put(thing(seq, team=S("red"), score=N(seq // 4)))
    for name, condition, values in (
        ("by-team", "team = :t", {":t": S("red")}),
        ("by-team", "team = :t AND score = :r", {":t": S("red"), ":r": N(0)}),
        ("by-score", "id = :id", {":id": S("a")}),
    ):
        whole = query(region, name, condition, values, ScanIndexForward=is_forward)
        paged = query(region, name, condition, values, ScanIndexForward=is_forward, Limit=limit)
        assert paged == whole and len(whole) in (4, 7)
    page = region.call("Scan", TableName="things", IndexName="by-team", Limit=limit)
    assert set(page["LastEvaluatedKey"]) == {"id", "seq", "team", "score"}
    scanned = region.items("Scan", TableName="things", IndexName="by-team", Limit=limit)
    assert sorted(item["seq"]["N"] for item in scanned) == [str(seq) for seq in range(7)]


def test_a_local_index_fetches_what_it_does_not_keep(region: Region) -> None:
    create(region, "KEYS_ONLY")
    region.put(FULL)
    whole = query(region, "by-score", "id = :id", {":id": S("a")}, Select="ALL_ATTRIBUTES")
    assert whole == [FULL]
    shown = query(
        region, "by-score", "id = :id", {":id": S("a")}, ProjectionExpression="secret, score"
    )
    assert shown == [{"secret": S("y"), "score": N(7)}]
    kept = query(region, "by-score", "id = :id", {":id": S("a")}, Select="ALL_PROJECTED_ATTRIBUTES")
    assert kept == [thing(1, score=N(7))]


def test_a_local_index_may_be_read_consistently(region: Region) -> None:
    create(region)
    region.put(FULL)
    assert query(region, "by-score", "id = :id", {":id": S("a")}, ConsistentRead=True) == [FULL]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"Select": "ALL_ATTRIBUTES"},
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
            "supported for global secondary index by-team because its projection type is not ALL",
        ),
        (
            {"ProjectionExpression": "score, secret"},
            "One or more parameter values were invalid: Global secondary index by-team does not "
            "project [secret]",
        ),
        (
            {"ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
    ],
)
def test_a_global_index_gives_no_more_than_it_keeps(
    region: Region, more: Answer, message: str
) -> None:
    create(region, "KEYS_ONLY")
    assert region.refusal(
        "Query",
        TableName="things",
        IndexName="by-team",
        KeyConditionExpression="team = :t",
        ExpressionAttributeValues={":t": S("red")},
        **more,
    ) == ("ValidationException", message)


def test_a_filter_on_an_index_counts_what_it_saw(region: Region) -> None:
    create(region)
    for seq in range(6):
        region.put(thing(seq, team=S("red"), score=N(seq), even={"BOOL": seq % 2 == 0}))
    page = region.call(
        "Query",
        TableName="things",
        IndexName="by-team",
        KeyConditionExpression="team = :t",
        FilterExpression="even = :e",
        ExpressionAttributeValues={":t": S("red"), ":e": {"BOOL": True}},
    )
    assert (page["Count"], page["ScannedCount"]) == (3, 6)


INDEX_KEY_ERRORS = [
    (
        {"score": S("7"), "team": S("red")},
        "One or more parameter values were invalid: Type mismatch for Index Key score Expected: N "
        "Actual: S IndexName: by-",
    ),
    (
        {"score": N(1), "team": S("")},
        "One or more parameter values are not valid. A value specified for a secondary index key "
        "is not supported. The AttributeValue for a key attribute cannot contain an empty string "
        "value. IndexName: by-team, IndexKey: team",
    ),
]


@pytest.mark.parametrize(("attributes", "message"), INDEX_KEY_ERRORS)
def test_index_keys_of_the_wrong_type_or_empty_are_refused(
    region: Region, attributes: Item, message: str
) -> None:
    create(region)
    code, told = region.refusal("PutItem", TableName="things", Item=thing(1, **attributes))
    assert (code, told[: len(message)]) == ("ValidationException", message)
    region.put(thing(1))
    for name, value in attributes.items():
        if value in (S("7"), S("")):
            code, _ = region.refusal(
                "UpdateItem",
                TableName="things",
                Key=thing(1),
                UpdateExpression="SET #a = :v",
                ExpressionAttributeNames={"#a": name},
                ExpressionAttributeValues={":v": value},
            )
            assert code == "ValidationException"
    code, _ = region.refusal(
        "BatchWriteItem",
        RequestItems={"things": [{"PutRequest": {"Item": thing(1, **attributes)}}]},
    )
    assert code == "ValidationException"
    assert region.call("Scan", TableName="things")["Items"] == [thing(1)]
    assert index_faults(region, "things") == []


def test_an_index_may_share_its_keys_with_the_table_turned_around(region: Region) -> None:
    region.create(
        "things", "id", "seq", shared=[index("inverted", "seq", "id", projection="KEYS_ONLY")]
    )
    for one in ("a", "b", "c"):
        for two in ("x", "y"):
            region.put({"id": S(one), "seq": S(two), "v": S("secret")})
    found = query(region, "inverted", "seq = :s", {":s": S("x")})
    assert found == [{"id": S(one), "seq": S("x")} for one in ("a", "b", "c")]
    pages = query(region, "inverted", "seq = :s", {":s": S("x")}, Limit=1)
    assert pages == found
    assert index_faults(region, "things") == []


def test_several_indexes_over_one_attribute_stay_apart(region: Region) -> None:
    region.create(
        "things",
        "id",
        shared=[
            index("one", "team"),
            index("two", "team", "city", projection="KEYS_ONLY"),
            index("three", "city", projection="INCLUDE", include=["team"]),
        ],
    )
    region.put({"id": S("a"), "team": S("red"), "city": S("rome"), "v": S("x")})
    region.put({"id": S("b"), "team": S("red"), "v": S("x")})
    counts = {
        name: region.call("Scan", TableName="things", IndexName=name)["Count"]
        for name in ("one", "two", "three")
    }
    assert counts == {"one": 2, "two": 1, "three": 1}
    region.update({"id": S("b")}, "SET city = :c REMOVE team", values={":c": S("rome")})
    assert index_faults(region, "things") == []


OTHER_KIND = (
    "One or more parameter values were invalid: Type mismatch for Index Key v Expected: S "
    "Actual: N IndexName: by-v"
)
ENTERED = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
    "IndexKey: v"
)
UNSUPPORTED = (
    "The update expression attempted to update the secondary index key to unsupported type"
)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SET m.x = n ADD v :one", OTHER_KIND),
        ("SET v = n + :one", OTHER_KIND),
        ("SET v = :one", OTHER_KIND),
        ("SET v[1] = :one", ENTERED),
        ("SET m = v.x, l = :one", ENTERED),
        ("REMOVE v.x SET n = :one", ENTERED),
        ("SET v = n, m = :one", UNSUPPORTED),
        ("SET v = if_not_exists(n, :one)", UNSUPPORTED),
    ],
)
def test_an_update_leaves_index_keys_what_they_are(
    region: Region, expression: str, message: str
) -> None:
    region.create(shared=[index("by-v", "v")])
    region.put({"id": S("a"), "v": S("x"), "n": N(1)})
    assert region.refusal(
        "UpdateItem",
        TableName="things",
        Key={"id": S("a")},
        UpdateExpression=expression,
        ExpressionAttributeValues={":one": N(1)},
    ) == ("ValidationException", message)
    assert region.get({"id": S("a")}) == {"id": S("a"), "v": S("x"), "n": N(1)}
