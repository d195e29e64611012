"""A region: its store, its catalog, and the operations that clients call."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import orjson

from .backfill import Backfill
from .catalog import Catalog
from .changes import ChangeObserver
from .clock import Clock, SystemClock
from .errors import (
    ResourceNotFoundException,
    SpaceDroppedError,
    UnknownOperationException,
    ValidationException,
)
from .item_collections import COLLECTION_BYTES_MAX
from .items import ItemWriter
from .model import operations, validate_request
from .operations import ITEM_OPERATIONS, TABLE_OPERATIONS
from .operations.operation import Answer, Mode, Operation, Present, Request
from .operations.precedence import raise_earlier_fault
from .partitions import PartitionLimits
from .partitions.heat import Heat
from .partitions.splitter import Splitter
from .schema import Table
from .storage import Reader, SQLiteStore, Store, Transaction
from .strictness import Strictness, Switches
from .tracing import Tracing

R = TypeVar("R")
log = logging.getLogger("pelton.engine")

Done = Callable[[Any, BaseException | None], None]


class Write(Protocol):
    """A way of work to the store, such as `Store.write` itself."""

    def __call__(self, work: Callable[[Any], Any], done: Done, *, alone: bool = False) -> None: ...


class Database:
    """All tables of one region, in one file; ":memory:" keeps nothing after `close`.

    Requests and answers are those of the DynamoDB API, as dictionaries in wire form.
    `collection_bytes_max` is how large the items of one partition key may be in a table with local
    indexes, with their entries in those: AWS's 10 GB unless a test wants to get there.
    Raises StoreError and its kin where the file cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        region: str = "us-east-1",
        account: str = "000000000000",
        clock: Clock | None = None,
        durability: str = "FULL",
        collection_bytes_max: int = COLLECTION_BYTES_MAX,
        partition_limits: PartitionLimits | None = None,
    ) -> None:
        self.region = region
        self.account = account
        self.clock = clock or SystemClock()
        self.partition_limits = partition_limits or PartitionLimits()
        self.store: Store = SQLiteStore(path, durability=durability)
        self.catalog = Catalog()
        self.change_observers: list[ChangeObserver] = []
        self.heat = Heat(self.clock, lambda: self.partition_limits)
        self.writer = ItemWriter(self.change_observers, self.heat, collection_bytes_max)
        self.operations: dict[str, Operation] = {**ITEM_OPERATIONS, **TABLE_OPERATIONS}
        self.switches: Switches | None = None
        """What makes it strict; None, for next to nothing, where `strictness` is off."""
        self.tracing: Tracing | None = None
        """What follows its requests, where somebody keeps traces of them."""
        self.store.read(self.catalog.load)
        self.store.on_foreign_commit(self.catalog.load)
        self.backfill = Backfill(self)
        self.splitter = Splitter(self)

    def call(self, operation: str, request: Request, *, present: Present = orjson.loads) -> Answer:
        """Answers one request, after its commit if it writes.

        `present` says how stored JSON enters the answer. Raises DynamoDBError for whatever
        DynamoDB would refuse, StoreError where the store fails.
        """
        tables = self.catalog.tables
        mode, work = self.prepare(operation, request, present)
        if mode is Mode.WRITE or mode is Mode.CATALOG:
            return self.write(work, alone=mode is Mode.CATALOG)
        try:
            return self._read(mode, work)
        except SpaceDroppedError:
            self.write(_commit_nothing)
            self._expect_other_tables(tables)
            return self.call(operation, request, present=present)

    def submit(
        self,
        operation: str,
        request: Request,
        done: Done,
        *,
        present: Present = orjson.loads,
        write: Write | None = None,
    ) -> None:
        """Answers one request through `done(answer, error)`, never waiting for a commit.

        Reads, and requests found wrong, call it before this returns; writes call it on the
        writer's thread after their commit. `write` takes work to the store in its own time.
        """
        tables = self.catalog.tables
        try:
            mode, work = self.prepare(operation, request, present)
            if mode is Mode.WRITE or mode is Mode.CATALOG:
                (write or self.store.write)(work, done, alone=mode is Mode.CATALOG)
                return
            answer = self._read(mode, work)
        except SpaceDroppedError:

            def answer_again(_: Any, error: BaseException | None) -> None:
                try:
                    if error is not None:
                        raise error
                    self._expect_other_tables(tables)
                except Exception as fault:
                    done(None, fault)
                else:
                    self.submit(operation, request, done, present=present, write=write)

            self.store.write(_commit_nothing, answer_again)
        except Exception as error:
            done(None, error)
        else:
            done(answer, None)

    def prepare(
        self, operation: str, request: Request, present: Present = orjson.loads
    ) -> tuple[Mode, Callable[[Any], Answer]]:
        """The work that answers a request, after all checks that need no transaction."""
        known = self.operations.get(operation)
        if known is None:
            if operation in operations():
                raise UnknownOperationException(f"pelton does not support {operation} yet")
            raise UnknownOperationException(f"DynamoDB has no operation {operation}")
        validate_request(operation, request)
        mode = known.mode if known.mode_of is None else known.mode_of(request)
        switches = self.switches
        try:
            if switches is not None:
                return mode, switches.prepare(operation, known, mode, request, present)
            return mode, known.prepare(self, request, present)
        except (ValidationException, ResourceNotFoundException) as error:
            raise_earlier_fault(self.catalog, operation, request, error)
            raise

    @property
    def strictness(self) -> Strictness:
        """The switches for tests. Setting it begins them anew, with all capacities unused."""
        return Strictness() if self.switches is None else self.switches.settings

    @strictness.setter
    def strictness(self, settings: Strictness) -> None:
        self.switches = switches = None if settings.is_off else Switches(self, settings)
        self.writer.history = None if switches is None else switches.history

    def write(self, work: Callable[[Transaction], R], *, alone: bool = False) -> R:
        """Runs `work` in the writer's next commit and waits for it."""
        outcome = _Outcome()
        self.store.write(work, outcome.set, alone=alone)
        result: R = outcome.wait()
        return result

    def _read(self, mode: Mode, work: Callable[[Reader], R]) -> R:
        return self.store.look_up(work) if mode is Mode.LOOK_UP else self.store.read(work)

    def _expect_other_tables(self, before: dict[str, Table]) -> None:
        """After a commit behind a SpaceDroppedError, where the catalog has caught up.

        A table or an index was deleted, maybe by another process, between a read's checks and
        its snapshot: what is left of the table answers. Only a table that never changed is a
        fault of the file, and asking again would never end.
        """
        if self.catalog.tables is before:
            raise ResourceNotFoundException("Requested resource not found")

    def close(self) -> None:
        """Finishes what was begun and lets go of the file."""
        self.store.close()


def _commit_nothing(transaction: Transaction) -> None:
    """The work of who only waits for the commits before it."""


class _Outcome:
    """The outcome of one write, waited for by the thread that asked: a lock is the lightest way."""

    __slots__ = ("_error", "_lock", "_result")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def set(self, result: Any, error: BaseException | None) -> None:
        self._result, self._error = result, error
        self._lock.release()

    def wait(self) -> Any:
        self._lock.acquire()
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error  # Or this frame and the error would hold each other.
