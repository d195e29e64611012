"""Records that a mapping has missed: looked up in the store, put into words, and left behind."""

from __future__ import annotations

from datetime import UTC, datetime

from ..engine import Database
from ..engine.storage import Reader, Transaction
from ..streams import Shard, Streams
from ..streams.losses import GONE, Loss, forget_loss, read_loss
from ..streams.sequence import to_wire
from .errors import RecordsTrimmedError
from .mapping import EventSourceMapping


def find_loss(reader: Reader, mapping: str, shard_number: int, sequence: int) -> Loss | None:
    """What a mapping that has reached `sequence` in a shard has missed there, or where it is gone.

    None where it was done with all that was dropped.
    """
    loss = read_loss(reader, mapping, shard_number)
    if loss is not None and loss.through > sequence:
        return loss
    return read_loss(reader, mapping, GONE)


def find_any_loss(
    database: Database, streams: Streams, mapping: str, shard: Shard, sequence: int
) -> Loss | None:
    """The same where records behind `sequence` are gone, also if nobody has counted them."""

    def look(reader: Reader) -> Loss | None:
        loss = find_loss(reader, mapping, shard.number, sequence)
        trimmed_seq = streams.shards.trimmed_of(reader, shard.number)
        if loss is None and trimmed_seq is not None and trimmed_seq > sequence:
            now_ms = database.clock.now_ms()
            return Loss(trimmed_seq, 0, shard.created_ms, now_ms, [shard.shard_id])
        return loss

    return database.store.read(look)


def is_trimmed(database: Database, streams: Streams, shard: Shard, sequence: int) -> bool:
    """Whether a record has left its shard, or the shard is gone."""
    trimmed_seq = database.store.look_up(
        lambda reader: streams.shards.trimmed_of(reader, shard.number)
    )
    return trimmed_seq is None or sequence <= trimmed_seq


def forget_losses(transaction: Transaction, mapping: str, shard_number: int) -> None:
    """Leaves behind what was missed in a shard and in those that have gone."""
    forget_loss(transaction, mapping, shard_number)
    forget_loss(transaction, mapping, GONE)


def loss_error(mapping: EventSourceMapping, loss: Loss) -> RecordsTrimmedError:
    """The error of a mapping that is not to skip what it has missed."""
    return RecordsTrimmedError(
        f"handler {mapping.name!r} has missed {describe_loss(loss)} of table "
        f"{mapping.table_name!r}: they left the stream before it had done them. Its position is "
        'kept. Give it on_trimmed="skip" to go on at the oldest record kept; with '
        "pins_records=True records wait for it"
    )


def describe_loss(loss: Loss) -> str:
    """How many records, when they were made and where they were."""
    count = f"{loss.records:,} record{'' if loss.records == 1 else 's'}"
    if not loss.records:
        count = "records"  # gone, and nobody has counted them
    first, last = (
        datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for at_ms in (loss.first_ms, loss.last_ms)
    )
    shards = " to ".join(loss.shard_ids)
    return (
        f"{count} from {first} to {last} (in shard {shards}, up to sequence number "
        f"{to_wire(loss.through)})"
    )
