"""Redrive: dead letters are delivered to their handlers again, in order, and gone once done."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..engine import Database, DynamoDBError
from ..streams import Shard, Streams
from .attempts import Attempt, describe_attempt, without_repeats
from .calling import Caller
from .context import Source
from .dead_letters import TABLE_NAME, describe, describe_failure
from .delivery import Delivery
from .errors import ReadConflict
from .letters import Letter, find_letter, letters_of
from .mapping import EventSourceMapping
from .transaction import HandlerTransaction

log = logging.getLogger("pelton.handlers")

CONFLICTS_MAX = 20
"""How often a handler is run whose reads the writes of others have overtaken."""

FAILURES_KEPT = 20


class Redriven(NamedTuple):
    """What a redrive came to."""

    delivered: int
    """Letters that were delivered, and are gone."""
    failed: list[Letter]
    """Letters whose handler failed once more, as they are kept now."""
    waiting: int
    """Letters that were not tried, because one before them about the same item has failed."""


class Redrive:
    """Delivers letters one by one; what their handlers write, and the letter's end, are one commit.

    Of each item the letters go in order, up to the first that fails. A letter that somebody else
    is delivering at the same time is done once: who commits second finds it gone.
    """

    def __init__(
        self,
        database: Database,
        streams: Streams,
        mappings: Mapping[str, EventSourceMapping],
        caller: Caller,
    ) -> None:
        self._database = database
        self._streams = streams
        self._mappings = mappings
        self._caller = caller

    def run(
        self, handler_name: str | None = None, key: Mapping[str, Any] | None = None
    ) -> Redriven:
        """Goes through the letters of a handler, or of all, about one item, or about all.

        Raises ValueError where a letter's handler is none of the mappings, or takes windows.
        """
        delivered, waiting = 0, 0
        failed: dict[tuple[str, str, str], Letter] = {}
        for letter in letters_of(self._database, handler_name, key):
            item = (letter.handler_name, letter.table_name, repr(sorted(letter.key.items())))
            if item in failed:
                waiting += 1
                continue
            mapping = self._mapping_of(letter)
            is_done, error = self._deliver(mapping, letter)
            if error is None:
                delivered += is_done
                continue
            log.warning("%s: %s", _describe(letter), error, exc_info=error)
            failed[item] = self._note_failure(letter, error)
        return Redriven(delivered, list(failed.values()), waiting)

    # --- one letter ----------------------------------------------------------------------------

    def _deliver(
        self, mapping: EventSourceMapping, letter: Letter
    ) -> tuple[bool, BaseException | None]:
        """Whether it is done, and what it failed with; neither where somebody else has done it."""
        error: BaseException | None = None
        for _ in range(CONFLICTS_MAX):
            transaction = HandlerTransaction(self._database)
            # Read through the transaction: it commits only if the letter is still what it is now.
            if transaction.get(TABLE_NAME, letter.item_keys[0]) is None:
                return False, None
            for item_key in letter.item_keys:
                transaction.delete(TABLE_NAME, item_key)
            error = self._call(mapping, letter, transaction)
            if error is not None:
                return False, error
            try:
                self._database.write(transaction.apply)
            except ReadConflict as conflict:
                error = conflict
            except DynamoDBError as refusal:
                return False, refusal
            else:
                return True, None
        return False, error

    def _call(
        self, mapping: EventSourceMapping, letter: Letter, transaction: HandlerTransaction
    ) -> BaseException | None:
        if letter.event_name not in mapping.event_names:
            return ValueError(f"{mapping.name!r} is not called for {letter.event_name} any more")
        source = Source(mapping.name, self._shard_of(letter), self._database.clock)
        delivery = Delivery(mapping.handler, source, transaction, letter.attempts + 1)
        return delivery.run(self._caller, [letter.record], _never).error

    def _note_failure(self, letter: Letter, error: BaseException) -> Letter:
        """Keeps the attempt in the letter; returns the letter as it is then."""
        at_ms = self._database.clock.now_ms()
        failures = _with(letter.failures, describe_attempt(error, at_ms, 1))
        transaction = HandlerTransaction(self._database)
        kept = transaction.get(TABLE_NAME, letter.item_keys[0])
        if kept is not None:
            kept["attempts"] += 1
            kept["failed_at_ms"] = at_ms
            kept["failures"] = [describe(each) for each in failures]
            kept.update(describe_failure(error))
            transaction.put(TABLE_NAME, kept)
            try:
                self._database.write(transaction.apply)
            except ReadConflict:
                pass  # somebody else has just tried it too, and noted that
        return find_letter(self._database, letter.handler_name, letter.sequence_number) or letter

    # --- whom it is for ------------------------------------------------------------------------

    def _mapping_of(self, letter: Letter) -> EventSourceMapping:
        mapping = self._mappings.get(letter.handler_name)
        if mapping is None:
            raise ValueError(
                f"there is no handler {letter.handler_name!r} that its dead letters could go to"
            )
        if mapping.takes_windows:
            raise ValueError(
                f"handler {mapping.name!r} gathers windows, and those of its dead letters are over"
            )
        return mapping

    def _shard_of(self, letter: Letter) -> Shard:
        """The letter's shard, or where retention has dropped it, what is still known of it."""
        for shard in self._streams.shards_of(letter.stream_arn):
            if shard.shard_id == letter.shard_id:
                return shard
        return Shard(
            number=0,
            shard_id=letter.shard_id,
            stream_arn=letter.stream_arn,
            table_name=letter.table_name,
            partition=0,
            parent_id=None,
            start_seq=letter.record.sequence,
            end_seq=letter.record.sequence,
            created_ms=letter.changed_at_ms,
        )


def _with(failures: tuple[Attempt, ...], attempt: Attempt) -> list[Attempt]:
    """The failures with one more; of many, the ones in the middle are forgotten."""
    all_of_them = [*failures, attempt]
    if len(all_of_them) > FAILURES_KEPT:
        del all_of_them[FAILURES_KEPT // 4]
    return without_repeats(all_of_them)


def _describe(letter: Letter) -> str:
    return f"dead letter {letter.sequence_number} of handler {letter.handler_name!r}"


def _never() -> bool:
    return False
