"""The bytes of the JSON 1.0 protocol: what comes in a request's body, what goes out in an answer's.

Pure: knows no sockets, and no operations beyond their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from pelton.engine.errors import SerializationException

BODY_BYTES_MAX = 16 * 1024 * 1024
"""The largest request body DynamoDB takes, before and after decompression."""

DYNAMODB_TARGET = "DynamoDB_20120810"
STREAMS_TARGET = "DynamoDBStreams_20120810"

STREAM_OPERATION_NAMES = frozenset(
    {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
)

present_answer = orjson.dumps
"""A dictionary as the bytes of an answer; `orjson.Fragment` members are spliced in as they are."""

present_stored = orjson.Fragment
"""How stored JSON enters an answer: unparsed."""


def targets_of(operations: Iterable[str]) -> dict[bytes, str]:
    """Maps each value of `X-Amz-Target` to the operation it names.

    >>> targets_of(["PutItem", "GetRecords"])[b"DynamoDBStreams_20120810.GetRecords"]
    'GetRecords'
    """
    return {f"{service_of(operation)}.{operation}".encode(): operation for operation in operations}


def service_of(operation: str) -> str:
    """The part before the dot in the `X-Amz-Target` of an operation."""
    return STREAMS_TARGET if operation in STREAM_OPERATION_NAMES else DYNAMODB_TARGET


def parse_request(body: bytes) -> dict[str, Any]:
    """The request in a body. Raises SerializationException where it holds no JSON object.

    >>> parse_request(b'{"TableName": "users"}')
    {'TableName': 'users'}
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        # AWS says no more than this about JSON it cannot read.
        raise SerializationException("") from None
    if type(request) is not dict:
        raise SerializationException(
            "Start of list found where not expected"
            if type(request) is list
            else "Unexpected value type in payload"
        )
    return request
