"""Stream records: packed into the log with their change, unpacked to what GetRecords answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Any, NamedTuple

import orjson

from ..engine.changes import Change
from .sequence import WIRE_BASE


class Record(NamedTuple):
    """A record as a reader gets it.

    `sequence` orders all records of the region; records of one atomic request share `transaction`.
    `body` is the record's JSON in the shape of the GetRecords answer.
    """

    sequence: int
    transaction: int
    at_ms: int
    body: bytes

    @property
    def event_name(self) -> str:
        """INSERT, MODIFY or REMOVE, without parsing the body."""
        return self.body[_EVENT_NAME].decode()


_EVENT_NAME = slice(59, 65)
"""Where a body names its event: behind an id of 32 characters; the three names are equally long."""


_BOTH = ord("B")
"""The kind of a packed record with both images."""
_SPANS = Struct(">5I")
"""Behind it: the record's size, where the new image begins and ends in what is packed, and how many
bytes of the new image's beginning and end are the old one's too. The members follow.
"""
_BOTH_BYTES = 1 + _SPANS.size

_MODIFY = ord("M")
_NAMES = {ord("I"): b"INSERT", _MODIFY: b"MODIFY", ord("R"): b"REMOVE"}


def pack_record(change: Change, view_type: str) -> bytes:
    """What the log keeps of a change: its kind, its size, and the members that only it has.

    The rest is the same for a whole stream and is put back by `unpacker_of`; of two images the old
    one is kept by its difference from the new. So most records take a third of their length or
    less, and what a write adds to the file stays small. The size counts the keys and the images
    that are shown, by DynamoDB's item size rule (as observed on AWS).
    """
    old, new = change.old_body, change.new_body
    kind = b"I" if old is None else b"R" if new is None else b"M"
    size = change.keys_size
    images = b""
    if new is not None and (view_type == "NEW_IMAGE" or view_type == "NEW_AND_OLD_IMAGES"):
        images = b',"NewImage":%b' % new
        size += change.new_size
    if old is not None and (view_type == "OLD_IMAGE" or view_type == "NEW_AND_OLD_IMAGES"):
        size += change.old_size
        if new is not None and images:
            return _pack_both(change.keys, size, old, new)
        images = b',"OldImage":%b' % old
    identity = b""
    if change.identity is not None:
        identity = b'\0,"userIdentity":%b' % orjson.dumps(change.identity)
    return b'%b%d,"Keys":%b%b%b' % (kind, size, orjson.dumps(change.keys), images, identity)


def _pack_both(keys: dict[str, Any], size: int, old: bytes, new: bytes) -> bytes:
    """The record of an item that changed: its old image is the new one but for a middle part."""
    head = _common_head(old, new)
    tail = _common_tail(old, new, min(len(old), len(new)) - head)
    opening = b',"Keys":%b,"NewImage":' % orjson.dumps(keys)
    start = _BOTH_BYTES + len(opening)
    spans = _SPANS.pack(size, start, start + len(new), head, tail)
    return b"%c%b%b%b%b" % (_BOTH, spans, opening, new, old[head : len(old) - tail])


NEAR_BYTES = 16
"""So near the search for what two images share may stop: less is not worth another step."""


def _common_head(one: bytes, other: bytes) -> int:
    """How many bytes both begin with, or nearly so many."""
    low, high = 0, min(len(one), len(other))
    while high - low >= NEAR_BYTES:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_tail(one: bytes, other: bytes, longest: int) -> int:
    """How many bytes both end with, or nearly so many, `longest` at the most."""
    low, high = 0, longest
    one_end, other_end = len(one), len(other)
    while high - low >= NEAR_BYTES:
        middle = (low + high + 1) // 2
        if one[one_end - middle : one_end - low] == other[other_end - middle : other_end - low]:
            low = middle
        else:
            high = middle - 1
    return low


Unpack = Callable[[bytes, int, int], bytes]
"""Makes a packed record, its sequence and its time in milliseconds the JSON GetRecords gives."""


@lru_cache(maxsize=1024)
def unpacker_of(stream_arn: str, view_type: str, region: str) -> Unpack:
    """The function that unpacks the records of one stream, member for member in AWS's order."""
    opening = b'{"eventID":"%b' % blake2b(stream_arn.encode(), digest_size=8).hexdigest().encode()
    ending = b',"StreamViewType":"%b"}' % view_type.encode()
    behind_ids = {
        kind: b'","eventName":"%b","eventVersion":"1.1","eventSource":"aws:dynamodb",'
        b'"awsRegion":"%b","dynamodb":{"ApproximateCreationDateTime":' % (name, region.encode())
        for kind, name in _NAMES.items()
    }
    modify, whole_ending, unpack_spans = behind_ids[_MODIFY], ending + b"}", _SPANS.unpack_from

    def unpack(packed: bytes, seq: int, at_ms: int) -> bytes:
        kind = packed[0]
        if kind == _BOTH:
            size, start, end, head, tail = unpack_spans(packed, 1)
            return b'%b%016x%b%d%b,"OldImage":%b%b%b,"SequenceNumber":"%d","SizeBytes":%d%b' % (
                opening,
                seq,
                modify,
                at_ms // 1000,
                packed[_BOTH_BYTES:end],
                packed[start : start + head],
                packed[end:],
                packed[end - tail : end],
                WIRE_BASE + seq,
                size,
                whole_ending,
            )
        comma = packed.index(b",")
        members, last = packed[comma:], whole_ending
        if 0 in members:  # JSON never holds a raw zero byte
            members, _, identity = members.partition(b"\0")
            last = b"%b%b}" % (ending, identity)
        return b'%b%016x%b%d%b,"SequenceNumber":"%d","SizeBytes":%b%b' % (
            opening,
            seq,
            behind_ids[kind],
            at_ms // 1000,
            members,
            WIRE_BASE + seq,
            packed[1:comma],
            last,
        )

    return unpack
