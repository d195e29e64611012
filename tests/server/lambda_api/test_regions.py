"""Lambda's API of several apps, of one that is not started, and of none."""

from __future__ import annotations

from typing import Any

from pelton import App
from pelton.server import Server
from tests.conftest import client_of
from tests.server.raw import exchange, post

from .refusals import refusal

FUNCTIONS = "/2015-03-31/functions"


def names_in(client: Any) -> list[str]:
    return [each["FunctionName"] for each in client.list_functions()["Functions"]]


def test_each_region_has_functions_of_its_own() -> None:
    east, west = App(region="us-east-1"), App(region="eu-west-1")
    east.function(name="of_east")(lambda event, context: context.invoked_function_arn)
    west.function(name="of_west")(lambda event, context: context.invoked_function_arn)
    databases = {each.database.region: each.database for each in (east, west)}
    with east, west, Server(databases, port=0, apps=[east, west]) as server:
        clients = {name: client_of("lambda", server.url, region_name=name) for name in databases}
        assert names_in(clients["us-east-1"]) == ["of_east"]
        assert names_in(clients["eu-west-1"]) == ["of_west"]
        answer = clients["eu-west-1"].invoke(FunctionName="of_west")
        assert answer["Payload"].read() == (
            b'"arn:aws:lambda:eu-west-1:000000000000:function:of_west"'
        )
        for client in clients.values():
            client.close()


def test_a_file_without_an_app_has_no_functions() -> None:
    app = App()
    app.table("orders", partition_key="id", stream="KEYS_ONLY")
    arn = app.call("DescribeTable", {"TableName": "orders"})["Table"]["LatestStreamArn"]
    with Server(app.database, port=0, apps=[app]) as server:
        client = client_of("lambda", server.url)
        assert names_in(client) == []
        assert client.list_event_source_mappings()["EventSourceMappings"] == []
        wanted = {"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "LATEST"}
        assert refusal(client.create_event_source_mapping, **wanted)[2] == "Function does not exist"
        client.close()
    app.close()


def test_an_app_that_is_not_started_keeps_mappings_for_its_start() -> None:
    app = App()
    called: list[Any] = []
    app.function(name="note")(lambda event, context: called.append(event))
    orders = app.table("orders", partition_key="id", stream="KEYS_ONLY")
    arn = app.call("DescribeTable", {"TableName": "orders"})["Table"]["LatestStreamArn"]
    with Server(app.database, port=0, apps=[app]) as server:
        client = client_of("lambda", server.url)
        wanted = {"FunctionName": "note", "EventSourceArn": arn}
        client.create_event_source_mapping(StartingPosition="LATEST", **wanted)
        orders.put({"id": "1"})
        app.start()
        orders.put({"id": "2"})
        app.drain()
        (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
        assert mapping["LastProcessingResult"] == "OK"
        client.close()
    assert [len(each["Records"]) for each in called] == [1]
    app.close()


def test_a_server_of_databases_alone_has_no_such_api() -> None:
    with App() as app, Server(app.database, port=0) as server:
        reply = exchange(server.url, post(b"", None, path=FUNCTIONS, method="GET"))
        assert (reply.status, reply.json) == (404, {"detail": "Not Found"})
