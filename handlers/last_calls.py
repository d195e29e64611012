"""The last call of a window: no records, only what the handler has gathered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engine import DynamoDBError
from .context import Source as Origin
from .delivery import Delivery
from .errors import CycleError, ReadConflict
from .mapping import EventSourceMapping
from .progress import Progress
from .retry import backoff_seconds
from .scheduler import Next, RetryIn, Step
from .stats import Counters
from .transaction import HandlerTransaction
from .windows import ShardWindows, Turn, WindowStateError

if TYPE_CHECKING:
    from .surroundings import Surroundings

log = logging.getLogger("pelton.handlers")


class LastCalls:
    """Makes the last calls of a shard's windows; nothing else happens in it until one is done."""

    def __init__(
        self,
        around: Surroundings,
        mapping: EventSourceMapping,
        origin: Origin,
        progress: Progress,
        counters: Counters,
        describe: Callable[[], str],
    ) -> None:
        self._around = around
        self._mapping = mapping
        self._origin = origin
        self._progress = progress
        self._counters = counters
        self._describe = describe

    def make(self, windows: ShardWindows, turn: Turn) -> Step:
        """Makes a call, and closes the window in the commit of what it wrote.

        Raises ReadConflict where it has to be made again, CycleError, and what the store does.
        """
        transaction = HandlerTransaction(self._around.database)
        delivery = Delivery(
            self._mapping.handler,
            self._origin,
            transaction,
            windows.failures + 1,
            more=windows.last_members(turn),
            occasion=windows.occasion,
        )
        self._counters.note_in_flight(1)
        try:
            outcome = delivery.run(self._around.caller, (), self._around.is_stopping)
        finally:
            self._counters.note_in_flight(-1)
        error = outcome.error
        if error is None:
            try:
                windows.check_last(outcome.answer)
                self._close(windows, transaction)
            except ReadConflict:
                raise
            except (DynamoDBError, WindowStateError) as failure:
                error = failure
        if isinstance(error, CycleError):
            raise error
        return Next.AGAIN if error is None else self._meet_failure(windows, error)

    def _meet_failure(self, windows: ShardWindows, error: BaseException) -> Step:
        windows.failures += 1
        failures, retries_max = windows.failures, self._mapping.maximum_retry_attempts
        self._counters.note_failure(error, 0)
        what = f"{self._describe()}: the last call of {windows.occasion}"
        if 0 <= retries_max < failures:
            log.error("%s is given up, with all it has gathered", what, exc_info=error)
            self._close(windows, HandlerTransaction(self._around.database))
            return Next.AGAIN
        log.warning("%s: %s", what, error, exc_info=error if failures == 1 else None)
        self._counters.note_retry()
        return RetryIn(backoff_seconds(failures, self._around.random.random()))

    def _close(self, windows: ShardWindows, transaction: HandlerTransaction) -> None:
        work = windows.keeping(None, transaction.apply)
        self._progress.commit(self._progress.sequence, work)
        windows.open(None)
