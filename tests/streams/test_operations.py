"""ListStreams and DescribeStream, and a stream's life: enabled, disabled, enabled anew."""

from __future__ import annotations

import pytest

from tests.region import Answer, N, Region, S

FOUR_HOURS = 4 * 3600
DISABLED = {"StreamEnabled": False}


def enabled(view_type: str) -> Answer:
    return {"StreamEnabled": True, "StreamViewType": view_type}


def describe(region: Region, arn: str, **more: object) -> Answer:
    description: Answer = region.call("DescribeStream", StreamArn=arn, **more)["StreamDescription"]
    return description


# --- DescribeStream --------------------------------------------------------------------------


def test_describe_stream_tells_all_that_aws_tells(region: Region) -> None:
    region.create("things", "id", "at", types={"at": "N"}, stream="OLD_IMAGE")
    arn = region.stream_arn()
    description = describe(region, arn)
    (shard,) = description.pop("Shards")
    assert description == {
        "StreamArn": arn,
        "StreamLabel": "2023-11-14T22:13:20.000",
        "StreamStatus": "ENABLED",
        "StreamViewType": "OLD_IMAGE",
        "CreationRequestDateTime": 1_700_000_000.0,
        "TableName": "things",
        "KeySchema": [
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
    }
    assert arn == (
        "arn:aws:dynamodb:us-east-1:000000000000:table/things/stream/2023-11-14T22:13:20.000"
    )
    assert set(shard) == {"ShardId", "SequenceNumberRange"}
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    table = region.describe()
    assert table["LatestStreamLabel"] == "2023-11-14T22:13:20.000"
    assert table["StreamSpecification"] == enabled("OLD_IMAGE")


def grow_lineage(region: Region, generations: int) -> str:
    region.create(stream="NEW_IMAGE")
    for number in range(generations):
        region.put({"id": S("a"), "n": N(number)})
        region.clock.advance(seconds=FOUR_HOURS)
    return region.stream_arn()


def test_describe_stream_pages_through_the_shards(region: Region) -> None:
    arn = grow_lineage(region, 7)
    whole = describe(region, arn)["Shards"]
    assert len(whole) == 7
    paged: list[Answer] = []
    sizes = []
    more: dict[str, object] = {}
    while True:
        page = describe(region, arn, Limit=3, **more)
        paged += page["Shards"]
        sizes.append(len(page["Shards"]))
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == page["Shards"][-1]["ShardId"]
        more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}
    assert paged == whole
    assert sizes == [3, 3, 1]


def test_describe_stream_gives_a_hundred_shards_at_most(region: Region) -> None:
    arn = grow_lineage(region, 101)
    page = describe(region, arn)
    assert len(page["Shards"]) == 100
    rest = describe(region, arn, ExclusiveStartShardId=page["LastEvaluatedShardId"])
    assert len(rest["Shards"]) == 1
    assert "LastEvaluatedShardId" not in rest


def test_a_start_behind_all_shards_gives_an_empty_page(region: Region) -> None:
    arn = grow_lineage(region, 2)
    page = describe(region, arn, ExclusiveStartShardId="shardId-99999999999999999999-00000000")
    assert page["Shards"] == []
    assert "LastEvaluatedShardId" not in page


def test_a_child_filter_gives_the_children_of_one_shard(region: Region) -> None:
    arn = grow_lineage(region, 3)
    first, second, third = describe(region, arn)["Shards"]

    def children(shard: Answer) -> list[Answer]:
        shard_filter = {"Type": "CHILD_SHARDS", "ShardId": shard["ShardId"]}
        found: list[Answer] = describe(region, arn, ShardFilter=shard_filter)["Shards"]
        return found

    assert children(first) == [second]
    assert children(second) == [third]
    assert children(third) == []


