"""The operations of the DynamoDB Streams API."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine.database import Database
from ..engine.errors import (
    ResourceNotFoundException,
    TrimmedDataAccessException,
    ValidationException,
)
from ..engine.operations import Mode, Operation
from .iterators import Iterator, decode_iterator, encode_iterator
from .sequence import from_wire
from .shards import TRIMMED, Shard, describe_shard
from .stream import Stream

if TYPE_CHECKING:
    from .streams import Streams

Request = dict[str, Any]
Answer = dict[str, Any]
Present = Callable[[bytes], Any]
StreamOperation = Callable[["Streams", Request, Present], Answer]

STREAMS_MAX = 100
SHARDS_MAX = 100
RECORDS_MAX = 1000

_STREAM_ARN = re.compile(r"arn:[^:]+:dynamodb:[^:]*:[^:]*:table/[^/]+/stream/.+")


def list_streams(streams: Streams, request: Request, present: Present) -> Answer:
    """ListStreams: every stream that can still be read, up to 100 a page."""
    found = streams.streams.of_table(request.get("TableName"))
    start = request.get("ExclusiveStartStreamArn")
    if start is not None:
        found = [stream for stream in found if stream.arn > start]
    limit = request.get("Limit") or STREAMS_MAX
    answer: Answer = {
        "Streams": [
            {"StreamArn": each.arn, "TableName": each.table_name, "StreamLabel": each.label}
            for each in found[:limit]
        ]
    }
    if len(found) > limit:
        answer["LastEvaluatedStreamArn"] = found[limit - 1].arn
    return answer


def describe_stream(streams: Streams, request: Request, present: Present) -> Answer:
    """DescribeStream: a stream and its shards with their lineage, up to 100 a page."""
    stream = _stream_of(streams, request["StreamArn"])
    shards = _filtered(streams.shards_of(stream.arn), request.get("ShardFilter"))
    start = request.get("ExclusiveStartShardId")
    if start is not None:
        shards = [shard for shard in shards if shard.shard_id > start]
    limit = request.get("Limit") or SHARDS_MAX
    description: dict[str, Any] = {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": "ENABLED" if stream.disabled_ms is None else "DISABLED",
        "StreamViewType": stream.view_type,
        "CreationRequestDateTime": stream.created_ms / 1000,
        "TableName": stream.table_name,
        "KeySchema": stream.key_schema,
        "Shards": [describe_shard(shard) for shard in shards[:limit]],
    }
    if len(shards) > limit:
        description["LastEvaluatedShardId"] = shards[limit - 1].shard_id
    return {"StreamDescription": description}


def get_shard_iterator(streams: Streams, request: Request, present: Present) -> Answer:
    """GetShardIterator: a position by one of the four iterator types."""
    kind = request["ShardIteratorType"]
    given = request.get("SequenceNumber")
    needs_sequence = kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
    if needs_sequence and given is None:
        raise ValidationException(
            "1 validation error detected: SequenceNumber must be provided when ShardIteratorType "
            f"is {kind}"
        )
    if not needs_sequence and given is not None:
        raise ValidationException(
            "1 validation error detected: SequenceNumber must not be provided when "
            f"ShardIteratorType is {kind}"
        )
    stream = _stream_of(streams, request["StreamArn"])
    shard = streams.shards.find(stream.arn, request["ShardId"])
    if shard is None:
        raise ResourceNotFoundException(
            f"Requested resource not found: Shard {request['ShardId']} in Stream {stream.arn} not "
            "found"
        )
    after = _start_of(streams, shard, kind, given)
    token = Iterator(stream.arn, shard.number, after, streams.database.clock.now_ms())
    return {"ShardIterator": encode_iterator(token)}


def get_records(streams: Streams, request: Request, present: Present) -> Answer:
    """GetRecords: up to 1,000 records or 1 MB, and where to go on unless the shard has ended."""
    limit = request.get("Limit") or RECORDS_MAX
    if limit > RECORDS_MAX:
        raise ValidationException(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy "
            f"constraint: Member must have value less than or equal to {RECORDS_MAX}"
        )
    now_ms = streams.database.clock.now_ms()
    iterator = decode_iterator(
        request["ShardIterator"], now_ms, streams.limits.iterator_seconds_max
    )
    _stream_of(streams, iterator.stream_arn)
    shard = streams.shards.by_number.get(iterator.shard_number)
    if shard is None or iterator.after_sequence < shard.trimmed_seq:
        raise TrimmedDataAccessException(TRIMMED)
    records, is_end, _ = streams.read(shard, iterator.after_sequence, limit)
    answer: Answer = {"Records": [present(record.body) for record in records]}
    if not is_end:
        last = records[-1].sequence if records else iterator.after_sequence
        answer["NextShardIterator"] = encode_iterator(
            iterator._replace(after_sequence=last, issued_ms=now_ms)
        )
    return answer


STREAM_OPERATIONS: dict[str, StreamOperation] = {
    "ListStreams": list_streams,
    "DescribeStream": describe_stream,
    "GetShardIterator": get_shard_iterator,
    "GetRecords": get_records,
}


def bind_operations(
    streams: Streams, operations: dict[str, StreamOperation]
) -> dict[str, Operation]:
    """The operations as a database calls them."""

    def prepare(
        run: StreamOperation, database: Database, request: Request, present: Present
    ) -> Callable[[Any], Answer]:
        # Each looks at the shards before it takes a snapshot, so it opens its own.
        answer = run(streams, request, present)
        return lambda reader: answer

    return {name: Operation(Mode.READ, partial(prepare, run)) for name, run in operations.items()}


def _stream_of(streams: Streams, arn: str) -> Stream:
    stream = streams.streams.by_arn.get(arn)
    if stream is None:
        if not _STREAM_ARN.fullmatch(arn):
            raise ValidationException(f"Invalid StreamArn: {arn}")
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")
    return stream


def _filtered(shards: list[Shard], shard_filter: Request | None) -> list[Shard]:
    if shard_filter is None:
        return shards
    if shard_filter.get("Type") != "CHILD_SHARDS" or not shard_filter.get("ShardId"):
        raise ValidationException(
            "1 validation error detected: ShardFilter must have Type CHILD_SHARDS and a ShardId"
        )
    return [shard for shard in shards if shard.parent_id == shard_filter["ShardId"]]


def _start_of(streams: Streams, shard: Shard, kind: str, given: str | None) -> int:
    """The sequence behind which an iterator of this kind reads."""
    if kind == "TRIM_HORIZON":
        return streams.trim_horizon(shard)
    if kind == "LATEST":
        return streams.last_sequence(shard)
    sequence = _parse_sequence(given or "")
    if sequence <= shard.trimmed_seq or sequence < shard.start_seq:
        raise TrimmedDataAccessException(TRIMMED)
    if shard.end_seq is not None and sequence > shard.end_seq:
        raise ValidationException(
            f"Invalid SequenceNumber: {given} is behind the end of shard {shard.shard_id}"
        )
    return sequence - 1 if kind == "AT_SEQUENCE_NUMBER" else sequence


def _parse_sequence(text: str) -> int:
    try:
        sequence = from_wire(text)
    except ValueError:
        sequence = -1
    if not 0 <= sequence < 2**62:
        raise ValidationException(f"Invalid SequenceNumber: {text}")
    return sequence
