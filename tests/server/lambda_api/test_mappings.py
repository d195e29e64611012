"""Event source mappings, as clients make, change and delete them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelton import App
from pelton.server import Server
from tests.conftest import client_of

from .refusals import refusal
from .shop import Shop

ARN = "arn:aws:lambda:us-east-1:000000000000"
GONE = (404, "ResourceNotFoundException", "The resource you requested does not exist.")


def stream_of(shop: Shop) -> str:
    arn: str = shop.app.call("DescribeTable", {"TableName": "orders"})["Table"]["LatestStreamArn"]
    return arn


@pytest.fixture
def stream(shop: Shop) -> str:
    return stream_of(shop)


@pytest.fixture
def create(functions: Any, stream: str) -> Any:
    """Makes a mapping of the orders' stream to a function."""

    def make(name: str = "note", **options: Any) -> Any:
        wanted = {"StartingPosition": "TRIM_HORIZON", **options}
        return functions.create_event_source_mapping(
            FunctionName=name, EventSourceArn=stream, **wanted
        )

    return make


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs from one to the next."""
    return {
        name: value
        for name, value in answer.items()
        if name not in ("ResponseMetadata", "LastModified", "UUID", "EventSourceMappingArn")
    }


def test_a_mapping_is_told_as_aws_tells_it(create: Any, functions: Any, stream: str) -> None:
    created = create()
    uuid = created["UUID"]
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert created["EventSourceMappingArn"] == f"{ARN}:event-source-mapping:{uuid}"
    expected = {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": stream,
        "FunctionArn": f"{ARN}:function:note",
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }
    assert told(created) == expected

    got = functions.get_event_source_mapping(UUID=uuid)
    assert got["LastModified"] == created["LastModified"]
    assert told(got) == {**expected, "State": "Enabled"}
    (listed,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert listed["UUID"] == uuid

    deleted = functions.delete_event_source_mapping(UUID=uuid)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told(deleted) == {**expected, "State": "Deleting"}
    assert refusal(functions.get_event_source_mapping, UUID=uuid) == GONE
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_function_is_called_from_the_creation_to_the_end_of_its_mapping(
    create: Any, functions: Any, shop: Shop
) -> None:
    shop.orders.put({"id": "before"})
    uuid = create()["UUID"]
    shop.orders.put({"id": "while"})
    shop.app.drain()
    assert shop.noted() == ["before", "while"]
    assert shop.names == {"note"}
    answer = functions.get_event_source_mapping(UUID=uuid)
    assert answer["LastProcessingResult"] == "OK"

    answer = functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["State"] == "Disabling"
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    shop.orders.put({"id": "asleep"})
    shop.app.drain()
    assert shop.noted() == ["before", "while"]

    assert functions.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    assert functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    shop.app.drain()
    assert shop.noted() == ["asleep", "before", "while"]

    functions.delete_event_source_mapping(UUID=uuid)
    shop.orders.put({"id": "after"})
    shop.app.drain()
    assert shop.noted() == ["asleep", "before", "while"]


def test_latest_begins_behind_what_is_there(create: Any, shop: Shop) -> None:
    shop.orders.put({"id": "before"})
    create(StartingPosition="LATEST")
    shop.orders.put({"id": "after"})
    shop.app.drain()
    assert shop.noted() == ["after"]


def test_all_options_are_kept_and_changed(create: Any, functions: Any) -> None:
    options: dict[str, Any] = {
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 3,
        "ParallelizationFactor": 4,
        "MaximumRecordAgeInSeconds": 60,
        "MaximumRetryAttempts": 5,
        "BisectBatchOnFunctionError": True,
        "TumblingWindowInSeconds": 30,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    created = create(Enabled=False, **options)
    uuid = created["UUID"]
    assert created["State"] == "Creating"
    got = functions.get_event_source_mapping(UUID=uuid)
    assert {name: got[name] for name in options} == options
    assert got["State"] == "Disabled"

    changes = {
        "BatchSize": 8,
        "MaximumRecordAgeInSeconds": -1,
        "FunctionResponseTypes": [],
        "FilterCriteria": {},
        "DestinationConfig": {},
        "MetricsConfig": {"Metrics": []},
        "BisectBatchOnFunctionError": False,
    }
    answer = functions.update_event_source_mapping(UUID=uuid, **changes)
    assert answer["State"] == "Updating"
    got = functions.get_event_source_mapping(UUID=uuid)
    assert "FilterCriteria" not in got
    assert "MetricsConfig" not in got
    assert (got["BatchSize"], got["MaximumRecordAgeInSeconds"]) == (8, -1)
    assert (got["FunctionResponseTypes"], got["BisectBatchOnFunctionError"]) == ([], False)
    assert got["DestinationConfig"] == {"OnFailure": {}}
    assert (got["ParallelizationFactor"], got["State"]) == (4, "Disabled")


def test_a_filter_lets_through_what_matches_it(create: Any, shop: Shop) -> None:
    pattern = {"dynamodb": {"NewImage": {"id": {"S": [{"prefix": "a"}]}}}}
    create(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    for name in ("a1", "b1", "a2"):
        shop.orders.put({"id": name})
    shop.app.drain()
    assert shop.noted() == ["a1", "a2"]


def test_a_mapping_goes_on_with_another_function(create: Any, functions: Any, shop: Shop) -> None:
    uuid = create()["UUID"]
    shop.orders.put({"id": "1"})
    shop.app.drain()
    answer = functions.update_event_source_mapping(UUID=uuid, FunctionName="note_too")
    assert answer["FunctionArn"] == f"{ARN}:function:note_too"
    shop.orders.put({"id": "2"})
    shop.app.drain()
    assert shop.noted() == ["1", "2"]
    assert shop.names == {"note", "note_too"}


def test_a_function_that_fails_is_told_as_a_problem(
    create: Any, functions: Any, shop: Shop
) -> None:
    uuid = create("fail", MaximumRetryAttempts=0)["UUID"]
    shop.orders.put({"id": "1"})
    shop.app.drain()
    answer = functions.get_event_source_mapping(UUID=uuid)
    assert answer["LastProcessingResult"] == "PROBLEM: Function call failed"


def test_mappings_that_code_declares_are_listed_under_uuids_that_stay(
    functions: Any, shop: Shop, stream: str
) -> None:
    shop.app.stop()
    shop.app.on_insert(shop.orders, name="greet", batch_size=5)(lambda item, context: None)
    shop.app.start()
    (first,) = functions.list_event_source_mappings(FunctionName="greet")["EventSourceMappings"]
    assert (first["EventSourceArn"], first["BatchSize"], first["State"]) == (stream, 5, "Enabled")
    shop.app.stop()
    shop.app.start()
    assert functions.get_event_source_mapping(UUID=first["UUID"])["FunctionArn"].endswith(":greet")


def test_listing_is_by_function_by_stream_and_in_pages(
    create: Any, functions: Any, shop: Shop, stream: str
) -> None:
    other = shop.app.table("other", partition_key="id", stream="KEYS_ONLY")
    del other
    described = shop.app.call("DescribeTable", {"TableName": "other"})["Table"]
    first, second = create("note")["UUID"], create("note_too")["UUID"]
    third = functions.create_event_source_mapping(
        FunctionName="note",
        EventSourceArn=described["LatestStreamArn"],
        StartingPosition="LATEST",
    )["UUID"]

    def uuids(**wanted: Any) -> list[str]:
        found = functions.list_event_source_mappings(**wanted)["EventSourceMappings"]
        return [each["UUID"] for each in found]

    assert set(uuids(FunctionName="note")) == {first, third}
    assert set(uuids(FunctionName=f"{ARN}:function:note")) == {first, third}
    assert set(uuids(EventSourceArn=stream)) == {first, second}
    assert uuids(FunctionName="none") == []
    assert uuids(EventSourceArn="arn:aws:sqs:us-east-1:000000000000:none") == []
    page = functions.list_event_source_mappings(MaxItems=2)
    rest = functions.list_event_source_mappings(MaxItems=2, Marker=page["NextMarker"])
    both = page["EventSourceMappings"] + rest["EventSourceMappings"]
    assert [each["UUID"] for each in both] == sorted([first, second, third])
    assert "NextMarker" not in rest


def test_mappings_last_over_a_restart(tmp_path: Any) -> None:
    def served() -> Iterator[tuple[Shop, Any]]:
        app = App(tmp_path / "shop.db")
        shop = Shop(app)
        with app, Server(app.database, port=0, apps=[app]) as server:
            client = client_of("lambda", server.url)
            yield shop, client
            client.close()

    for shop, client in served():
        uuid = client.create_event_source_mapping(
            FunctionName="note",
            EventSourceArn=stream_of(shop),
            StartingPosition="TRIM_HORIZON",
            BatchSize=3,
            Tags={"team": "shop"},
        )["UUID"]
        shop.orders.put({"id": "1"})
        shop.app.drain()
        assert shop.noted() == ["1"]
    for shop, client in served():
        shop.orders.put({"id": "2"})
        shop.app.drain()
        assert shop.noted() == ["2"]
        answer = client.get_event_source_mapping(UUID=uuid)
        assert (answer["BatchSize"], answer["State"]) == (3, "Enabled")
        assert client.list_tags(Resource=answer["EventSourceMappingArn"])["Tags"] == {
            "team": "shop"
        }


def test_a_mapping_rests_while_its_function_is_not_there_or_does_not_fit(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def served(register: Callable[[App], object]) -> tuple[list[str], list[str]]:
        """The mappings that are told of, and what is warned of."""
        app = App(tmp_path / "shop.db")
        app.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
        register(app)
        caplog.clear()
        with app, Server(app.database, port=0, apps=[app]) as server:
            client = client_of("lambda", server.url)
            found = client.list_event_source_mappings()["EventSourceMappings"]
            client.close()
        return [each["UUID"] for each in found], caplog.messages

    app = App(tmp_path / "shop.db")
    shop = Shop(app)
    with app:
        options = {"tumbling_window_in_seconds": 30, "starting_position": "LATEST"}
        made = app.mappings.create("note", "arn", stream_of(shop), options).uuid

    assert served(lambda app: None) == ([], [f"mapping {made} rests: there is no function 'note'"])
    found, (warning,) = served(
        lambda app: app.on_insert("orders", name="note")(lambda item, context: None)
    )
    assert made not in found
    assert warning.startswith(f"mapping {made} of 'note' rests: tumbling_window_in_seconds")
    again = served(lambda app: app.function(name="note")(lambda event, context: {}))
    assert again == ([made], [])


def test_what_was_changed_of_a_declaration_goes_with_it(tmp_path: Any) -> None:
    def opened(declares: bool) -> App:
        app = App(tmp_path / "shop.db")
        orders = app.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
        decorator = app.on_stream(orders, name="note") if declares else app.function(name="note")
        decorator(lambda event, context: None)
        return app

    with opened(declares=True) as app:
        (declared,) = app.mappings
        app.mappings.update(declared.uuid, {"batch_size": 7})
    with opened(declares=True) as app:
        assert [(each.uuid, each.mapping.batch_size) for each in app.mappings] == [
            (declared.uuid, 7)
        ]
    with opened(declares=False) as app:
        assert list(app.mappings) == []


def test_mappings_have_tags(create: Any, functions: Any) -> None:
    arn = create(Tags={"a": "1"})["EventSourceMappingArn"]
    answer = functions.tag_resource(Resource=arn, Tags={"a": "2", "b": "3"})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert functions.list_tags(Resource=arn)["Tags"] == {"a": "2", "b": "3"}
    functions.untag_resource(Resource=arn, TagKeys=["a", "none"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": "3"}

    gone = arn[:-4] + "0000"
    for call, more in (
        (functions.list_tags, {}),
        (functions.tag_resource, {"Tags": {"a": "1"}}),
        (functions.untag_resource, {"TagKeys": ["a"]}),
    ):
        assert refusal(call, Resource=gone, **more) == (
            404,
            "ResourceNotFoundException",
            f"Event source mapping not found: {gone}",
        )
    many = {str(number): "" for number in range(51)}
    assert refusal(functions.tag_resource, Resource=arn, Tags=many) == (
        400,
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
    )


def test_a_second_mapping_of_the_same_two_is_refused_with_the_first_ones_uuid(
    create: Any, stream: str
) -> None:
    uuid = create()["UUID"]
    assert refusal(create) == (
        409,
        "ResourceConflictException",
        f'The event source arn (" {stream} ") and function (" note ") provided mapping already '
        f"exists. Please update or delete the existing mapping with UUID {uuid}",
    )


@pytest.mark.parametrize("way", ["disable", "delete"])
def test_a_function_may_end_its_own_trigger(
    create: Any, functions: Any, shop: Shop, way: str
) -> None:
    @shop.app.function()
    def breaker(event: Any, context: Any) -> None:
        own = {"FunctionName": context.function_name}
        (mapping,) = functions.list_event_source_mappings(**own)["EventSourceMappings"]
        if way == "disable":
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        else:
            functions.delete_event_source_mapping(UUID=mapping["UUID"])
        shop.calls.append(event)
        context.transaction.put("seen", {"id": event["Records"][0]["eventID"]})

    seen = shop.app.table("seen", partition_key="id")
    shop.orders.put({"id": "1"})
    create("breaker")
    shop.app.drain(30)
    shop.orders.put({"id": "2"})
    shop.app.drain(30)
    # What it did in that last call counts, and so does how far it came.
    assert shop.noted() == ["1"]
    assert len(list(seen.scan())) == 1
    if way == "disable":
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.update_event_source_mapping(
            UUID=mapping["UUID"], FunctionName="note", Enabled=True
        )
        shop.app.drain(30)
        assert shop.noted() == ["1", "2"]


def test_of_many_that_are_made_at_once_one_is(create: Any, functions: Any) -> None:
    statuses: list[int] = []

    def make() -> None:
        try:
            statuses.append(create()["ResponseMetadata"]["HTTPStatusCode"])
        except functions.exceptions.ResourceConflictException as error:
            statuses.append(error.response["ResponseMetadata"]["HTTPStatusCode"])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [202, *[409] * 7]
    assert len(functions.list_event_source_mappings()["EventSourceMappings"]) == 1


INVALID = "InvalidParameterValueException"
UNSUPPORTED = "Unsupported {} parameter for given event source mapping type."


def below(member: str, value: int, low: int) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must have value greater than or equal to {low}"
    )


def above(member: str, value: int, high: int) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {high}"
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"BatchSize": 0}, "ValidationException", below("batchSize", 0, 1)),
        ({"BatchSize": 10_001}, "ValidationException", above("batchSize", 10_001, 10_000)),
        (
            {"MaximumBatchingWindowInSeconds": 301},
            "ValidationException",
            above("maximumBatchingWindowInSeconds", 301, 300),
        ),
        (
            {"ParallelizationFactor": 11},
            "ValidationException",
            above("parallelizationFactor", 11, 10),
        ),
        (
            {"MaximumRetryAttempts": -2},
            "ValidationException",
            below("maximumRetryAttempts", -2, -1),
        ),
        (
            {"TumblingWindowInSeconds": 901},
            "ValidationException",
            above("tumblingWindowInSeconds", 901, 900),
        ),
        (
            {"StartingPosition": "invalid"},
            "ValidationException",
            "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy "
            "constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
        ),
        (
            {"FunctionResponseTypes": ["ReportNothing"]},
            "ValidationException",
            "1 validation error detected: Value '[ReportNothing]' at 'functionResponseTypes' failed"
            " to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum "
            "value set: [ReportBatchItemFailures], Member must not be null]",
        ),
        (
            {"MaximumRecordAgeInSeconds": 59},
            INVALID,
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 "
            "(inclusive)",
        ),
        (
            {"StartingPosition": None},
            INVALID,
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null.",
        ),
        (
            {"FilterCriteria": {"Filters": [{"Pattern": '"text"'}]}},
            INVALID,
            "Invalid filter pattern definition.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1::q"}}},
            INVALID,
            UNSUPPORTED.format("DestinationConfig"),
        ),
        (
            {"ScalingConfig": {"MaximumConcurrency": 2}},
            INVALID,
            UNSUPPORTED.format("'scalingConfig'"),
        ),
        (
            {"ProvisionedPollerConfig": {"MinimumPollers": 1}},
            INVALID,
            UNSUPPORTED.format("'provisionedPollerConfig'"),
        ),
        (
            {"KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/orders"},
            INVALID,
            UNSUPPORTED.format("'kMSKeyArn'"),
        ),
        ({"Topics": ["orders"]}, INVALID, UNSUPPORTED.format("'topics'")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_options_are_refused_as_on_aws(
    create: Any, functions: Any, options: dict[str, Any], code: str, message: str
) -> None:
    assert refusal(create, **options) == (400, code, message)
    uuid = create()["UUID"]
    if "StartingPosition" not in options and "Topics" not in options:
        update = functions.update_event_source_mapping
        assert refusal(update, UUID=uuid, **options) == (400, code, message)


def test_a_start_at_a_time_is_refused_as_on_aws(create: Any, stream: str) -> None:
    assert refusal(create, StartingPosition="AT_TIMESTAMP") == (
        400,
        INVALID,
        f"Unsupported starting position for arn type: {stream}",
    )


def test_what_is_not_there_cannot_be_tied(functions: Any, stream: str) -> None:
    create = functions.create_event_source_mapping
    start = {"StartingPosition": "LATEST"}
    assert refusal(create, FunctionName="none") == (400, INVALID, "Unrecognized event source.")
    assert refusal(create, FunctionName="none", EventSourceArn=stream, **start) == (
        400,
        INVALID,
        "Function does not exist",
    )
    gone = stream[:-1] + "x"
    assert refusal(create, FunctionName="note", EventSourceArn=gone, **start) == (
        400,
        INVALID,
        f"Stream not found: {gone}",
    )
    queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    assert refusal(create, FunctionName="note", EventSourceArn=queue) == (
        400,
        INVALID,
        "Unrecognized event source.",
    )
    unknown = "00000000-0000-0000-0000-000000000000"
    for call in (
        functions.get_event_source_mapping,
        functions.update_event_source_mapping,
        functions.delete_event_source_mapping,
    ):
        assert refusal(call, UUID=unknown) == GONE