@pytest.mark.parametrize(
    "shard_filter",
    [
        {},
        {"Type": "CHILD_SHARDS"},
        {"ShardId": "shardId-00000001700000000000-00000000"},
        {"Type": "PARENTS", "ShardId": "shardId-00000001700000000000-00000000"},
    ],
)
def test_a_shard_filter_without_type_or_shard_is_refused(
    region: Region, shard_filter: Answer
) -> None:
    arn = grow_lineage(region, 1)
    code, _ = region.refusal("DescribeStream", StreamArn=arn, ShardFilter=shard_filter)
    assert code == "ValidationException"


def test_unknown_and_malformed_arns_have_different_errors(region: Region) -> None:
    missing = "arn:aws:dynamodb:us-east-1:000000000000:table/things/stream/2020-01-01T00:00:00.000"
    assert region.refusal("DescribeStream", StreamArn=missing) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {missing} not found",
    )
    code, _ = region.refusal("DescribeStream", StreamArn="things/stream/of/the/wrong/form/entirely")
    assert code == "ValidationException"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("DescribeStream", {"Limit": 0}),
        ("DescribeStream", {}),
        ("ListStreams", {"Limit": 0}),
        ("GetShardIterator", {"ShardIteratorType": "AT_TIMESTAMP"}),
        ("GetRecords", {"Limit": 0}),
        ("GetRecords", {"Limit": 1001}),
        ("GetRecords", {}),
    ],
)
def test_requests_outside_the_models_limits_are_refused(
    region: Region, operation: str, request_: Answer
) -> None:
    code, _ = region.refusal(operation, **request_)
    assert code == "ValidationException"


# --- ListStreams -----------------------------------------------------------------------------


def test_list_streams_pages_through_all_or_those_of_one_table(region: Region) -> None:
    for name in ("four", "one", "three", "two"):
        region.create(name, stream="KEYS_ONLY")
    region.create("none")
    region.call("UpdateTable", TableName="one", StreamSpecification=DISABLED)
    region.clock.advance(seconds=1)
    region.call("UpdateTable", TableName="one", StreamSpecification=enabled("KEYS_ONLY"))
    whole = region.call("ListStreams")
    assert [each["TableName"] for each in whole["Streams"]] == [
        "four",
        "one",
        "one",
        "three",
        "two",
    ]
    assert "LastEvaluatedStreamArn" not in whole
    assert region.call("ListStreams", TableName="one")["Streams"] == whole["Streams"][1:3]
    assert region.call("ListStreams", TableName="none")["Streams"] == []
    first = region.call("ListStreams", Limit=2)
    assert first["LastEvaluatedStreamArn"] == whole["Streams"][1]["StreamArn"]
    start = first["LastEvaluatedStreamArn"]
    second = region.call("ListStreams", Limit=3, ExclusiveStartStreamArn=start)
    assert first["Streams"] + second["Streams"] == whole["Streams"]
    assert "LastEvaluatedStreamArn" not in second


