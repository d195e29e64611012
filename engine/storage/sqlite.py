"""The store on one SQLite file; this folder alone knows apsw.

One writer thread takes waiting work off a queue and commits many pieces in one transaction; each
thread that reads has a connection of its own; WAL frames are moved into the file by a third kind of
connection, so that the write path waits for a checkpoint only when the WAL has to start over.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from weakref import WeakSet

import apsw

from ..cause import current_cause, with_cause
from ..errors import (
    DynamoDBError,
    SpaceDroppedError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    UnsafeSQLiteError,
)
from .checkpoints import CheckpointThread
from .draining import drain_chunk, has_dropped
from .group import Group, Job
from .port import META_SPACE, Reader, StoreFigures, Transaction
from .rows import (
    DROPPED,
    LOG_LANES,
    PAGE_BYTES,
    SQLiteReader,
    SQLiteTransaction,
    create_log_sql,
    create_space_sql,
)
from .temporary import TemporaryFile

R = TypeVar("R")
log = logging.getLogger("pelton.store")

SQLITE_VERSION_MIN = (3, 51, 3)
"""Earlier versions can corrupt a WAL file when two connections meet (sqlite.org/wal.html)."""

APPLICATION_ID = 0x50454C54
FORMAT_VERSION = 3
FOREIGN_CHECK_SECONDS = 0.05
BUSY_MS_MAX = 10_000

DURABILITIES = ("FULL", "NORMAL", "OFF")
"""FULL: an acknowledged write survives power loss. NORMAL: it survives a crash of the process."""


class SQLiteStore:
    """`Store` on one SQLite file in WAL mode, or on a private temporary one for ":memory:".

    Raises UnsafeSQLiteError where apsw carries an SQLite with the WAL-reset bug, StoreFormatError
    where the file is not pelton's, StoreError where it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, durability: str = "FULL") -> None:
        check_sqlite_version(apsw.sqlite_lib_version())
        if durability not in DURABILITIES:
            raise StoreError(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")
        self._temporary = TemporaryFile() if os.fspath(path) == ":memory:" else None
        self.path = self._temporary.path if self._temporary else os.path.abspath(path)
        self._durability = "OFF" if self._temporary else durability
        self._writer = self._open_writer()
        self._transaction = SQLiteTransaction(self._writer)
        self._data_version = self._read_data_version()
        self._local = threading.local()
        # Weakly held: a thread that ends takes its connection, and the open files, with it.
        self._readers: WeakSet[apsw.Connection] = WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._commits = self._writes = 0  # the writer alone counts
        self._is_tidying_asked = False
        self._foreign_callbacks: list[Callable[[Transaction], None]] = []
        self._append_listeners: dict[object, Callable[[frozenset[int] | None], None]] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._checkpoints = CheckpointThread(
            self.path,
            lambda: self._connect(writes=True),
            self._ask_to_tidy,
            syncs=self._durability != "OFF",
        )
        self._writer.set_wal_hook(self._checkpoints.note_wal)
        self._transaction.on_large_drop = self._drain
        if has_dropped(self._writer):
            self._drain()
        self._thread = threading.Thread(target=self._run, name="pelton-writer", daemon=True)
        self._thread.start()

    # --- the two verbs -------------------------------------------------------------------------

    def read(self, work: Callable[[Reader], R]) -> R:
        reader = self._reader()
        reader._execute("BEGIN")
        try:
            return work(reader)
        except apsw.Error as error:
            raise translate_error(error) from error
        finally:
            reader._execute("COMMIT")

    def look_up(self, work: Callable[[Reader], R]) -> R:
        try:
            return work(self._reader())
        except apsw.Error as error:
            raise translate_error(error) from error

    def write(
        self,
        work: Callable[[Transaction], R],
        done: Callable[[R | None, BaseException | None], None],
        *,
        alone: bool = False,
    ) -> None:
        cause = current_cause.get()
        job = Job(work if cause is None else with_cause(work, cause), done, alone)
        with self._lock:  # behind the end of the queue nobody would ever answer it
            if self._closed:
                raise StoreClosedError("the store is closed")
            self._jobs.put(job)

    def on_foreign_commit(self, callback: Callable[[Transaction], None]) -> None:
        self._foreign_callbacks.append(callback)

    def on_append(self, callback: Callable[[frozenset[int] | None], None]) -> Callable[[], None]:
        # Listeners come and go on any thread, also while the writer calls them: each step on the
        # dict, and the copy of its values, is one that no other thread can come between.
        listener = object()
        self._append_listeners[listener] = callback

        def end() -> None:
            self._append_listeners.pop(listener, None)

        return end

    def figures(self) -> StoreFigures:
        wal_path = f"{self.path}-wal"
        return StoreFigures(self._commits, self._writes, _size_of(self.path), _size_of(wal_path))

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._tell_listeners(frozenset())
        self._checkpoints.stop()
        for connection in list(self._readers):
            connection.close()
        self._writer.close()
        if self._temporary:
            self._temporary.remove()

    # --- connections ---------------------------------------------------------------------------

    def _connect(self, *, writes: bool) -> apsw.Connection:
        try:
            connection = apsw.Connection(self.path)
            connection.set_busy_timeout(BUSY_MS_MAX)
            connection.execute(f"PRAGMA synchronous={self._durability}")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute(f"PRAGMA cache_size={-65536 if writes else -16384}")
            if not writes:
                connection.execute("PRAGMA query_only=1")
            return connection
        except apsw.Error as error:
            raise translate_error(error, self.path) from error

    def _reader(self) -> SQLiteReader:
        if self._closed:
            raise StoreClosedError("the store is closed")
        reader: SQLiteReader | None = getattr(self._local, "reader", None)
        return reader or self._open_reader()

    def _open_reader(self) -> SQLiteReader:
        connection = self._connect(writes=False)
        with self._lock:
            self._readers.add(connection)
        self._local.reader = reader = SQLiteReader(connection)
        return reader

    def _open_writer(self) -> apsw.Connection:
        connection = self._connect(writes=True)
        try:
            prepare_file(connection, self.path)
        except apsw.Error as error:
            connection.close()
            raise translate_error(error, self.path) from error
        except StoreError:
            connection.close()
            raise
        return connection

    # --- the writer thread ---------------------------------------------------------------------

    def _run(self) -> None:
        watch_seconds = None if self._temporary else FOREIGN_CHECK_SECONDS
        job: Job | None = None
        while True:
            try:
                job = job or self._jobs.get(timeout=watch_seconds)
            except Empty:
                self._notice_foreign_commit()
                continue
            if job is None:
                return
            if self._is_tidying_asked:
                self._tidy()
            group = Group(job, self._jobs)
            self._run_group(group)
            job = group.behind

    def _run_group(self, group: Group) -> None:
        try:
            outcomes = self._commit_together(group)
        except apsw.Error as error:
            outcomes = None
            if len(group.jobs) == 1:
                outcomes = [(None, translate_error(error))]
        except Exception as error:
            outcomes = [(None, error)] * len(group.jobs)
        if outcomes is None:
            for job in group.jobs:
                self._run_group(Group(job))
            return
        for job, (result, error_) in zip(group.jobs, outcomes, strict=True):
            try:
                job.done(result, error_)
            except Exception:
                log.exception("the receiver of a write's outcome failed")

    def _commit_together(self, group: Group) -> list[tuple[Any, BaseException | None]] | None:
        """Each one's outcome after one commit; None when they must be run one by one instead."""
        transaction = self._transaction
        sequence = self._begin()
        outcomes: list[tuple[Any, BaseException | None]] = []
        committed = False
        try:
            for job in group:
                changes = transaction.changes
                try:
                    outcomes.append((job.work(transaction), None))
                except apsw.Error:
                    raise
                except BaseException as error:
                    if isinstance(error, DynamoDBError):
                        # Its words are all that is told of it. Its frames hold the items that the
                        # work saw, in a circle with `outcomes` that only the collector would end.
                        error.__traceback__ = error.__context__ = None
                    if transaction.changes != changes:
                        if len(group.jobs) > 1:
                            return None
                        return [(None, error)]
                    outcomes.append((None, error))
            transaction.write_tallies()
            transaction._execute("COMMIT")
            committed = True
        finally:
            if not committed:
                self._roll_back(sequence)
        if outcomes:
            self._commits += 1
            self._writes += len(outcomes)
        self._announce_commit()
        return outcomes

    def _announce_commit(self) -> None:
        transaction = self._transaction
        for callback in list(transaction.callbacks):
            call_back(callback)
        if transaction.appended:
            self._tell_listeners(frozenset(transaction.appended))

    def _tell_listeners(self, shards: frozenset[int] | None) -> None:
        for listener in list(self._append_listeners.values()):
            call_back(partial(listener, shards))

    def _begin(self) -> tuple[int, int]:
        transaction = self._transaction
        transaction.changes = 0
        transaction.callbacks = []
        transaction.undo_callbacks = []
        transaction.appended.clear()
        transaction.tallies.clear()
        sequence = (transaction.sequence, transaction.sequence_reserved)
        transaction._execute("BEGIN IMMEDIATE")
        if self._temporary is None:
            version = self._read_data_version()
            if version != self._data_version:
                # Sequence numbers follow commit order, so what is left of our block is behind
                # theirs; that stays so when this transaction is undone.
                transaction.sequence_reserved = 0
                sequence = (transaction.sequence, 0)
                try:
                    self._take_in_foreign_commit(version)
                except BaseException:
                    self._roll_back(sequence)
                    raise
        return sequence

    def _roll_back(self, sequence: tuple[int, int]) -> None:
        if self._writer.in_transaction:
            self._transaction._execute("ROLLBACK")
        for callback in reversed(self._transaction.undo_callbacks):
            callback()
        self._transaction.sequence, self._transaction.sequence_reserved = sequence

    def _read_data_version(self) -> int:
        return int(self._transaction._execute("PRAGMA data_version").fetchall()[0][0])

    def _notice_foreign_commit(self) -> None:
        try:
            if self._read_data_version() != self._data_version:
                self._commit_together(Group())
        except Exception:
            # Whatever it is: without its thread every later write would wait for ever.
            log.exception("could not look for other processes' commits; will look again")

    def _take_in_foreign_commit(self, version: int) -> None:
        for callback in self._foreign_callbacks:
            callback(self._transaction)
        self._data_version = version
        self._tell_listeners(None)

    def _drain(self) -> None:
        """Queues the removal of a part of a dropped space, which queues that of the next."""

        def done(has_more: bool | None, error: BaseException | None) -> None:
            if has_more:
                self._drain()
            elif error is not None:
                log.warning("a dropped space is left for the next start: %s", error)

        self._jobs.put(Job(lambda transaction: drain_chunk(self._transaction), done, False))

    def _ask_to_tidy(self) -> None:
        """Lets the WAL start over before the writer's next commit, however much is queued."""
        self._is_tidying_asked = True
        self._jobs.put(Job(lambda transaction: None, lambda result, error: None, False))

    def _tidy(self) -> None:
        """Moves the last frames of the WAL, those the checkpoint thread could not catch."""
        self._is_tidying_asked = False
        try:
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass  # another process is at it
        except apsw.Error:
            log.exception("a checkpoint failed; it will be tried again")
        self._checkpoints.note_tidied()


def _size_of(path: str) -> int:
    """A file's bytes; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def call_back(callback: Callable[[], None]) -> None:
    """Calls it; what is committed stays so, and who asked for it must hear that, if it fails."""
    try:
        callback()
    except Exception:
        log.exception("a callback behind a commit failed")


def check_sqlite_version(version: str) -> None:
    """Raises UnsafeSQLiteError for an SQLite that can corrupt a WAL file."""
    if tuple(int(part) for part in version.split(".")[:3]) < SQLITE_VERSION_MIN:
        raise UnsafeSQLiteError(
            f"apsw carries SQLite {version}, which can corrupt a database in WAL mode; "
            "install apsw 3.54 or later"
        )


def prepare_file(connection: apsw.Connection, path: str) -> None:
    """Makes a new file pelton's, or checks that an old one is; safe beside other processes."""
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchall()[0][0]
        for name in ("application_id", "user_version")
    )
    if application == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchall():
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        with connection:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS spaces (id INTEGER PRIMARY KEY AUTOINCREMENT)"
            )
            connection.execute(
                "CREATE TABLE IF NOT EXISTS parts (space INTEGER NOT NULL, part INTEGER NOT NULL, "
                "row_count INTEGER NOT NULL, row_bytes INTEGER NOT NULL, "
                "PRIMARY KEY (space, part)) WITHOUT ROWID"
            )
            for sql in (create_space_sql(META_SPACE), *map(create_log_sql, range(LOG_LANES))):
                connection.execute(sql.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        return
    if application != APPLICATION_ID:
        raise StoreFormatError(f"{path} is an SQLite file of another program; choose another path")
    if version != FORMAT_VERSION:
        raise StoreFormatError(
            f"{path} has format {version}, this pelton reads format {FORMAT_VERSION}; "
            "open it with the version that made it"
        )


def translate_error(error: apsw.Error, path: str = "the store") -> StoreError:
    """SQLite's errors, said in pelton's words at the one border where they can appear."""
    if isinstance(error, apsw.FullError):
        return StoreFullError("the disk is full: nothing of this write was kept; free some space")
    if isinstance(error, apsw.NotADBError):
        return StoreFormatError(f"{path} is not a database of pelton; choose another path")
    if isinstance(error, apsw.CantOpenError):
        return StoreError(f"{path} cannot be opened: check that its folder exists and is writable")
    if isinstance(error, apsw.SQLError) and "no such table: space_" in str(error):
        return SpaceDroppedError(DROPPED)
    if isinstance(error, apsw.BusyError):
        return StoreError("another process has held the store for too long; try again")
    return StoreError(f"the store failed: {error}")
