"""Global indexes whose partition and sort keys have several attributes."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.engine.schema import Index, KeySchema, Table
from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, Value, definitions, index, key_schema

INVALID = "One or more parameter values were invalid: "
TABLE = {"TableName": "things"}


def create(region: Region, projection: str = "ALL", include: tuple[str, ...] = ()) -> None:
    """Matches of tournaments: a region's by round and then by bracket."""
    region.create(
        "things",
        "id",
        types={"round": "N"},
        shared=[
            index(
                "matches",
                ("cup", "area"),
                ("round", "bracket"),
                projection=projection,
                include=include,
            )
        ],
    )


def match(number: int, area: str, round_: int | None, bracket: str | None, **more: Value) -> Item:
    item = {"id": S(f"m{number}"), "cup": S("winter"), "area": S(area), **more}
    if round_ is not None:
        item["round"] = N(round_)
    if bracket is not None:
        item["bracket"] = S(bracket)
    return item


MATCHES = [
    match(1, "east", 10, "upper"),
    match(2, "east", 9, "upper"),
    match(3, "east", 10, "lower"),
    match(4, "west", 9, "upper"),
    match(5, "east", 10, "uppermost"),
    match(6, "east", None, "upper"),
    match(7, "east", 10, None),
]


def fill(region: Region) -> None:
    for item in MATCHES:
        region.put(item)


VALUES = {
    ":c": S("winter"),
    ":e": S("east"),
    ":t": N(10),
    ":n": N(9),
    ":u": S("upper"),
    ":l": S("lower"),
}
NAMES = {"#r": "round"}


def query(region: Region, condition: str, **more: Any) -> list[str]:
    """The numbers of the matches found, in order."""
    return [item["id"]["S"] for item in region.items("Query", **query_of(condition), **more)]


def query_of(condition: str) -> Answer:
    return {
        **TABLE,
        "IndexName": "matches",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {
            name: value for name, value in VALUES.items() if name in condition
        },
        **({"ExpressionAttributeNames": NAMES} if "#r" in condition else {}),
    }


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("cup = :c AND area = :e", ["m2", "m3", "m1", "m5"]),
        ("area = :e AND cup = :c AND #r = :t", ["m3", "m1", "m5"]),
        ("#r > :n AND area = :e AND cup = :c", ["m3", "m1", "m5"]),
        ("cup = :c AND area = :e AND #r < :t", ["m2"]),
        ("cup = :c AND area = :e AND #r BETWEEN :n AND :t", ["m2", "m3", "m1", "m5"]),
        ("cup = :c AND area = :e AND #r = :t AND bracket = :u", ["m1"]),
        ("cup = :c AND area = :e AND #r = :t AND begins_with(bracket, :u)", ["m1", "m5"]),
        ("cup = :c AND area = :e AND #r = :t AND bracket > :l", ["m1", "m5"]),
        ("cup = :c AND area = :e AND #r = :t AND bracket <= :u", ["m3", "m1"]),
        ("cup = :c AND area = :e AND #r = :t AND bracket >= :u", ["m1", "m5"]),
        ("cup = :c AND area = :e AND #r = :t AND bracket < :u", ["m3"]),
    ],
)
def test_a_query_names_the_partition_and_a_beginning_of_the_sort_key(
    region: Region, condition: str, found: list[str]
) -> None:
    create(region)
    fill(region)
    assert query(region, condition) == found
    assert query(region, condition, ScanIndexForward=False) == found[::-1]
    assert query(region, condition, Limit=1) == found
    assert query(region, condition, Limit=1, ScanIndexForward=False) == found[::-1]
    assert index_faults(region, "things") == []