def test_a_page_of_list_streams_goes_on_although_its_table_was_deleted(region: Region) -> None:
    for name in ("one", "three", "two"):
        region.create(name, stream="KEYS_ONLY")
    first = region.call("ListStreams", Limit=1)
    region.call("DeleteTable", TableName="one")
    region.clock.advance(seconds=25 * 3600)
    region.streams.trim()
    rest = region.call("ListStreams", ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert [each["TableName"] for each in rest["Streams"]] == ["three", "two"]


# --- a stream's life -------------------------------------------------------------------------


def test_a_stream_enabled_later_tells_only_what_comes_later(region: Region) -> None:
    region.create()
    region.put({"id": S("before")})
    region.clock.advance(seconds=1)
    answer = region.call(
        "UpdateTable", TableName="things", StreamSpecification=enabled("NEW_IMAGE")
    )
    description = answer["TableDescription"]
    assert description["StreamSpecification"] == enabled("NEW_IMAGE")
    assert description["LatestStreamLabel"] == "2023-11-14T22:13:21.000"
    region.put({"id": S("after")})
    (record,) = region.records(description["LatestStreamArn"])
    assert record["dynamodb"]["Keys"] == {"id": S("after")}


def test_disabling_closes_the_shards_and_keeps_the_records(region: Region) -> None:
    region.create(stream="NEW_IMAGE", write_units=3000)
    arn = region.stream_arn()
    for number in range(20):
        region.put({"id": S(str(number))})
    before = region.records(arn)
    open_iterators = [
        region.iterator(arn, shard["ShardId"], "LATEST") for shard in region.shards(arn)
    ]
    region.call("UpdateTable", TableName="things", StreamSpecification=DISABLED)
    region.put({"id": S("unheard")})
    description = describe(region, arn)
    assert description["StreamStatus"] == "DISABLED"
    assert all(
        "EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in description["Shards"]
    )
    assert region.records(arn) == before
    assert [region.read(iterator) for iterator in open_iterators] == [([], None)] * 4
    table = region.describe()
    assert "StreamSpecification" not in table
    assert table["LatestStreamArn"] == arn


def test_enabling_again_makes_a_new_stream_beside_the_old(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    old = region.stream_arn()
    region.put({"id": S("one")})
    region.call("UpdateTable", TableName="things", StreamSpecification=DISABLED)
    region.put({"id": S("two")})
    region.call("UpdateTable", TableName="things", StreamSpecification=enabled("KEYS_ONLY"))
    new = region.stream_arn()
    region.put({"id": S("three")})
    assert new != old
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in region.records(old)] == ["one"]
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in region.records(new)] == ["three"]
    assert "ParentShardId" not in region.shards(new)[0]
    assert describe(region, old)["StreamStatus"] == "DISABLED"
    assert describe(region, old)["StreamViewType"] == "NEW_IMAGE"
    assert describe(region, new)["StreamStatus"] == "ENABLED"
    assert describe(region, new)["StreamViewType"] == "KEYS_ONLY"


def test_a_stream_cannot_be_enabled_twice_or_disabled_when_there_is_none(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    for view_type in ("NEW_IMAGE", "KEYS_ONLY"):
        assert region.refusal(
            "UpdateTable", TableName="things", StreamSpecification=enabled(view_type)
        ) == (
            "ValidationException",
            "Table already has an enabled stream: TableName: things",
        )
    region.call("UpdateTable", TableName="things", StreamSpecification=DISABLED)
    assert region.refusal("UpdateTable", TableName="things", StreamSpecification=DISABLED) == (
        "ValidationException",
        "Table has no stream to disable: TableName: things",
    )


def test_the_stream_of_a_deleted_table_is_disabled_and_can_be_read(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    arn = region.stream_arn()
    region.put({"id": S("a")})
    iterator = region.iterator(arn, region.shards(arn)[0]["ShardId"])
    region.call("DeleteTable", TableName="things")
    description = describe(region, arn)
    assert description["StreamStatus"] == "DISABLED"
    assert description["TableName"] == "things"
    records, at = region.read(iterator)
    # Dropping a table is not a change of its items.
    assert [record["eventName"] for record in records] == ["INSERT"]
    assert at is None
    assert [each["StreamArn"] for each in region.call("ListStreams")["Streams"]] == [arn]


def test_a_table_made_again_under_its_name_has_a_stream_of_its_own(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    old = region.stream_arn()
    region.put({"id": S("old")})
    region.call("DeleteTable", TableName="things")
    # In the same millisecond: the ARN would be the same without some care.
    region.create(stream="KEYS_ONLY")
    new = region.stream_arn()
    region.put({"id": S("new")})
    assert new != old
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in region.records(old)] == ["old"]
    assert [each["dynamodb"]["Keys"]["id"]["S"] for each in region.records(new)] == ["new"]
    assert len(region.call("ListStreams", TableName="things")["Streams"]) == 2
