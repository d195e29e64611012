"""The invocation record: what Lambda tells a destination of a batch it has given up."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from ...streams import Record, Shard, to_wire
from ..event import batch_event


class Condition(StrEnum):
    """Why records were given up, in Lambda's words."""

    RETRIES = "RetryAttemptsExhausted"
    AGE = "RecordAgeExceeded"


@dataclass(frozen=True)
class Response:
    """How the last call ended: by an error, or with an answer that named failed records."""

    is_error: bool

    def members(self) -> dict[str, Any]:
        return {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled" if self.is_error else None,
        }


@dataclass(frozen=True)
class InvocationRecord:
    """A batch that was given up, and the circumstances.

    `records` are at least one, in order. `response` is None where the function was never called.
    `invoke_count` is the number of calls on exactly these records.
    Source: AWS's documentation of discarded records, and records observed on AWS.
    """

    mapping_id: str
    function_arn: str
    request_id: str
    condition: Condition
    invoke_count: int
    response: Response | None
    at_ms: int
    shard: Shard
    records: Sequence[Record]

    def body(self) -> bytes:
        """The JSON that queues and topics get; it does not hold the records themselves."""
        return orjson.dumps(self._members())

    def body_with_payload(self) -> bytes:
        """The JSON that buckets get: with the event of the records as `payload`."""
        event = batch_event(self.records, self.shard.stream_arn)
        return orjson.dumps({**self._members(), "payload": event})

    def object_key(self) -> str:
        """The key of its object in a bucket: the same whenever the same record is sent again."""
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        text = f"{self.request_id}/{self.condition}/{self.at_ms}"
        suffix = uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest(), version=4)
        return (
            f"aws/lambda/{self.mapping_id}/{self.shard.shard_id}/"
            f"{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{suffix}"
        )

    def _members(self) -> dict[str, Any]:
        first, last = self.records[0], self.records[-1]
        response = {} if self.response is None else {"responseContext": self.response.members()}
        return {
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.function_arn,
                "condition": self.condition.value,
                "approximateInvokeCount": self.invoke_count,
            },
            **response,
            "version": "1.0",
            "timestamp": _time_text(self.at_ms, "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": self.shard.shard_id,
                "startSequenceNumber": to_wire(first.sequence),
                "endSequenceNumber": to_wire(last.sequence),
                "approximateArrivalOfFirstRecord": _time_text(first.at_ms, "seconds"),
                "approximateArrivalOfLastRecord": _time_text(last.at_ms, "seconds"),
                "batchSize": len(self.records),
                "streamArn": self.shard.stream_arn,
            },
        }


def _time_text(at_ms: int, precision: str) -> str:
    """
    >>> _time_text(1_657_720_081_250, "milliseconds"), _time_text(1_657_720_081_250, "seconds")
    ('2022-07-13T13:48:01.250Z', '2022-07-13T13:48:01Z')
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
