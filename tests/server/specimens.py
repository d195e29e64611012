"""A request of every operation that uses most of its members, for tests that damage them."""

from __future__ import annotations

from typing import Any

Request = dict[str, Any]

TABLE = "specimens"
OTHER_TABLE = "others"
ARN = f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}"

KEY: Request = {"id": {"S": "x"}, "at": {"N": "1"}}
ITEM: Request = {
    **KEY,
    "owner": {"S": "ada"},
    "n": {"N": "1"},
    "map": {"M": {"list": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}}},
    "bytes": {"B": "AAE="},
    "strings": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "binaries": {"BS": ["AA==", "AQ=="]},
}


def key(at: int) -> Request:
    return {**KEY, "at": {"N": str(at)}}


def index(name: str, partition: str, sort: str | None = None) -> Request:
    roles = [(partition, "HASH"), *([(sort, "RANGE")] if sort else [])]
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": each, "KeyType": role} for each, role in roles],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
    }


CREATE: Request = {
    "TableName": TABLE,
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "owner", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "GlobalSecondaryIndexes": [index("by-owner", "owner")],
    "LocalSecondaryIndexes": [index("of-id", "id", "owner")],
    "Tags": [{"Key": "team", "Value": "shop"}],
}

CONDITION: Request = {
    "ConditionExpression": "attribute_exists(#n) AND (n < :v OR contains(strings, :s)) "
    "AND size(bytes) > :v",
    "ExpressionAttributeNames": {"#n": "n"},
    "ExpressionAttributeValues": {":v": {"N": "5"}, ":s": {"S": "a"}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}

UPDATE: Request = {
    "Key": KEY,
    "UpdateExpression": "SET #n = n + :v, map.list[0] = if_not_exists(map.list[1], :s), "
    "more = list_append(map.list, map.list) REMOVE owner ADD numbers :ns DELETE strings :ss",
    "ConditionExpression": "n < :v OR n >= :v",
    "ExpressionAttributeNames": {"#n": "n"},
    "ExpressionAttributeValues": {
        ":v": {"N": "5"},
        ":s": {"S": "a"},
        ":ns": {"NS": ["7"]},
        ":ss": {"SS": ["a"]},
    },
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


def compared(operator: str, *values: Request) -> Request:
    """A comparison of the parameters that were there before expressions."""
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def specimens(stream_arn: str, shard_id: str, iterator: str) -> list[tuple[str, Request]]:
    """Operations with a request each, which most of them fulfil."""
    of_streams = _of_streams(stream_arn, shard_id, iterator)
    return [
        *_of_tables(),
        *_of_items(),
        *_of_pages(),
        *_of_many_items(),
        *_of_statements(),
        *of_streams,
    ]


def _of_tables() -> list[tuple[str, Request]]:
    of_table = {"TableName": TABLE}
    update = {
        "TableName": OTHER_TABLE,
        "AttributeDefinitions": CREATE["AttributeDefinitions"],
        "GlobalSecondaryIndexUpdates": [{"Create": index("added", "owner")}],
        "StreamSpecification": {"StreamEnabled": False},
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        "TableClass": "STANDARD",
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "x"},
    }
    return [
        ("CreateTable", {**CREATE, "TableName": OTHER_TABLE}),
        ("DescribeTable", of_table),
        ("ListTables", {"Limit": 5, "ExclusiveStartTableName": "a"}),
        ("UpdateTable", update),
        ("DeleteTable", {"TableName": OTHER_TABLE}),
        ("TagResource", {"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}]}),
        ("UntagResource", {"ResourceArn": ARN, "TagKeys": ["k"]}),
        ("ListTagsOfResource", {"ResourceArn": ARN, "NextToken": "x"}),
        (
            "UpdateTimeToLive",
            {**of_table, "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}},
        ),
        ("DescribeTimeToLive", of_table),
        ("DescribeLimits", {}),
        ("DescribeEndpoints", {}),
        ("DescribeContinuousBackups", of_table),
        (
            "UpdateContinuousBackups",
            {**of_table, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
        ),
    ]


def _of_items() -> list[tuple[str, Request]]:
    of_table = {"TableName": TABLE}
    expected = {
        "n": {"Value": {"N": "1"}, "ComparisonOperator": "EQ"},
        "missing": {"Exists": False},
        "at": compared("BETWEEN", {"N": "1"}, {"N": "2"}),
    }
    updates = {
        "n": {"Value": {"N": "1"}, "Action": "ADD"},
        "strings": {"Value": {"SS": ["a"]}, "Action": "DELETE"},
        "text": {"Value": {"S": "a"}, "Action": "PUT"},
    }
    return [
        ("PutItem", {**of_table, "Item": ITEM, "ReturnConsumedCapacity": "INDEXES", **CONDITION}),
        ("PutItem", {**of_table, "Item": ITEM, "Expected": expected, "ConditionalOperator": "OR"}),
        ("GetItem", {**of_table, "Key": KEY, "ProjectionExpression": "n, map.list[0]"}),
        ("GetItem", {**of_table, "Key": KEY, "AttributesToGet": ["n", "map"]}),
        ("UpdateItem", {**of_table, **UPDATE, "ReturnValues": "UPDATED_NEW"}),
        ("UpdateItem", {**of_table, "Key": KEY, "AttributeUpdates": updates}),
        ("DeleteItem", {**of_table, "Key": KEY, "ReturnValues": "ALL_OLD", **CONDITION}),
    ]


def _of_pages() -> list[tuple[str, Request]]:
    of_table = {"TableName": TABLE}
    in_index = {"IndexName": "of-id", "ExclusiveStartKey": {**key(8), "owner": {"S": "ada"}}}
    return [
        (
            "Query",
            {
                **of_table,
                "KeyConditionExpression": "id = :i AND at BETWEEN :a AND :b",
                "FilterExpression": "n > :a OR attribute_type(map, :t)",
                "ProjectionExpression": "id, map.list[0]",
                "ExpressionAttributeValues": {
                    ":i": {"S": "x"},
                    ":a": {"N": "0"},
                    ":b": {"N": "9"},
                    ":t": {"S": "M"},
                },
                "Limit": 3,
                "ScanIndexForward": False,
                "ExclusiveStartKey": key(8),
                "Select": "SPECIFIC_ATTRIBUTES",
            },
        ),
        (
            "Query",
            {
                **of_table,
                "KeyConditions": {"id": compared("EQ", {"S": "x"}), "at": compared("GE", key(1))},
                "QueryFilter": {"n": compared("GT", {"N": "1"})},
            },
        ),
        (
            "Scan",
            {
                **of_table,
                **in_index,
                "FilterExpression": "n IN (:a, :b) OR begins_with(owner, :o)",
                "ExpressionAttributeValues": {
                    ":a": {"N": "0"},
                    ":b": {"N": "9"},
                    ":o": {"S": "a"},
                },
                "Segment": 0,
                "TotalSegments": 2,
                "Limit": 5,
            },
        ),
        ("Scan", {**of_table, "ScanFilter": {"n": compared("NE", {"N": "1"})}}),
    ]


def _of_many_items() -> list[tuple[str, Request]]:
    of_table = {"TableName": TABLE}
    return [
        (
            "BatchGetItem",
            {"RequestItems": {TABLE: {"Keys": [KEY, key(2)], "ProjectionExpression": "n"}}},
        ),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    TABLE: [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": key(2)}}]
                }
            },
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {**of_table, "Item": ITEM, **CONDITION}},
                    {"Update": {**of_table, **UPDATE, "Key": key(3)}},
                    {"Delete": {**of_table, "Key": key(4)}},
                    {"ConditionCheck": {**of_table, "Key": key(5), **CONDITION}},
                ],
                "ClientRequestToken": "token",
            },
        ),
        (
            "TransactGetItems",
            {"TransactItems": [{"Get": {**of_table, "Key": KEY, "ProjectionExpression": "n"}}]},
        ),
    ]


