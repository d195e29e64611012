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
from .shards import TRIMMED, Shard, describe_shard
from .start import check_start, start_of
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
    limit = _limit_of(request, STREAMS_MAX)
    found = streams.streams.of_table(request.get("TableName"))
    start = request.get("ExclusiveStartStreamArn")
    if start is not None:
        _check_arn(start)
        found = [stream for stream in found if stream.arn > start]
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
    limit = _limit_of(request, SHARDS_MAX)
    stream = _stream_of(streams, request["StreamArn"])
    shards = _filtered(streams.shards_of(stream.arn), request.get("ShardFilter"))
    start = request.get("ExclusiveStartShardId")
    if start is not None:
        shards = [shard for shard in shards if shard.shard_id > start]
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
    """GetShardIterator: a position by one of the five iterator types."""
    check_start(request)
    stream = _stream_of(streams, request["StreamArn"])
    shard = streams.shards.find(stream.arn, request["ShardId"])
    if shard is None:
        raise ResourceNotFoundException("Requested resource not found: Shard does not exist")
    after = start_of(streams, shard, request)
    token = Iterator(stream.arn, shard.number, after, streams.database.clock.now_ms())
    return {"ShardIterator": encode_iterator(token)}


def get_records(streams: Streams, request: Request, present: Present) -> Answer:
    """GetRecords: up to 1,000 records or 1 MB, and where to go on unless the shard has ended."""
    limit = _limit_of(request, RECORDS_MAX)
    now_ms = streams.database.clock.now_ms()
    iterator = decode_iterator(
        request["ShardIterator"], now_ms, streams.limits.iterator_seconds_max
    )
    stream = _stream_of(streams, iterator.stream_arn)
    shard = _shard_numbered(streams, iterator.shard_number)
    if shard is not None and shard.stream_arn != stream.arn:
        raise ValidationException("Invalid ShardIterator")
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
        _check_arn(arn)
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")
    return stream


def _shard_numbered(streams: Streams, number: int) -> Shard | None:
    # Not in the mirror: it is gone, or another process has made it a moment ago. Only the store
    # can tell, and a reader must not be told of a loss where there is none.
    known = streams.shards.by_number.get(number)
    return known or streams.database.store.read(
        lambda reader: streams.shards.stored(reader, number)
    )


def _check_arn(arn: str) -> None:
    if not _STREAM_ARN.fullmatch(arn):
        raise ValidationException("Invalid StreamArn")


def _limit_of(request: Request, limit_max: int) -> int:
    limit: int = request.get("Limit") or limit_max
    if limit > limit_max:
        raise ValidationException(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy "
            f"constraint: Member must have value less than or equal to {limit_max}"
        )
    return limit


def _filtered(shards: list[Shard], shard_filter: Request | None) -> list[Shard]:
    if shard_filter is None:
        return shards
    for member, name in (("Type", "type"), ("ShardId", "shardId")):
        if shard_filter.get(member) is None:
            raise ValidationException(
                f"1 validation error detected: Value null at 'shardFilter.{name}' failed to "
                "satisfy constraint: Member must not be null"
            )
    return [shard for shard in shards if shard.parent_id == shard_filter["ShardId"]]
