"""Giving up: who is told of records that a handler could not do, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engine import Database
from ..engine.storage import Transaction
from ..streams import Record, Shard
from .attempts import Attempts
from .dead_letters import TABLE_NAME as DEAD_LETTERS
from .dead_letters import DeadLetter, bury
from .destinations import Condition, Destination, DestinationError, InvocationRecord, Response
from .errors import RecordAgeExceeded
from .mapping import EventSourceMapping, uuid_of_declared
from .quarantine import Choose, Quarantine, Sieve, hold, set_aside
from .reports import ReportedFailure
from .transaction import HandlerTransaction

TELLINGS_MAX = 8
"""How often a destination is asked to take a record before its dead letter has to do."""


@dataclass
class GivenUp:
    """Records that a handler could not do; `attempts` counts the calls on exactly these.

    `error` is None where they were too old to be tried, or tried again.
    """

    records: Sequence[Record]
    error: BaseException | None
    attempts: int
    request_id: str
    at_ms: int
    tellings: int = 0
    """How often the destination has failed to take them."""
    is_told: bool = False
    untold: str | None = None
    """Why the destination was not told, once that has been given up too."""

    @property
    def condition(self) -> Condition:
        return Condition.AGE if self.error is None else Condition.RETRIES


class GivingUp:
    """What becomes of the records that a mapping gives up; its workers share it.

    The destination is told first. Then, in the commit that moves the position past them, they
    become dead letters, and where poison is quarantined their items are set aside.
    """

    def __init__(
        self, database: Database, mapping: EventSourceMapping, destination: Destination | None
    ) -> None:
        self._database = database
        self._mapping = mapping
        self._destination = destination
        self._mapping_id = mapping.uuid or uuid_of_declared(
            database.region, database.account, mapping.name
        )
        self.writes_letters = mapping.table_name != DEAD_LETTERS
        """Whether there are letters at all: one about a letter would never end."""
        self._sets_aside = self.writes_letters and mapping.on_poison == "quarantine"
        self._quarantine = Quarantine(database, mapping.name)

    def sieve(self, choose: Choose) -> Sieve | None:
        """What keeps back records of items that are set aside; None where none are or will be."""
        if self._sets_aside or self._quarantine:
            return Sieve(choose, self._quarantine)
        return None

    def look_again(self) -> None:
        """Takes in which items are set aside now."""
        self._quarantine.look_again()

    def tell(self, shard: Shard, function_arn: str, given_up: GivenUp) -> None:
        """Has the destination, if there is one, take the records. Raises DestinationError.

        After so many times it raises no more, and the dead letters say why it was not told.
        """
        if self._destination is None or given_up.is_told or given_up.untold is not None:
            return
        error = given_up.error
        was_called = given_up.attempts > 0
        record = InvocationRecord(
            mapping_id=self._mapping_id,
            function_arn=function_arn,
            request_id=given_up.request_id,
            condition=given_up.condition,
            invoke_count=given_up.attempts,
            response=Response(not isinstance(error, ReportedFailure)) if was_called else None,
            at_ms=given_up.at_ms,
            shard=shard,
            records=given_up.records,
        )
        try:
            self._destination.send(record)
        except DestinationError as failure:
            given_up.tellings += 1
            if given_up.tellings < TELLINGS_MAX:
                raise
            given_up.untold = str(failure)
        else:
            given_up.is_told = True

    def burial(
        self, shard: Shard, given_up: GivenUp, attempts: Attempts, held: Sequence[Record]
    ) -> Callable[[Transaction], None]:
        """The work that keeps records that were given up, and `held` ones behind those set aside.

        Raises DynamoDBError, or at its commit LetOutMeanwhile, with nothing written.
        """
        mapping, at_ms = self._mapping, given_up.at_ms
        error = given_up.error
        if error is None:
            seconds = mapping.maximum_record_age_in_seconds
            error = RecordAgeExceeded(f"the record was not done within {seconds} seconds")
        letters = [
            DeadLetter(
                mapping.name,
                shard,
                record,
                error,
                given_up.attempts,
                at_ms,
                failures=attempts.of(record),
                condition=given_up.condition,
                untold=given_up.untold,
            )
            for record in (given_up.records if self.writes_letters else ())
        ]
        poison = given_up.records if self._sets_aside and given_up.error is not None else ()
        keep = self.holding(shard, held, bury(self._database, letters))

        def work(transaction: Transaction) -> None:
            for record in poison:
                set_aside(transaction, mapping.name, record, at_ms)
            keep(transaction)

        return work

    def holding(
        self, shard: Shard, held: Sequence[Record], writes: HandlerTransaction
    ) -> Callable[[Transaction], None]:
        """The work that does `writes`, and holds records of items that are set aside.

        Raises at its commit what `writes` do, and LetOutMeanwhile.
        """
        name, at_ms = self._mapping.name, self._database.clock.now_ms()
        letters = bury(
            self._database,
            [DeadLetter(name, shard, record, None, 0, at_ms, is_held=True) for record in held],
        )

        def work(transaction: Transaction) -> None:
            for record in held:
                hold(transaction, name, record)
            letters.apply(transaction)
            writes.apply(transaction)

        return work
