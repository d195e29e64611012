"""CreateTable, DescribeTable, ListTables, UpdateTable and DeleteTable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, definitions, index, key_schema

INVALID = "One or more parameter values were invalid: "
CAPACITY = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
WARM = {"ReadUnitsPerSecond": 1, "WriteUnitsPerSecond": 1}


def create_request(**more: Any) -> Answer:
    return {
        "TableName": "things",
        "KeySchema": key_schema("id"),
        "AttributeDefinitions": definitions(["id"], {}),
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def test_a_new_table_is_active_and_described_in_full(region: Region) -> None:
    created = region.create(
        "things",
        "id",
        "n",
        types={"n": "N"},
        stream="KEYS_ONLY",
        local=[index("by-v", "id", "v", is_local=True, projection="INCLUDE", include=["w"])],
        shared=[index("by-w", "w")],
    )
    assert region.describe() == created
    table_id = created.pop("TableId")
    assert len(table_id) == 36
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
    assert created == {
        "TableName": "things",
        "TableArn": arn,
        "TableStatus": "ACTIVE",
        "CreationDateTime": 1_700_000_000.0,
        "ItemCount": 0,
        "TableSizeBytes": 0,
        "DeletionProtectionEnabled": False,
        "KeySchema": key_schema("id", "n"),
        "AttributeDefinitions": definitions(["id", "n", "v", "w"], {"n": "N"}),
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **CAPACITY},
        "WarmThroughput": {**WARM, "Status": "ACTIVE"},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        "LatestStreamLabel": "2023-11-14T22:13:20.000",
        "LatestStreamArn": f"{arn}/stream/2023-11-14T22:13:20.000",
        "LocalSecondaryIndexes": [
            {
                "IndexName": "by-v",
                "IndexArn": f"{arn}/index/by-v",
                "KeySchema": key_schema("id", "v"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["w"]},
                "ItemCount": 0,
                "IndexSizeBytes": 0,
            }
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-w",
                "IndexArn": f"{arn}/index/by-w",
                "IndexStatus": "ACTIVE",
                "KeySchema": key_schema("w"),
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **CAPACITY},
                "WarmThroughput": {**WARM, "Status": "ACTIVE"},
                "ItemCount": 0,
                "IndexSizeBytes": 0,
            }
        ],
    }


def test_counts_and_sizes_follow_the_items(region: Region) -> None:
    region.create(shared=[index("by-v", "v", projection="KEYS_ONLY")])
    for number in range(10):
        region.put({"id": S(str(number)), "v": S("abc"), "w": N(12)})
    region.put({"id": S("0"), "w": N(1)})
    region.delete({"id": S("1")})
    region.delete({"id": S("absent")})
    region.update({"id": S("2")}, "SET w = :w", values={":w": N(12345)})
    described = region.describe()
    (by_v,) = described["GlobalSecondaryIndexes"]
    # id and a digit: 3; v and abc: 4; w and 12: 3; w and 1: 3; w and 12345: 5.
    assert (described["ItemCount"], described["TableSizeBytes"]) == (9, 6 + 7 * 10 + 12)
    assert (by_v["ItemCount"], by_v["IndexSizeBytes"]) == (8, 8 * 7)


def test_tables_are_listed_in_order_and_in_pages(region: Region) -> None:
    names = sorted(f"table-{number:03}" for number in range(105))
    for name in reversed(names):
        region.create(name)
    first = region.call("ListTables")
    assert first == {"TableNames": names[:100], "LastEvaluatedTableName": names[99]}
    rest = region.call("ListTables", ExclusiveStartTableName=names[99])
    assert rest == {"TableNames": names[100:]}
    assert region.call("ListTables", Limit=2, ExclusiveStartTableName="table-003x") == {
        "TableNames": names[4:6],
        "LastEvaluatedTableName": names[5],
    }


def test_tables_survive_a_reopening_of_the_file(tmp_path: Path) -> None:
    first = Region(tmp_path / "x.db")
    first.create(
        "things", "id", "n", types={"n": "N"}, stream="NEW_IMAGE", shared=[index("by-v", "v")]
    )
    first.put({"id": S("a"), "n": N(1), "v": S("x")})
    described = first.describe()
    first.close()
    again = Region(tmp_path / "x.db")
    assert again.describe() == described
    assert again.get({"id": S("a"), "n": N(1)}) is not None
    assert index_faults(again, "things") == []
    again.close()


LOCAL: Answer = {
    "IndexName": "by-v",
    "KeySchema": key_schema("id", "v"),
    "Projection": {"ProjectionType": "ALL"},
}
SHARED: Answer = {**LOCAL, "KeySchema": key_schema("v")}
ID_V = {"AttributeDefinitions": definitions(["id", "v"], {})}
TWO_KEYS = {
    "KeySchema": key_schema("id", "sk"),
    "AttributeDefinitions": definitions(["id", "sk", "v"], {}),
}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"AttributeDefinitions": definitions(["other"], {})},
            INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            "[id], AttributeDefinitions: [other]",
        ),
        (
            ID_V,
            INVALID + "Number of attributes in KeySchema does not exactly match number of "
            "attributes defined in AttributeDefinitions",
        ),
        (
            {"KeySchema": key_schema("id", "id")},
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            {
                "KeySchema": [*key_schema("id"), {"AttributeName": "v", "KeyType": "HASH"}],
                **ID_V,
            },
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ),
        (
            {"KeySchema": key_schema("id", "id"), **ID_V},
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            {"KeySchema": [{"AttributeName": "other", "KeyType": "RANGE"}]},
            INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: "
            "[other], AttributeDefinitions: [id]",
        ),
        (
            {"AttributeDefinitions": definitions(["id"], {}) * 2},
            "Attribute Name is duplicated: id",
        ),
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {**CAPACITY, "ReadCapacityUnits": 10**12 + 1},
            },
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
        ),
        (
            {"KeySchema": [{"AttributeName": "id", "KeyType": "RANGE"}]},
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED",
        ),
        (
            {"ProvisionedThroughput": CAPACITY},
            INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
            "BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"LocalSecondaryIndexes": [LOCAL], **ID_V},
            INVALID + "Table KeySchema does not have a range key, which is required when "
            "specifying a LocalSecondaryIndex",
        ),
        (
            {"LocalSecondaryIndexes": [LOCAL, LOCAL], **TWO_KEYS},
            INVALID + "Duplicate index name: by-v",
        ),
        (
            {"LocalSecondaryIndexes": [{**LOCAL, "KeySchema": key_schema("id")}], **TWO_KEYS},
            INVALID + "Index KeySchema does not have a range key for index: by-v",
        ),
        (
            {"LocalSecondaryIndexes": [{**LOCAL, "KeySchema": key_schema("v", "sk")}], **TWO_KEYS},
            INVALID + "Index KeySchema does not have the same leading hash key as table KeySchema "
            "for index: by-v. index hash key: v, table hash key: id",
        ),
        (
            {"GlobalSecondaryIndexes": []},
            INVALID + "List of GlobalSecondaryIndexes is empty",
        ),
        (
            {"GlobalSecondaryIndexes": [{**SHARED, "Projection": {}}], **ID_V},
            INVALID + "Unknown ProjectionType: null",
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    {
                        **SHARED,
                        "Projection": {"ProjectionType": "ALL", "NonKeyAttributes": ["w"]},
                    }
                ],
                **ID_V,
            },
            INVALID + "ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
        (
            {
                "GlobalSecondaryIndexes": [{**SHARED, "Projection": {"ProjectionType": "INCLUDE"}}],
                **ID_V,
            },
            INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    {**SHARED, "IndexName": f"index-{number}"} for number in range(21)
                ],
                **ID_V,
            },
            INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True}},
            INVALID + "If stream is being enabled then UpdateViewType is required",
        ),
    ],
)
def test_definitions_that_contradict_themselves_are_refused(
    region: Region, more: Answer, message: str
) -> None:
    assert region.refusal("CreateTable", **create_request(**more)) == (
        "ValidationException",
        message,
    )
    assert region.call("ListTables") == {"TableNames": []}


def test_a_name_is_given_once(region: Region) -> None:
    region.create()
    assert region.refusal("CreateTable", **create_request()) == (
        "ResourceInUseException",
        "Table already exists: things",
    )


# --- DeleteTable -----------------------------------------------------------------------------


def test_a_deleted_table_is_gone_with_its_items_and_indexes(region: Region) -> None:
    region.create(shared=[index("by-v", "v")])
    region.put({"id": S("a"), "v": S("x")})
    answer = region.call("DeleteTable", TableName="things")["TableDescription"]
    assert (answer["TableName"], answer["TableStatus"]) == ("things", "DELETING")
    assert region.call("ListTables") == {"TableNames": []}
    not_found = "Requested resource not found: Table: things not found"
    for operation in ("DescribeTable", "DeleteTable"):
        assert region.refusal(operation, TableName="things") == (
            "ResourceNotFoundException",
            not_found,
        )
    region.create(shared=[index("by-v", "v")])
    assert region.call("Scan", TableName="things")["Count"] == 0
    assert region.call("Scan", TableName="things", IndexName="by-v")["Count"] == 0


def test_a_protected_table_is_not_deleted(region: Region) -> None:
    region.call("CreateTable", **create_request(DeletionProtectionEnabled=True))
    assert region.describe()["DeletionProtectionEnabled"] is True
    assert region.refusal("DeleteTable", TableName="things") == (
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. Disable "
        "deletion protection first.",
    )
    region.call("UpdateTable", TableName="things", DeletionProtectionEnabled=False)
    region.call("DeleteTable", TableName="things")


def test_writes_prepared_before_a_table_was_made_anew_meet_the_new_one(region: Region) -> None:
    region.create("things", "id", "n", types={"n": "N"})
    request = {"TableName": "things", "Item": {"id": S("a"), "n": N(1)}}
    _, fits = region.database.prepare("PutItem", request)
    region.call("DeleteTable", TableName="things")
    code = [type(error).__name__ for error in region.together(fits)]
    assert code == ["ResourceNotFoundException"]
    region.create("things", "id", "n")
    assert [type(error).__name__ for error in region.together(fits)] == ["ValidationException"]
    region.call("DeleteTable", TableName="things")
    region.create("things", "id", shared=[index("by-n", "n")])
    assert [type(error).__name__ for error in region.together(fits)] == ["ValidationException"]
    region.call("DeleteTable", TableName="things")
    region.create("things", "id")
    assert region.together(fits) == [None]
    assert region.get({"id": S("a")}) == {"id": S("a"), "n": N(1)}


# --- UpdateTable: indexes --------------------------------------------------------------------


def create_index(region: Region, definition: Answer, **types: str) -> Answer:
    names = [element["AttributeName"] for element in definition["KeySchema"]]
    answer: Answer = region.call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=definitions(names, types),
        GlobalSecondaryIndexUpdates=[{"Create": definition}],
    )
    return answer


def delete_index(region: Region, name: str) -> Answer:
    return region.call(
        "UpdateTable",
        TableName="things",
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}],
    )


@pytest.fixture
def filled(region: Region) -> Region:
    region.create("things", "id", "sk", types={"sk": "N"}, stream="KEYS_ONLY")
    for number in range(30):
        item: Item = {"id": S("ab"[number % 2]), "sk": N(number), "w": S("x")}
        if number % 3:
            item["team"] = S(f"team {number % 5}")
        region.put(item)
    return region


@pytest.mark.parametrize(
    "definition",
    [
        index("by-team", "team", "sk"),
        index("by-team", "team", projection="KEYS_ONLY"),
        index("by-team", "w", "team", projection="INCLUDE", include=["id"]),
    ],
)
def test_a_new_index_holds_the_items_that_were_there(filled: Region, definition: Answer) -> None:
    records = filled.records()
    answer = create_index(filled, definition, sk="N")
    (described,) = answer["TableDescription"]["GlobalSecondaryIndexes"]
    assert described["IndexStatus"] == "ACTIVE"
    assert filled.describe()["GlobalSecondaryIndexes"][0]["ItemCount"] == 20
    assert index_faults(filled, "things") == []
    assert filled.records() == records, "an index is no change of the items"
    filled.put({"id": S("c"), "sk": N(1), "team": S("new"), "w": S("y")})
    filled.delete({"id": S("a"), "sk": N(2)})
    assert index_faults(filled, "things") == []


def test_items_that_do_not_fit_a_new_index_are_left_out_and_stay_usable(region: Region) -> None:
    region.create()
    wrong: list[dict[str, Any]] = [N(1), S(""), {"NULL": True}, {"SS": ["x"]}, {"M": {}}]
    for number, team in enumerate(wrong):
        region.put({"id": S(str(number)), "team": team})
    region.put({"id": S("right"), "team": S("red")})
    create_index(region, index("by-team", "team"))
    shown = region.call("Scan", TableName="things", IndexName="by-team")["Items"]
    assert [item["id"]["S"] for item in shown] == ["right"]
    assert region.describe()["GlobalSecondaryIndexes"][0]["ItemCount"] == 1
    for number in range(len(wrong)):
        region.update({"id": S(str(number))}, "SET v = :v", values={":v": S("x")})
    assert region.call("Scan", TableName="things", IndexName="by-team")["Count"] == 1
    code, _ = region.refusal(
        "UpdateItem",
        TableName="things",
        Key={"id": S("0")},
        UpdateExpression="SET team = :t",
        ExpressionAttributeValues={":t": N(2)},
    )
    assert code == "ValidationException"
    region.update({"id": S("0")}, "SET team = :t", values={":t": S("red")})
    region.put({"id": S("1"), "team": S("red")})
    region.update({"id": S("2")}, "REMOVE team")
    region.delete({"id": S("3")})
    shown = region.call("Scan", TableName="things", IndexName="by-team")["Items"]
    assert sorted(item["id"]["S"] for item in shown) == ["0", "1", "right"]


def test_a_deleted_index_is_gone_and_its_attribute_free(filled: Region) -> None:
    create_index(filled, index("by-team", "team", "sk"), sk="N")
    described = delete_index(filled, "by-team")["TableDescription"]
    assert "GlobalSecondaryIndexes" not in described
    assert described["AttributeDefinitions"] == definitions(["id", "sk"], {"sk": "N"})
    assert filled.refusal("Scan", TableName="things", IndexName="by-team") == (
        "ValidationException",
        "The table does not have the specified index: by-team",
    )
    filled.put({"id": S("c"), "sk": N(1), "team": N(5)})
    create_index(filled, index("by-team", "team", "sk"), sk="N")
    assert filled.describe()["GlobalSecondaryIndexes"][0]["ItemCount"] == 20


def test_members_that_the_api_does_not_have_are_passed_over(filled: Region) -> None:
    update = {"Create": index("by-team", "team"), "Creates": "nothing", "Drop": None}
    filled.call(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "team", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[update],
    )
    assert filled.describe()["GlobalSecondaryIndexes"][-1]["IndexName"] == "by-team"


def test_writes_prepared_before_an_index_existed_fill_it(filled: Region) -> None:
    item: Item = {"id": S("c"), "sk": N(1), "team": S("new")}
    request = {"TableName": "things", "Item": item}
    _, put = filled.database.prepare("PutItem", request)
    create_index(filled, index("by-team", "team"))
    assert filled.together(put) == [None]
    assert index_faults(filled, "things") == []
    found = filled.items(
        "Query",
        TableName="things",
        IndexName="by-team",
        KeyConditionExpression="team = :t",
        ExpressionAttributeValues={":t": S("new")},
    )
    assert found == [item]


@pytest.mark.parametrize(
    ("update", "code"),
    [
        ({"Create": index("by-team", "team")}, "ValidationException"),
        ({"Create": index("more", "undefined")}, "ValidationException"),
        ({"Delete": {"IndexName": "none"}}, "ResourceNotFoundException"),
        (
            {"Update": {"IndexName": "none", "ProvisionedThroughput": CAPACITY}},
            "ResourceNotFoundException",
        ),
        ({}, "ValidationException"),
    ],
)
def test_changes_of_indexes_that_cannot_be_are_refused(
    filled: Region, update: Answer, code: str
) -> None:
    create_index(filled, index("by-team", "team"))
    before = filled.describe()
    told, _ = filled.refusal(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=definitions(["team"], {}),
        GlobalSecondaryIndexUpdates=[update],
    )
    assert told == code
    assert filled.describe() == before


def test_one_index_is_created_at_a_time(filled: Region) -> None:
    code, _ = filled.refusal(
        "UpdateTable",
        TableName="things",
        AttributeDefinitions=definitions(["team", "w"], {}),
        GlobalSecondaryIndexUpdates=[
            {"Create": index("by-team", "team")},
            {"Create": index("by-w", "w")},
        ],
    )
    assert code == "LimitExceededException"
    assert "GlobalSecondaryIndexes" not in filled.describe()


# --- UpdateTable: the rest -------------------------------------------------------------------


def test_capacity_and_billing_change(region: Region) -> None:
    region.create()
    more = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}
    region.call("UpdateTable", TableName="things", ProvisionedThroughput=more)
    assert region.describe()["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        "LastIncreaseDateTime": 1_700_000_000.0,
        **more,
    }
    code, message = region.refusal("UpdateTable", TableName="things", ProvisionedThroughput=more)
    assert code == "ValidationException"
    assert message.startswith("The provisioned throughput for the table will not change.")
    region.call("UpdateTable", TableName="things", BillingMode="PAY_PER_REQUEST")
    switched = {"LastUpdateToPayPerRequestDateTime": 1_700_000_000.0}
    assert region.describe()["BillingModeSummary"] == {"BillingMode": "PAY_PER_REQUEST", **switched}
    region.clock.advance(seconds=5)
    region.call(
        "UpdateTable", TableName="things", BillingMode="PROVISIONED", ProvisionedThroughput=CAPACITY
    )
    assert region.describe()["BillingModeSummary"] == {"BillingMode": "PROVISIONED", **switched}


def test_an_update_that_says_nothing_is_refused(region: Region) -> None:
    region.create()
    code, message = region.refusal("UpdateTable", TableName="things")
    assert code == "ValidationException"
    assert message.startswith("At least one of ProvisionedThroughput, BillingMode, ")
    assert region.refusal("UpdateTable", TableName="nothing", BillingMode="PAY_PER_REQUEST") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: nothing not found",
    )


NOT_ONE = (
    INVALID + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
    "GlobalSecondaryIndexUpdate.Delete must not be null"
)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"GlobalSecondaryIndexUpdates": []},
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ),
        ({"GlobalSecondaryIndexUpdates": [{}]}, NOT_ONE),
        (
            {
                "GlobalSecondaryIndexUpdates": [
                    {"Delete": {"IndexName": "by-v"}, "Update": {"IndexName": "by-v"}}
                ]
            },
            NOT_ONE,
        ),
        (
            {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-v"}}] * 2},
            INVALID + "Only one global secondary index update per index is allowed simultaneously. "
            "Index: by-v",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            INVALID + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ),
        (
            {"ProvisionedThroughput": {**CAPACITY, "WriteCapacityUnits": 10**12 + 1}},
            "Given value 1000000000001 for WriteCapacityUnits is out of bounds",
        ),
    ],
)
def test_changes_that_contradict_themselves_are_refused_before_a_missing_table(
    region: Region, more: Answer, message: str
) -> None:
    assert region.refusal("UpdateTable", TableName="nothing", **more) == (
        "ValidationException",
        message,
    )
