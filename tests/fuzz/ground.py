"""The tables that are attacked: made anew now and then, for attacks delete and fill them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.server.specimens import CREATE, ITEM, TABLE, Request, key, specimens

Call = Callable[[str, Request], Any]
"""Sends a request that is right and returns its answer."""


def lay(call: Call) -> list[tuple[str, Request]]:
    """Leaves one table with ten items, and returns a request of every operation that fits it."""
    while names := call("ListTables", {})["TableNames"]:
        for name in names:
            if call("DescribeTable", {"TableName": name})["Table"]["DeletionProtectionEnabled"]:
                call("UpdateTable", {"TableName": name, "DeletionProtectionEnabled": False})
            call("DeleteTable", {"TableName": name})
    call("CreateTable", CREATE)
    for at in range(10):
        call("PutItem", {"TableName": TABLE, "Item": {**ITEM, **key(at)}})
    arn = {"StreamArn": call("DescribeTable", {"TableName": TABLE})["Table"]["LatestStreamArn"]}
    shard = call("DescribeStream", arn)["StreamDescription"]["Shards"][0]
    position = {**arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = call("GetShardIterator", position)["ShardIterator"]
    return specimens(arn["StreamArn"], shard["ShardId"], iterator)
