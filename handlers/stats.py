"""What each mapping has done since the dispatcher started."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

_STEPS_PER_DOUBLING = 4
_SMALLEST_SECONDS = 1e-6
_BUCKETS = 40 * _STEPS_PER_DOUBLING


class Latencies:
    """A histogram of durations in steps of a fifth: constant room, whatever goes in."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._total = 0

    def add(self, seconds: float) -> None:
        ratio = max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS
        bucket = min(_BUCKETS - 1, int(math.log2(ratio) * _STEPS_PER_DOUBLING))
        self._counts[bucket] += 1
        self._total += 1

    def percentile_ms(self, share: float) -> float | None:
        """The duration that this share of all did not exceed, in milliseconds; None without any."""
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= share * self._total:
                # The middle of the bucket, so that the error is at most a tenth.
                return _SMALLEST_SECONDS * 1000 * 2 ** ((bucket + 0.5) / _STEPS_PER_DOUBLING)
        return None


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


class Counters:
    """The figures while they grow, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latencies = Latencies()
        self._records = self._batches = self._failures = self._retries = 0
        self._conflicts = self._dead_letters = self._gaps = self._skipped = 0
        self._last_error: str | None = None
        self._is_running = True

    def note_latency(self, seconds: float) -> None:
        with self._lock:
            self._latencies.add(seconds)

    def note_success(self, records: int) -> None:
        with self._lock:
            self._records += records
            self._batches += 1

    def note_failure(self, error: BaseException) -> None:
        with self._lock:
            self._failures += 1
            self._last_error = f"{type(error).__name__}: {error}"

    def note_retry(self) -> None:
        with self._lock:
            self._retries += 1

    def note_conflict(self) -> None:
        with self._lock:
            self._conflicts += 1

    def note_dead_letters(self, records: int) -> None:
        with self._lock:
            self._dead_letters += records

    def note_gap(self, records: int) -> None:
        with self._lock:
            self._gaps += 1
            self._skipped += records

    def note_end(self, error: BaseException) -> None:
        with self._lock:
            self._is_running = False
            self._last_error = f"{type(error).__name__}: {error}"

    def snapshot(self, name: str, table_name: str) -> MappingStats:
        with self._lock:
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
                is_running=self._is_running,
            )
