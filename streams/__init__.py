"""Streams: records of every change, in shards with a lineage, kept for a day.

Stands on `pelton.engine` and watches it from inside its transactions.
"""

from .limits import StreamLimits
from .reader import After, AtTime, Start, StreamReader
from .records import Record
from .sequence import from_wire, to_wire
from .shards import Shard, describe_shard
from .streams import Slice, Streams, parse_record
from .upkeep import Upkeep

__all__ = [
    "After",
    "AtTime",
    "Record",
    "Shard",
    "Slice",
    "Start",
    "StreamLimits",
    "StreamReader",
    "Streams",
    "Upkeep",
    "describe_shard",
    "from_wire",
    "parse_record",
    "to_wire",
]
