"""What each mapping has done since the dispatcher started, counted a batch at a time."""

from __future__ import annotations

import math
import threading
from dataclasses import asdict, dataclass
from typing import Any

from ..engine import Clock, SystemClock
from .errors import TaskTimedOutError

_STEPS_PER_DOUBLING = 4
_SMALLEST_SECONDS = 1e-6
_BUCKETS = 40 * _STEPS_PER_DOUBLING

RATE_SECONDS = 60
"""What is told a second is the mean of the last minute, or since the start where that is less."""

LATENCY_EXPONENTS = range(5, 26, 2)
"""The bounds of the latencies that are told: 32 microseconds to half a minute, by fours."""

RUNNING = "running"
STOPPED = "stopped"
PAUSED = "paused"
DISABLED = "disabled"
STARTING = "starting"

NOTHING_PROCESSED = "No records processed"
PROCESSED = "OK"
CALL_FAILED = "PROBLEM: Function call failed"
"""Lambda's words for LastProcessingResult."""


class Latencies:
    """A histogram of durations in steps of a fifth: constant room, whatever goes in."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._total = 0
        self.sum_seconds = 0.0

    def add(self, seconds: float) -> None:
        ratio = max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS
        bucket = min(_BUCKETS - 1, int(math.log2(ratio) * _STEPS_PER_DOUBLING))
        self._counts[bucket] += 1
        self._total += 1
        self.sum_seconds += seconds

    def up_to(self, bound_exponents: range) -> tuple[tuple[float, int], ...]:
        """How many took no longer than 2**exponent microseconds, by that time in seconds.

        Behind them infinity, with all.
        """
        told = []
        below = begun = 0
        for exponent in bound_exponents:
            end = min(_BUCKETS, exponent * _STEPS_PER_DOUBLING)
            below += sum(self._counts[begun:end])
            begun = end
            told.append((_SMALLEST_SECONDS * 2**exponent, below))
        return (*told, (math.inf, self._total))

    def percentile_ms(self, share: float) -> float | None:
        """The duration that this share of all did not exceed, in milliseconds; None without any."""
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= share * self._total:
                # The middle of the bucket, so that the error is at most a tenth.
                return _SMALLEST_SECONDS * 1000 * 2 ** ((bucket + 0.5) / _STEPS_PER_DOUBLING)
        return None


class LastMinute:
    """Sums over the last RATE_SECONDS in steps of a second: a ring, so that nothing grows.

    >>> minute = LastMinute(now_ms=0)
    >>> minute.add(5_000, records=300)
    >>> minute.rates(10_000)
    (30.0, 0.1)
    """

    def __init__(self, now_ms: int) -> None:
        self._started_ms = now_ms
        self._seconds = [-1] * RATE_SECONDS
        self._records = [0] * RATE_SECONDS
        self._batches = [0] * RATE_SECONDS
        self._ages_ms = [-1] * RATE_SECONDS

    def add(self, now_ms: int, records: int, age_ms: int = -1) -> None:
        """One more batch is done, whose last record is so old."""
        second = now_ms // 1000
        slot = second % RATE_SECONDS
        if self._seconds[slot] != second:
            self._seconds[slot] = second
            self._records[slot] = self._batches[slot] = 0
            self._ages_ms[slot] = -1
        self._records[slot] += records
        self._batches[slot] += 1
        if age_ms > self._ages_ms[slot]:
            self._ages_ms[slot] = age_ms

    def rates(self, now_ms: int) -> tuple[float, float]:
        """Records and batches a second."""
        slots = self._current(now_ms)
        seconds = min(RATE_SECONDS, max(1.0, (now_ms - self._started_ms) / 1000))
        records = sum(self._records[slot] for slot in slots)
        return records / seconds, sum(self._batches[slot] for slot in slots) / seconds

    def age_max_ms(self, now_ms: int) -> int | None:
        """The largest age; None where no batch was done."""
        ages = [self._ages_ms[slot] for slot in self._current(now_ms)]
        return max((age for age in ages if age >= 0), default=None)

    def _current(self, now_ms: int) -> list[int]:
        second = now_ms // 1000
        return [
            slot
            for slot, stamp in enumerate(self._seconds)
            if stamp >= 0 and second - RATE_SECONDS < stamp <= second
        ]


@dataclass(frozen=True)
class MappingStats:
    """A mapping's figures since the start; latencies are from a commit to the handler's call."""

    name: str
    table_name: str
    records: int
    """Records that the handler has done with."""
    batches: int
    """Deliveries that succeeded: calls of a batch handler, batches of a record-level one."""
    failures: int
    retries: int
    conflicts: int
    """Deliveries that were run again because what they had read had changed."""
    dead_letters: int
    gaps: int
    """Times that records were trimmed from the stream before the handler got to them."""
    skipped: int
    """Records in these gaps, which a handler with `on_trimmed="skip"` has never seen."""
    last_error: str | None
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    is_running: bool
    """False once the mapping has stopped: another dispatcher has taken it over, records it had not
    done have left the stream, or its event loop was closed."""

    # --- lately --------------------------------------------------------------------------------

    records_per_second: float = 0.0
    batches_per_second: float = 0.0
    """Both over the last minute."""
    latencies: tuple[tuple[float, int], ...] = ()
    """How many calls began no later than so many seconds after the commit, for growing seconds."""
    latency_sum_seconds: float = 0.0
    state: str = RUNNING
    """running, stopped (for good), paused, disabled, or starting again after a change."""
    in_flight: int = 0
    """Calls of the handler that run now."""
    iterator_age_ms: int | None = None
    """Lambda's IteratorAge: how old the last record of a batch was when that batch was done."""
    iterator_age_max_ms: int | None = None
    """The largest of these in the last minute; None where no batch was done in it."""
    oldest_age_ms: int | None = None
    """How old the oldest record is that the handler has not done; None where it has done all."""
    hung_calls: int = 0
    """Calls that are past their timeout and still run."""
    quarantined_keys: int = 0
    """Items that are set aside with what follows them."""

    # --- since the start -----------------------------------------------------------------------

    throttles: int = 0
    """Times that a batch had to wait for `concurrency_max`."""
    timeouts: int = 0
    """Calls that took longer than `timeout_seconds`; each is a failure, too."""
    polled_events: int = 0
    """PolledEventCount: records read from the stream; once, however often they are tried."""
    filtered_out_events: int = 0
    """FilteredOutEventCount: of those, what no filter let through or the handler is not called for.
    """
    invoked_events: int = 0
    """InvokedEventCount: records that the handler was called with."""
    failed_invoke_events: int = 0
    """FailedInvokeEventCount: records in calls that failed."""
    dropped_events: int = 0
    """DroppedEventCount: records given up, being too old or out of retries."""
    destination_failures: int = 0
    """DestinationDeliveryFailures: times that `on_failure` has not taken what it was told."""
    destination_events: int = 0
    """OnFailureDestinationDeliveredEventCount: records that `on_failure` was told of."""
    last_error_ms: int | None = None
    """When the last error was, in milliseconds since the epoch."""
    last_processing_result: str = NOTHING_PROCESSED
    """In Lambda's words: how the last call ended."""

    def to_json(self) -> dict[str, Any]:
        """All but the histogram, under the names of the members."""
        told = asdict(self)
        del told["latencies"]
        return told