NOT_SUPPORTED = "Query key condition not supported"
MISSED = "Query condition missed key schema element: "


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("cup = :c", MISSED + "area"),
        ("area = :e AND #r = :t", MISSED + "cup"),
        ("cup = :c AND area > :e", NOT_SUPPORTED),
        ("cup = :c AND area = :e AND bracket = :u", MISSED + "round"),
        ("cup = :c AND area = :e AND stranger = :u", MISSED + "round"),
        ("cup = :c AND area = :e AND #r = :t AND stranger = :u", MISSED + "bracket"),
        ("cup = :c AND area = :e AND #r > :n AND bracket = :u", NOT_SUPPORTED),
        ("cup = :c AND area = :e AND #r = :t AND bracket = :u AND id = :u", NOT_SUPPORTED),
        (
            "cup = :c AND area = :e AND #r = :u",
            INVALID + "Condition parameter type does not match schema type",
        ),
        (
            "cup = :t AND area = :e",
            INVALID + "Condition parameter type does not match schema type",
        ),
        (
            "cup = :c AND area = :e AND #r = :u AND bracket = :l",
            INVALID + "Condition parameter type does not match schema type",
        ),
    ],
)
def test_a_query_that_does_not_fit_the_key_is_refused(
    region: Region, condition: str, message: str
) -> None:
    create(region)
    assert region.refusal("Query", **query_of(condition)) == ("ValidationException", message)


def condition_of(operator: str, *values: Value) -> Answer:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


EAST = {"cup": condition_of("EQ", S("winter")), "area": condition_of("EQ", S("east"))}


def test_key_conditions_do_the_same(region: Region) -> None:
    create(region)
    fill(region)
    conditions = {
        **EAST,
        "round": condition_of("EQ", N(10)),
        "bracket": condition_of("BEGINS_WITH", S("upper")),
    }
    request = {**TABLE, "IndexName": "matches"}
    found = region.items("Query", **request, KeyConditions=conditions)
    assert [item["id"]["S"] for item in found] == ["m1", "m5"]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"cup": EAST["cup"]}, MISSED + "area"),
        ({**EAST, "bracket": condition_of("EQ", S("upper"))}, MISSED + "round"),
        (
            {**EAST, "round": condition_of("GT", N(1)), "bracket": condition_of("EQ", S("x"))},
            NOT_SUPPORTED,
        ),
        (
            {**EAST, "round": condition_of("NE", N(1))},
            "Attempted conditional constraint is not an indexable operation",
        ),
        (
            {"cup": condition_of("CONTAINS", S("w")), "area": EAST["area"]},
            "Attempted conditional constraint is not an indexable operation",
        ),
    ],
)
def test_key_conditions_that_do_not_fit_are_refused(
    region: Region, conditions: Answer, message: str
) -> None:
    create(region)
    request = {**TABLE, "IndexName": "matches", "KeyConditions": conditions}
    assert region.refusal("Query", **request) == ("ValidationException", message)


def test_a_page_ends_with_all_attributes_of_both_keys(region: Region) -> None:
    create(region)
    fill(region)
    request = query_of("cup = :c AND area = :e")
    first = region.call("Query", **request, Limit=2)
    assert first["LastEvaluatedKey"] == MATCHES[2]
    # Each of them counts: rows that differ in one attribute only have other places.
    start = {**MATCHES[2], "round": N(9)}
    (item, *_) = region.call("Query", **request, ExclusiveStartKey=start)["Items"]
    assert item == MATCHES[1]
    del start["bracket"]
    assert region.refusal("Query", **request, ExclusiveStartKey=start) == (
        "ValidationException",
        "The provided starting key is invalid",
    )
    assert region.refusal(
        "Query", **request, ExclusiveStartKey={**MATCHES[2], "area": S("west")}
    ) == (
        "ValidationException",
        "The provided starting key is outside query boundaries based on provided conditions",
    )
    assert region.refusal(
        "Query",
        **query_of("cup = :c AND area = :e AND #r < :t"),
        ExclusiveStartKey=MATCHES[2],
    ) == (
        "ValidationException",
        "The provided starting key does not match the range key predicate",
    )


