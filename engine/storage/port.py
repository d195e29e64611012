"""The port between pelton and whatever keeps its bytes.

A store holds *spaces*, ordered sets of rows, and one *log* of stream records. Everything above
this module speaks to it by two verbs: `read(work)` and `write(work)`, where `work` is a plain
function of a transaction. Nothing here knows what an item, a table or a stream is.

A row is addressed by `(token, pk, sk)` and kept in that order; `token` is a signed 64-bit integer,
`pk` and `sk` are bytes whose order is the order of the rows.
A log row is addressed by `(shard, position)`: shard < 2**23, position < 2**40.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from ..cause import Cause

R = TypeVar("R")

META_SPACE = 0
"""The space that always exists; catalog, shards and checkpoints live there with token 0."""

SHARD_MAX = 2**23 - 1
POSITION_MAX = 2**40 - 1
SIZE_MAX = 2**63 - 1


class Row(NamedTuple):
    """One row of a space; `size` is whatever number its writer chose to keep beside the body."""

    token: int
    pk: bytes
    sk: bytes
    size: int
    body: bytes


class StoreFigures(NamedTuple):
    """What a store has done since it was opened, and what it takes on the disk."""

    commits: int
    writes: int
    """The pieces of work in these commits: many requests, a few of the store's own chores."""
    file_bytes: int
    wal_bytes: int
    """What was committed and is not yet moved into the file, as far as it takes room of its own."""


class LogRow(NamedTuple):
    """One record of the log; `transaction` groups the records of one atomic request."""

    position: int
    transaction: int
    at_ms: int
    body: bytes


class LogSpan(NamedTuple):
    """A run of records, counted; without any, all are 0."""

    records: int
    size_bytes: int
    first_ms: int
    last_ms: int


class LogPrefix(NamedTuple):
    """The oldest records of a shard; without any, all are 0."""

    records: int
    last: int
    """The position of the last of them."""
    size_bytes: int


class Reader(Protocol):
    """A consistent view of the store, valid only inside the work it was given to."""

    def get(self, space: int, token: int, pk: bytes, sk: bytes) -> tuple[int, bytes] | None:
        """The `(size, body)` of one row."""

    def query(
        self,
        space: int,
        token: int,
        pk: bytes,
        *,
        low: bytes = b"",
        high: bytes | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, int, bytes]]:
        """`(sk, size, body)` of one partition key, for low <= sk < high, in order of `sk`."""

    def scan(
        self,
        space: int,
        *,
        after: tuple[int, bytes, bytes] | None = None,
        token_low: int,
        token_high: int,
    ) -> Iterator[Row]:
        """Rows with token_low <= token <= token_high that stand behind `after`, in order."""

    def count(self, space: int) -> tuple[int, int]:
        """The sums of what `tally` was told of a space: its rows and their sizes."""

    def count_parts(self, space: int) -> dict[int, tuple[int, int]]:
        """What `tally` was told of each part of a space: its rows and their sizes."""

    def measure(self, space: int, token_low: int, token_high: int) -> tuple[int, int]:
        """The rows with token_low <= token <= token_high and the sum of their sizes, counted."""

    def log_read(self, shard: int, after: int, until: int, limit: int) -> Iterator[LogRow]:
        """Records of a shard with after < position <= until, in order, at most `limit`."""

    def log_ends(self, shard: int) -> tuple[LogRow, LogRow] | None:
        """The first and the last record of a shard that are still kept."""

    def log_count(self, shard: int) -> int:
        """How many records of a shard are kept."""

    def log_expired(
        self,
        shard: int,
        before_ms: int,
        until: int,
        limit: int,
        *,
        least: int = 1,
        size_bytes_max: int = SIZE_MAX,
    ) -> LogPrefix:
        """The shard's oldest records, up to `until`, that were made before `before_ms`.

        At most `limit` of them, and behind the first `least` only as many as have no more than
        `size_bytes_max` together.
        """

    def log_span(self, shard: int, after: int, until: int, before_ms: int | None = None) -> LogSpan:
        """What there is with after < position <= until, made before `before_ms` if given."""


class Transaction(Reader, Protocol):
    """A view that can be changed; what one `work` changes becomes durable whole or not at all."""

    cause: Cause | None
    """What the work follows from; a work that gathers the writes of several sets it for each."""

    def put(self, space: int, token: int, pk: bytes, sk: bytes, size: int, body: bytes) -> None: ...

    def delete(self, space: int, token: int, pk: bytes, sk: bytes) -> None: ...

    def tally(self, space: int, rows: int, size: int, part: int = 0) -> None:
        """Adds to the counts of a part of a space; both may be negative.

        What the parts are is the caller's business: their sums are the counts of the space.
        """

    def drop_part(self, space: int, part: int) -> tuple[int, int]:
        """Forgets the counts of a part, and returns what they were."""

    def create_space(self) -> int:
        """Makes an empty space and returns its number."""

    def drop_space(self, space: int) -> None:
        """Makes a space unknown; what a large one took is given back little by little."""

    def log_append(
        self, shard: int, position: int, transaction: int, at_ms: int, body: bytes
    ) -> None: ...

    def log_drop(self, shard: int, through: int) -> None:
        """Deletes the shard's records up to a position."""

    def release_space(self, bytes_max: int) -> None:
        """Gives free room back to the file system, as far as that can be done quickly."""

    def next_sequence(self) -> int:
        """A number greater than every one given before, over the life of the store."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Runs `callback` on the writer thread once this transaction is durable, before answers."""

    def after_rollback(self, callback: Callable[[], None]) -> None:
        """Runs `callback` if this transaction is undone; the last registered runs first."""


Work = Callable[[Transaction], R]
Done = Callable[[R | None, BaseException | None], None]


class Store(Protocol):
    """A place for rows that commits many pieces of work together and tells each one's outcome."""

    def read(self, work: Callable[[Reader], R]) -> R:
        """Runs `work` on the calling thread over a consistent snapshot."""

    def look_up(self, work: Callable[[Reader], R]) -> R:
        """Runs `work`, which makes one `get` at the most, without the cost of a snapshot."""

    def write(self, work: Work[R], done: Done[R], *, alone: bool = False) -> None:
        """Queues `work`; after its commit `done(result, None)` or `done(None, error)` is called.

        `work` may be run more than once and must therefore depend on its transaction alone.
        `done` is called on the writer's thread and must be quick. `alone` asks for a commit of
        its own, for changes of what later work is prepared against.
        """

    def on_foreign_commit(self, callback: Callable[[Transaction], None]) -> None:
        """Calls `callback` on the writer thread when another process has changed the store."""

    def on_append(self, callback: Callable[[frozenset[int] | None], None]) -> Callable[[], None]:
        """Calls `callback` on the writer thread with the shards that a commit appended to.

        None stands for the unknown shards of another process's commits. Once, on the thread that
        closes the store, it is called with no shards: the last reads may end, there are no more.
        Returns a function that ends it.
        """

    def figures(self) -> StoreFigures:
        """What it has done and how large it is, also after its end."""

    def close(self) -> None:
        """Finishes the queued work, then lets go of the files."""