def _of_statements() -> list[tuple[str, Request]]:
    """Operations that take PartiQL."""
    select = {
        "Statement": f'SELECT id, map.list[0] FROM "{TABLE}" WHERE id = ? AND at > 1',
        "Parameters": [{"S": "x"}],
    }
    update = {
        "Statement": f"UPDATE {TABLE} SET n = n + ? REMOVE map.list[0] WHERE id = 'x' AND at = 2",
        "Parameters": [{"N": "1"}],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    insert = {"Statement": f"INSERT INTO {TABLE} VALUE {{'id': 'y', 'at': 1, 'list': [1, {{}}]}}"}
    delete = {"Statement": f"DELETE FROM {TABLE} WHERE id = 'x' AND at = 3 RETURNING ALL OLD *"}
    return [
        ("ExecuteStatement", {**select, "ConsistentRead": True, "Limit": 2, "NextToken": "x"}),
        ("ExecuteStatement", update),
        ("ExecuteStatement", insert),
        ("ExecuteStatement", delete),
        ("BatchExecuteStatement", {"Statements": [update, insert, delete]}),
        (
            "ExecuteTransaction",
            {"TransactStatements": [update, insert, delete], "ClientRequestToken": "token"},
        ),
    ]


def _of_streams(arn: str, shard_id: str, iterator: str) -> list[tuple[str, Request]]:
    position = {"StreamArn": arn, "ShardId": shard_id}
    return [
        ("ListStreams", {"TableName": TABLE, "Limit": 5, "ExclusiveStartStreamArn": arn}),
        ("DescribeStream", {"StreamArn": arn, "Limit": 5, "ExclusiveStartShardId": shard_id}),
        (
            "GetShardIterator",
            {**position, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "1"},
        ),
        ("GetRecords", {"ShardIterator": iterator, "Limit": 5}),
    ]