def test_a_scan_of_the_index_gives_what_has_the_whole_key(region: Region) -> None:
    create(region)
    fill(region)
    request = {**TABLE, "IndexName": "matches"}
    (whole,) = region.pages("Scan", **request)
    assert {item["id"]["S"] for item in whole["Items"]} == {"m1", "m2", "m3", "m4", "m5"}
    assert region.items("Scan", **request, Limit=1) == whole["Items"]
    segments = [
        item
        for segment in range(5)
        for item in region.items("Scan", **request, TotalSegments=5, Segment=segment, Limit=2)
    ]
    assert segments == whole["Items"]


def test_an_item_enters_moves_and_leaves(region: Region) -> None:
    create(region)
    region.put(match(1, "east", 1, None))
    assert query(region, "cup = :c AND area = :e") == []
    region.update({"id": S("m1")}, "SET bracket = :b", values={":b": S("upper")})
    assert query(region, "cup = :c AND area = :e") == ["m1"]
    region.update({"id": S("m1")}, "SET area = :a", values={":a": S("west")})
    assert query(region, "cup = :c AND area = :e") == []
    region.update({"id": S("m1")}, "SET area = :a", values={":a": S("east")})
    assert query(region, "cup = :c AND area = :e") == ["m1"]
    region.update({"id": S("m1")}, "REMOVE cup")
    assert index_faults(region, "things") == []
    assert region.describe()["GlobalSecondaryIndexes"][0]["ItemCount"] == 0


@pytest.mark.parametrize(
    ("projection", "kept"),
    [("KEYS_ONLY", set()), ("INCLUDE", {"note"}), ("ALL", {"note", "secret"})],
)
def test_a_projection_keeps_all_keys(region: Region, projection: str, kept: set[str]) -> None:
    create(region, projection, ("note",) if projection == "INCLUDE" else ())
    region.put(match(1, "east", 1, "upper", note=S("n"), secret=S("s")))
    (item,) = region.items("Query", **query_of("cup = :c AND area = :e"))
    assert item.keys() == {"id", "cup", "area", "round", "bracket"} | kept
    assert index_faults(region, "things") == []


def test_a_value_of_another_type_is_refused(region: Region) -> None:
    create(region)
    item = {**MATCHES[0], "area": N(1)}
    assert region.refusal("PutItem", **TABLE, Item=item) == (
        "ValidationException",
        f"{INVALID}Type mismatch for Index Key area Expected: S Actual: N IndexName: matches",
    )


