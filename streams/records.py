"""Stream records: the exact bytes GetRecords answers with, made once, when the change is made."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

import orjson

from ..engine.changes import Change
from .sequence import to_wire


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


@lru_cache(maxsize=1024)
def _opening(stream_arn: str, region: str, event_name: str) -> tuple[bytes, bytes]:
    """What stands before and behind the sequence in a record's event id."""
    salt = hashlib.blake2b(stream_arn.encode(), digest_size=8).hexdigest()
    return (
        b'{"eventID":"%b' % salt.encode(),
        b'","eventName":"%b","eventVersion":"1.1","eventSource":"aws:dynamodb",'
        b'"awsRegion":"%b","dynamodb":{"ApproximateCreationDateTime":'
        % (event_name.encode(), region.encode()),
    )


def encode_record(change: Change, stream_arn: str, view_type: str, region: str, seq: int) -> bytes:
    """A change as a stream shows it, with exactly the images of its view type.

    SizeBytes counts the keys and the images that are shown, by DynamoDB's item size rule
    (as observed on AWS).
    """
    old, new = change.old_body, change.new_body
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    opening, behind_id = _opening(stream_arn, region, name)
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
        identity = b',"userIdentity":%b' % orjson.dumps(change.identity)
    return (
        b'%b%016x%b%d,"Keys":%b%b,"SequenceNumber":"%b","SizeBytes":%d,"StreamViewType":"%b"}%b}'
        % (
            opening,
            seq,
            behind_id,
            change.at_ms // 1000,
            orjson.dumps(change.keys),
            images,
            to_wire(seq).encode(),
            size,
            view_type.encode(),
            identity,
        )
    )
