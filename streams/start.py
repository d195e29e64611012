"""Where a shard iterator starts: the five iterator types, each as the sequence it reads behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.errors import TrimmedDataAccessException, ValidationException
from ..engine.storage import Reader
from .sequence import from_wire
from .shards import TRIMMED, Shard

if TYPE_CHECKING:
    from .streams import Streams

Request = dict[str, Any]

AT_SEQUENCE = "AT_SEQUENCE_NUMBER"
AFTER_SEQUENCE = "AFTER_SEQUENCE_NUMBER"
AT_TIMESTAMP = "AT_TIMESTAMP"

_INVALID = "One or more parameter values were invalid: "


def check_start(request: Request) -> None:
    """Raises ValidationException for a type without its SequenceNumber or Timestamp, or with
    another's.
    """
    kind = request["ShardIteratorType"]
    if kind in (AT_SEQUENCE, AFTER_SEQUENCE):
        if request.get("SequenceNumber") is None:
            raise ValidationException(f"{_INVALID}Invalid SequenceNumber")
    elif request.get("SequenceNumber") is not None:
        raise ValidationException(
            f"{_INVALID}SequenceNumber should not be passed for this iterator type"
        )
    if kind == AT_TIMESTAMP:
        if request.get("Timestamp") is None:
            raise ValidationException(f"{_INVALID}Invalid Timestamp")
    elif request.get("Timestamp") is not None:
        raise ValidationException(
            f"{_INVALID}Timestamp should not be passed for this iterator type"
        )


def start_of(streams: Streams, shard: Shard, request: Request) -> int:
    """The sequence behind which an iterator reads that a checked request asks for.

    Raises TrimmedDataAccessException where records have been dropped from there on, and
    ValidationException for a number that is none of the shard's or a time that has not come.
    """
    kind = request["ShardIteratorType"]
    if kind == "TRIM_HORIZON":
        return streams.trim_horizon(shard)
    if kind == "LATEST":
        return streams.last_sequence(shard)
    if kind == AT_TIMESTAMP:
        at_ms = round(request["Timestamp"] * 1000)
        if at_ms > streams.database.clock.now_ms():
            raise ValidationException(f"{_INVALID}Timestamp must not be in the future")
        found = streams.database.store.read(lambda reader: sequence_before(reader, shard, at_ms))
        return streams.last_sequence(shard) if found is None else found
    sequence = _parse_sequence(request["SequenceNumber"])
    if sequence <= shard.trimmed_seq:
        raise TrimmedDataAccessException(TRIMMED)
    if sequence < shard.start_seq or (shard.end_seq is not None and sequence > shard.end_seq):
        raise ValidationException("Invalid SequenceNumber for the shard")
    return sequence - 1 if kind == AT_SEQUENCE else sequence


def sequence_before(reader: Reader, shard: Shard, at_ms: int) -> int | None:
    """The sequence just before that of the first record made at a time or later.

    None: all it has now are older. Halves the log, whose times never run back, until it is found.
    """
    ends = reader.log_ends(shard.number)
    if ends is None or ends[1].at_ms < at_ms:
        return None
    low = ends[0].position
    high = last = ends[1].position
    while low < high:
        middle = (low + high) // 2
        # Positions have gaps: up to the last there is always a row, up to `high` there may be none.
        (row,) = reader.log_read(shard.number, middle - 1, last, 1)
        if row.at_ms >= at_ms:
            high = middle
        else:
            low = row.position + 1
    # Not simply `low`, which may lie in a gap, before the older records of other shards.
    (row,) = reader.log_read(shard.number, low - 1, last, 1)
    return shard.sequence_at(row.position) - 1


def _parse_sequence(text: str) -> int:
    try:
        return from_wire(text)
    except ValueError:
        raise ValidationException(f"{_INVALID}Invalid SequenceNumber") from None