@pytest.mark.parametrize(("name", "bytes_max"), [("area", 2048), ("bracket", 1024)])
def test_a_value_too_long_for_its_part_of_the_key_is_refused(
    region: Region, name: str, bytes_max: int
) -> None:
    create(region)
    region.put({**MATCHES[0], name: S("é" * (bytes_max // 2))})
    assert region.refusal(
        "PutItem", **TABLE, Item={**MATCHES[0], name: S("é" * (bytes_max // 2) + "x")}
    ) == (
        "ValidationException",
        f"{INVALID}Size limit exceeded for Index Key {name} Actual Size: {bytes_max + 1} bytes "
        f"Max Size: {bytes_max} bytes IndexName: matches",
    )


def test_a_write_that_moves_an_entry_costs_two_writes_of_the_index(region: Region) -> None:
    create(region)
    region.put(MATCHES[0])
    told = region.update(
        {"id": S("m1")},
        "SET bracket = :b",
        values={":b": S("lower")},
        ReturnConsumedCapacity="INDEXES",
    )["ConsumedCapacity"]
    assert told["GlobalSecondaryIndexes"] == {"matches": {"CapacityUnits": 2.0}}
    told = region.call(
        "Query", **query_of("cup = :c AND area = :e"), ReturnConsumedCapacity="INDEXES"
    )["ConsumedCapacity"]
    assert told["GlobalSecondaryIndexes"] == {"matches": {"CapacityUnits": 0.5}}


def test_a_filter_may_not_name_any_attribute_of_the_key(region: Region) -> None:
    create(region)
    for name in ("cup", "area", "#r", "bracket"):
        request = query_of("cup = :c AND area = :e AND #r = :t")
        _, message = region.refusal(
            "Query", **request, FilterExpression=f"attribute_exists({name})"
        )
        assert message == (
            "Filter Expression can only contain non-primary key attributes: Primary key "
            f"attribute: {NAMES.get(name, name)}"
        )


# --- PartiQL ---------------------------------------------------------------------------------


def select(region: Region, rest: str, **more: Any) -> list[str]:
    statement = f'SELECT id FROM "things"."matches" {rest}'
    found = []
    token: Answer = {}
    while True:
        answer = region.call("ExecuteStatement", Statement=statement, **more, **token)
        found += [item["id"]["S"] for item in answer["Items"]]
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


WHERE = "WHERE cup = 'winter' AND area = 'east'"


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        (WHERE, ["m2", "m3", "m1", "m5"]),
        (f'{WHERE} ORDER BY "round" DESC', ["m5", "m1", "m3", "m2"]),
        (f'{WHERE} ORDER BY "round" DESC, bracket DESC', ["m5", "m1", "m3", "m2"]),
        (f"{WHERE} AND \"round\" = 10 AND bracket > 'lower'", ["m1", "m5"]),
        (f"{WHERE} AND bracket = 'upper'", ["m2", "m1"]),
        (f"{WHERE} AND \"round\" > 9 AND bracket = 'upper'", ["m1"]),
    ],
)
def test_a_select_with_the_whole_partition_key_is_a_query(
    region: Region, rest: str, found: list[str]
) -> None:
    create(region)
    fill(region)
    assert select(region, rest) == found
    assert select(region, rest, Limit=1) == found


def test_a_select_with_the_whole_partition_key_reads_no_more_than_it_names(region: Region) -> None:
    create(region)
    for number in range(40):
        region.put(match(number, f"area {number % 4}", number, "upper", note=S("n" * 4000)))

    def units(where: str) -> float:
        answer = region.call(
            "ExecuteStatement",
            Statement=f'SELECT * FROM "things"."matches" {where}',
            ReturnConsumedCapacity="TOTAL",
        )
        told: float = answer["ConsumedCapacity"]["CapacityUnits"]
        return told

    # Ten items of about 4 KB, at half a unit for each 4 KB; the whole index is four times that.
    assert 5 <= units("WHERE cup = 'winter' AND area = 'area 1'") < 7
    assert units("WHERE cup = 'winter' AND area = 'area 1' AND \"round\" = 5") < 2
    assert units("WHERE cup = 'winter'") > 19
    assert units("WHERE cup = 'winter' AND area IN ['area 1']") > 19


def test_a_select_orders_as_the_rows_stand(region: Region) -> None:
    create(region)
    for order in ("bracket", 'bracket, "round"', '"round" ASC, bracket DESC'):
        code, message = region.refusal(
            "ExecuteStatement",
            Statement=f'SELECT id FROM "things"."matches" {WHERE} ORDER BY {order}',
        )
        assert code == "ValidationException"
        assert message.startswith("ORDER BY of an index with several sort key attributes")


# --- definitions -----------------------------------------------------------------------------


def wide(hashes: int, ranges: int) -> tuple[list[str], list[str]]:
    return [f"h{n}" for n in range(hashes)], [f"r{n}" for n in range(ranges)]


def test_four_and_four_are_the_most(region: Region) -> None:
    hashes, ranges = wide(4, 4)
    region.create(shared=[index("wide", hashes, ranges, projection="KEYS_ONLY")])
    (described,) = region.describe()["GlobalSecondaryIndexes"]
    assert described["KeySchema"] == key_schema(hashes, ranges)
    region.put({"id": S("a"), **{name: S("x") for name in (*hashes, *ranges)}})
    region.put({"id": S("b"), **{name: S("x") for name in (*hashes, *ranges[:-1])}})
    (described,) = region.describe()["GlobalSecondaryIndexes"]
    assert described["ItemCount"] == 1


def element(name: str, kind: str) -> dict[str, str]:
    return {"AttributeName": name, "KeyType": kind}


BAD_KEYS: list[tuple[list[dict[str, str]], str]] = [
    (
        key_schema(*wide(5, 0)),
        INVALID + "The KeySchema exceeds the maximum allowed number of HASH key attributes",
    ),
    (
        key_schema(*wide(1, 5)),
        INVALID + "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
    ),
    (
        [element("a", "HASH"), element("b", "RANGE"), element("c", "HASH")],
        INVALID + "All HASH key attributes must precede RANGE key attributes in the KeySchema",
    ),
    (
        [element("a", "RANGE"), element("b", "HASH")],
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    (
        key_schema(("a", "b"), "a"),
        "The KeySchema contains multiple key attributes with the same name",
    ),
]


@pytest.mark.parametrize(("schema", "message"), BAD_KEYS)
@pytest.mark.parametrize("operation", ["CreateTable", "UpdateTable"])
def test_a_key_that_no_index_can_have_is_refused(
    region: Region, operation: str, schema: list[dict[str, str]], message: str
) -> None:
    definition = {**index("bad", "x"), "KeySchema": schema}
    names = {"id", *(each["AttributeName"] for each in schema)}
    request: Answer = {**TABLE, "AttributeDefinitions": definitions(names, {})}
    if operation == "CreateTable":
        request |= {
            "KeySchema": key_schema("id"),
            "GlobalSecondaryIndexes": [definition],
            "ProvisionedThroughput": definition["ProvisionedThroughput"],
        }
    else:
        region.create()
        request["GlobalSecondaryIndexUpdates"] = [{"Create": definition}]
    assert region.refusal(operation, **request) == ("ValidationException", message)


def test_all_attributes_of_the_key_need_a_definition(region: Region) -> None:
    region.create()
    assert region.refusal(
        "UpdateTable",
        **TABLE,
        AttributeDefinitions=definitions(["id", "a"], {}),
        GlobalSecondaryIndexUpdates=[{"Create": index("bad", ("a", "b"))}],
    ) == (
        "ValidationException",
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. "
        "Keys: [a, b], AttributeDefinitions: [id, a]",
    )


@pytest.mark.parametrize("member", ["KeySchema", "LocalSecondaryIndexes"])
def test_tables_and_local_indexes_keep_two_attributes(region: Region, member: str) -> None:
    schema = key_schema("id", ("a", "b"))
    request: Answer = {
        **TABLE,
        "AttributeDefinitions": definitions(["id", "a", "b"], {}),
        "KeySchema": key_schema("id", "a"),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if member == "KeySchema":
        request["KeySchema"] = schema
    else:
        local = index("bad", "id", ("a", "b"), is_local=True)
        request["LocalSecondaryIndexes"] = [local]
    _, message = region.refusal("CreateTable", **request)
    assert message.endswith("Member must have length less than or equal to 2")


def test_an_index_made_later_holds_what_was_there(region: Region) -> None:
    region.create(types={"round": "N"})
    fill(region)
    region.call(
        "UpdateTable",
        **TABLE,
        AttributeDefinitions=definitions(["cup", "area", "round", "bracket"], {"round": "N"}),
        GlobalSecondaryIndexUpdates=[
            {"Create": index("matches", ("cup", "area"), ("round", "bracket"))}
        ],
    )
    assert query(region, "cup = :c AND area = :e") == ["m2", "m3", "m1", "m5"]
    assert index_faults(region, "things") == []


def test_the_catalog_keeps_the_key() -> None:
    key = KeySchema(("a", "b"), ("c", "d", "e"))
    held = Index("i", False, key, "ALL", (), 2)
    table = Table("t", "arn", "id", 0, 1, KeySchema(("a",)), {}, indexes=(held,))
    again = Table.from_json(table.to_json())
    assert again == table
    assert again.indexes[0].key.names == ("a", "b", "c", "d", "e")


def test_the_catalog_reads_keys_written_before() -> None:
    data = Table("t", "arn", "id", 0, 1, KeySchema(("a",), ("b",)), {}).to_json()
    data["key"] = {"partition": "a", "sort": "b"}
    assert Table.from_json(data).key == KeySchema(("a",), ("b",))
    data["key"] = {"partition": "a", "sort": None}
    assert Table.from_json(data).key == KeySchema(("a",))