class Counters:
    """The figures while they grow, from several threads.

    Every `note_` is called once a batch or less, never once a record: `records` and the like say
    how many it is about. Ages are in milliseconds of `clock`, the system's unless given.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._latencies = Latencies()
        self._minute = LastMinute(self._clock.now_ms())
        self._records = self._batches = self._failures = self._retries = 0
        self._conflicts = self._dead_letters = self._gaps = self._skipped = 0
        self._in_flight = self._throttles = self._timeouts = 0
        self._polled = self._filtered = self._invoked = self._failed = 0
        self._dropped = self._destination = self._destination_failures = 0
        self._age_ms: int | None = None
        self._last_error: str | None = None
        self._last_error_ms: int | None = None
        self._last_result = NOTHING_PROCESSED
        self._is_running = True

    # --- a batch on its way --------------------------------------------------------------------

    def note_polled(self, records: int, filtered: int = 0) -> None:
        """Records were read from the stream; the handler is not to be called for `filtered`."""
        with self._lock:
            self._polled += records
            self._filtered += filtered

    def note_throttle(self) -> None:
        """A batch has to wait because as many calls run as the mapping lets."""
        with self._lock:
            self._throttles += 1

    def note_latency(self, seconds: float) -> None:
        """A call begins, so long after the commit of its first record."""
        with self._lock:
            self._latencies.add(seconds)

    def note_in_flight(self, change: int, invoked: int = 0) -> None:
        """One delivery more runs (1), or one less (-1) which has handed `invoked` records over."""
        with self._lock:
            self._in_flight += change
            self._invoked += invoked

    # --- its end -------------------------------------------------------------------------------

    def note_success(self, records: int, last_at_ms: int | None = None) -> None:
        """A delivery is done, and what it wrote is durable; its last record was made then."""
        with self._lock:
            now_ms = self._clock.now_ms()
            age_ms = -1
            if last_at_ms is not None:
                self._age_ms = age_ms = max(0, now_ms - last_at_ms)
            self._records += records
            self._batches += 1
            self._minute.add(now_ms, records, age_ms)
            self._last_result = PROCESSED

    def note_failure(self, error: BaseException, records: int = 0) -> None:
        """A call has failed, that had so many records; TaskTimedOutError: it took too long."""
        with self._lock:
            self._failures += 1
            self._failed += records
            self._timeouts += isinstance(error, TaskTimedOutError)
            self._last_result = CALL_FAILED
            self._note_error(error)

    def note_retry(self) -> None:
        with self._lock:
            self._retries += 1

    def note_conflict(self) -> None:
        with self._lock:
            self._conflicts += 1

    # --- records given up ----------------------------------------------------------------------

    def note_dropped(self, records: int) -> None:
        """Records were given up, being too old or out of retries, wherever they went then."""
        with self._lock:
            self._dropped += records

    def note_dead_letters(self, records: int) -> None:
        """Of these, so many are in the table of dead letters."""
        with self._lock:
            self._dead_letters += records

    def note_destination(self, records: int) -> None:
        """The mapping's `on_failure` has been told of so many."""
        with self._lock:
            self._destination += records

    def note_destination_failure(self) -> None:
        """The mapping's `on_failure` has not taken what it was told."""
        with self._lock:
            self._destination_failures += 1

    def note_gap(self, records: int) -> None:
        with self._lock:
            self._gaps += 1
            self._skipped += records

    def note_begin(self) -> None:
        """The mapping is at work, maybe again."""
        with self._lock:
            self._is_running = True

    def note_end(self, error: BaseException) -> None:
        """The mapping calls its handler no more."""
        with self._lock:
            self._is_running = False
            self._note_error(error)

    def _note_error(self, error: BaseException) -> None:
        self._last_error = f"{type(error).__name__}: {error}"
        self._last_error_ms = self._clock.now_ms()

    def snapshot(
        self,
        name: str,
        table_name: str,
        *,
        idle_state: str | None = None,
        oldest_ms: int | None = None,
        hung_calls: int = 0,
        quarantined_keys: int = 0,
    ) -> MappingStats:
        """The figures now, with those that are counted elsewhere.

        `idle_state` is that of a mapping which is not at work; `oldest_ms` is when the oldest
        record was made that is not done.
        """
        with self._lock:
            now_ms = self._clock.now_ms()
            is_running = self._is_running and idle_state is None
            records_per_second, batches_per_second = self._minute.rates(now_ms)
            return MappingStats(
                name=name,
                table_name=table_name,
                records=self._records,
                batches=self._batches,
                failures=self._failures,
                retries=self._retries,
                conflicts=self._conflicts,
                dead_letters=self._dead_letters,
                gaps=self._gaps,
                skipped=self._skipped,
                last_error=self._last_error,
                latency_p50_ms=self._latencies.percentile_ms(0.50),
                latency_p99_ms=self._latencies.percentile_ms(0.99),
                is_running=is_running,
                state=idle_state or (RUNNING if is_running else STOPPED),
                records_per_second=records_per_second,
                batches_per_second=batches_per_second,
                latencies=self._latencies.up_to(LATENCY_EXPONENTS),
                latency_sum_seconds=self._latencies.sum_seconds,
                in_flight=self._in_flight,
                iterator_age_ms=self._age_ms,
                iterator_age_max_ms=self._minute.age_max_ms(now_ms),
                oldest_age_ms=None if oldest_ms is None else max(0, now_ms - oldest_ms),
                hung_calls=hung_calls,
                quarantined_keys=quarantined_keys,
                throttles=self._throttles,
                timeouts=self._timeouts,
                polled_events=self._polled,
                filtered_out_events=self._filtered,
                invoked_events=self._invoked,
                failed_invoke_events=self._failed,
                dropped_events=self._dropped,
                destination_failures=self._destination_failures,
                destination_events=self._destination,
                last_error_ms=self._last_error_ms,
                last_processing_result=self._last_result,
            )
