"""Redrive: dead letters are delivered to their handlers again, in order, and gone once done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson

from ..engine import Database, DynamoDBError
from ..engine.storage import Transaction
from ..streams import Shard, Streams, to_wire
from .attempts import Attempt, describe_attempt, without_repeats
from .calling import Caller
from .context import Source
from .dead_letters import TABLE_NAME, describe, describe_failure, item_key_of
from .delivery import Delivery
from .errors import ReadConflict
from .letters import Letter, find_letter, handler_names, letters_of
from .mapping import EventSourceMapping
from .python_values import item_to_python
from .quarantine import held_sequences, items_set_aside, let_go, mappings_with_items
from .reports import REPORTED, InvalidReportError, ReportedFailure, first_failure
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
    is delivering at the same time is done once: who commits second finds it gone. An item that is
    set aside is let out in the commit of the last letter that is held of it.
    """

    def __init__(
        self,
        database: Database,
        streams: Streams,
        mappings: Mapping[str, EventSourceMapping],
        caller: Caller,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`should_stop` is asked before each letter; then the rest is left as it is."""
        self._database = database
        self._streams = streams
        self._mappings = mappings
        self._caller = caller
        self._should_stop = should_stop

    def run(
        self, handler_name: str | None = None, key: Mapping[str, Any] | None = None
    ) -> Redriven:
        """Goes through the letters of a handler, or of all, about one item, or about all.

        Raises ValueError where a letter's handler is none of the mappings, or takes windows.
        """
        tally = _Tally()
        names = [handler_name] if handler_name is not None else self._names()
        for name in names:
            self._forget_removed(name, key)
            before = -1
            # What came behind the letters of an item that is set aside is held by now.
            while before < tally.delivered:
                before = tally.delivered
                for letter in letters_of(self._database, name, key):
                    if self._should_stop():
                        break
                    self._try(letter, tally)
                held = self._items_held(name, key) - tally.items_failed(name)
                if self._should_stop() or not held:
                    break
        return Redriven(tally.delivered, list(tally.failed.values()), len(tally.waiting))

    def _try(self, letter: Letter, tally: _Tally) -> None:
        item = (letter.handler_name, item_key_of(letter.record))
        if item in tally.failed:
            if letter.sequence_number != tally.failed[item].sequence_number:
                tally.waiting.add((letter.handler_name, letter.sequence_number))
            return
        is_done, error = self._deliver(self._mapping_of(letter), letter)
        tally.delivered += is_done
        if error is not None:
            log.warning("%s: %s", _describe(letter), error, exc_info=error)
            tally.failed[item] = self._note_failure(letter, error)

    # --- items that are set aside --------------------------------------------------------------

    def _names(self) -> list[str]:
        """The names of the handlers that have letters, or have set items aside."""
        found = self._database.store.read(mappings_with_items)
        if TABLE_NAME in self._database.catalog.tables:
            found.update(handler_names(self._database))
        return sorted(found)

    def _items_held(self, name: str, key: Mapping[str, Any] | None) -> set[bytes]:
        found = self._database.store.read(lambda reader: items_set_aside(reader, name))
        if key is None:
            return found
        return {each for each in found if item_to_python(orjson.loads(each)) == key}

    def _forget_removed(self, name: str, key: Mapping[str, Any] | None) -> None:
        """Holds no longer what somebody has removed from the table of dead letters."""
        store = self._database.store
        for item_key in self._items_held(name, key):
            for sequence in store.read(partial(held_sequences, mapping=name, item_key=item_key)):
                if find_letter(self._database, name, to_wire(sequence)) is not None:
                    break  # those behind it are met when their turn has come
                self._database.write(
                    partial(let_go, mapping=name, item_key=item_key, sequence=sequence)
                )

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
                self._database.write(_ending(letter, transaction))
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
        source = Source.of(mapping, self._shard_of(letter), self._database.clock)
        delivery = Delivery(mapping.handler, source, transaction, letter.attempts + 1)
        outcome = delivery.run(self._caller, [letter.record], self._should_stop)
        if outcome.error is not None or not mapping.reports_failures:
            return outcome.error
        try:
            place = first_failure(outcome.answer, [letter.record])
        except InvalidReportError as error:
            return error
        return None if place is None else ReportedFailure(REPORTED)

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


class _Tally:
    """What has come of the letters so far; `failed` are those that hold back their items."""

    def __init__(self) -> None:
        self.delivered = 0
        self.failed: dict[tuple[str, bytes], Letter] = {}
        self.waiting: set[tuple[str, str]] = set()

    def items_failed(self, name: str) -> set[bytes]:
        return {item_key for handler_name, item_key in self.failed if handler_name == name}


def _ending(letter: Letter, writes: HandlerTransaction) -> Callable[[Transaction], None]:
    """The work that does what a handler has written, and holds its letter no longer."""

    def work(transaction: Transaction) -> None:
        writes.apply(transaction)
        record = letter.record
        let_go(transaction, letter.handler_name, item_key_of(record), record.sequence)

    return work


def _describe(letter: Letter) -> str:
    return f"dead letter {letter.sequence_number} of handler {letter.handler_name!r}"
