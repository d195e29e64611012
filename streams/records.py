"""Stream records: packed into the log with their change, unpacked to what GetRecords answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

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


_NAMES = {b"I": b"INSERT", b"M": b"MODIFY", b"R": b"REMOVE"}


def pack_record(change: Change, view_type: str) -> bytes:
    """What the log keeps of a change: its kind, its size, and the members that only it has.

    The rest is the same for a whole stream and is put back by `unpacker_of`; without it two
    records of images of a kilobyte share a page of the file. The size counts the keys and the
    images that are shown, by DynamoDB's item size rule (as observed on AWS).
    """
    old, new = change.old_body, change.new_body
    kind = b"I" if old is None else b"R" if new is None else b"M"
    size = change.keys_size
    images = b""
    if new is not None and (view_type == "NEW_IMAGE" or view_type == "NEW_AND_OLD_IMAGES"):
        images = b',"NewImage":%b' % new
        size += change.new_size
    if old is not None and (view_type == "OLD_IMAGE" or view_type == "NEW_AND_OLD_IMAGES"):
        images = b'%b,"OldImage":%b' % (images, old)
        size += change.old_size
    identity = b""
    if change.identity is not None:
        identity = b'\0,"userIdentity":%b' % orjson.dumps(change.identity)
    return b'%b%d,"Keys":%b%b%b' % (kind, size, orjson.dumps(change.keys), images, identity)


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

    def unpack(packed: bytes, seq: int, at_ms: int) -> bytes:
        comma = packed.index(b",")
        members, identity = packed[comma:], b""
        if b"\0" in members:  # JSON never holds a raw zero byte
            members, _, identity = members.partition(b"\0")
        return b'%b%016x%b%d%b,"SequenceNumber":"%d","SizeBytes":%b%b%b}' % (
            opening,
            seq,
            behind_ids[packed[:1]],
            at_ms // 1000,
            members,
            WIRE_BASE + seq,
            packed[1:comma],
            ending,
            identity,
        )

    return unpack
