"""Tables of a boto3 client, with short calls for what tests do most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]


class WireTable:
    """One table; every call names it and passes its other arguments on."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self.client = client
        self.name = name

    @classmethod
    def create(
        cls,
        client: DynamoDBClient,
        name: str,
        partition: str,
        sort: str | None = None,
        *,
        types: dict[str, str] | None = None,
        stream: str | None = None,
        **more: Any,
    ) -> WireTable:
        """A table that is ACTIVE; attributes are strings unless `types` says otherwise."""
        keys = [(partition, "HASH"), *([(sort, "RANGE")] if sort else [])]
        kinds = {**{key: "S" for key, _ in keys}, **(types or {})}
        if stream is not None:
            more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in keys],  # type: ignore[typeddict-item]
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": kind}  # type: ignore[typeddict-item]
                for key, kind in kinds.items()
            ],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )
        client.get_waiter("table_exists").wait(TableName=name)
        return cls(client, name)

    def drop(self) -> None:
        try:
            self.client.delete_table(TableName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return  # The test has deleted it itself.
        self.client.get_waiter("table_not_exists").wait(TableName=self.name)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Calls an operation by the name of its method and returns its answer."""
        answer: dict[str, Any] = getattr(self.client, operation)(TableName=self.name, **request)
        answer.pop("ResponseMetadata")
        return answer

    def refusal(self, operation: str, **request: Any) -> tuple[str, str]:
        """The code and the message of the error that the request must meet."""
        return refusal_of(getattr(self.client, operation), TableName=self.name, **request)

    def put(self, item: Item, **more: Any) -> dict[str, Any]:
        return self.call("put_item", Item=item, **more)

    def get(self, key: Item, **more: Any) -> Item | None:
        item: Item | None = self.call("get_item", Key=key, ConsistentRead=True, **more).get("Item")
        return item

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.call("describe_table")["Table"]
        return described


def refusal_of(method: Any, **request: Any) -> tuple[str, str]:
    """The code and the message of the error that a client's call must meet."""
    with pytest.raises(ClientError) as caught:
        method(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
