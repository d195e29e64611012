"""Metrics: the figures of a region and its handlers, in the text that Prometheus reads.

The names are a promise: docs/observability.md lists them, and a test holds that list against these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .engine import Database
from .engine.storage import StoreFigures
from .handlers import MappingStats
from .streams import Streams

if TYPE_CHECKING:
    from .handlers.schedules import ScheduleStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = dict[str, str]


class ShardCount(NamedTuple):
    """The shards of a table's streams that are still kept."""

    table_name: str
    open: int
    closed: int


class RegionFigures(NamedTuple):
    """What is known of one region at one moment; `handlers` are those of this process."""

    region: str
    store: StoreFigures
    shards: tuple[ShardCount, ...]
    handlers: tuple[MappingStats, ...]
    schedules: tuple[ScheduleStats, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "store": self.store._asdict(),
            "shards": [each._asdict() for each in self.shards],
            "handlers": [each.to_json() for each in self.handlers],
            "schedules": [asdict(each) for each in self.schedules],
        }


def take_figures(
    database: Database,
    streams: Streams | None = None,
    handlers: Iterable[MappingStats] = (),
    schedules: Iterable[ScheduleStats] = (),
) -> RegionFigures:
    return RegionFigures(
        database.region,
        database.store.figures(),
        () if streams is None else _count_shards(streams),
        tuple(sorted(handlers, key=lambda each: each.name)),
        tuple(sorted(schedules, key=lambda each: each.name)),
    )


def _count_shards(streams: Streams) -> tuple[ShardCount, ...]:
    counts: dict[str, list[int]] = {}
    for shard in list(streams.shards.by_number.values()):
        counts.setdefault(shard.table_name, [0, 0])[not shard.is_open] += 1
    return tuple(ShardCount(name, *counts[name]) for name in sorted(counts))


# --- what there is --------------------------------------------------------------------------------


class Metric(NamedTuple):
    """A name in the text, and what it tells."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    value: Callable[[Any], float | None]
    """Its value for each of what it tells of; None where there is nothing to tell."""


REGION = ("region",)
SHARDS = ("region", "table", "state")
HANDLER = ("region", "handler", "table")
SCHEDULE = ("region", "schedule")


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


REGION_METRICS: tuple[Metric, ...] = (
    Metric(
        "pelton_commits_total",
        "counter",
        REGION,
        "Commits of the region's file by this process.",
        lambda each: each.commits,
    ),
    Metric(
        "pelton_writes_total",
        "counter",
        REGION,
        "Pieces of work in these commits: requests that write, and a few chores.",
        lambda each: each.writes,
    ),
    Metric(
        "pelton_file_size_bytes",
        "gauge",
        REGION,
        "Size of the region's file.",
        lambda each: each.file_bytes,
    ),
    Metric(
        "pelton_wal_size_bytes",
        "gauge",
        REGION,
        "Size of its write-ahead log.",
        lambda each: each.wal_bytes,
    ),
)

SHARD_METRIC = Metric(
    "pelton_stream_shards",
    "gauge",
    SHARDS,
    "Shards of a table's streams that are kept, open or closed.",
    lambda count: count,
)

BUILD_METRIC = Metric(
    "pelton_build_info", "gauge", ("version",), "1, with the version of pelton.", lambda _: 1
)


def _counter(name: str, member: str, help: str) -> Metric:
    return Metric(name, "counter", HANDLER, help, lambda stats: getattr(stats, member))


def _gauge(name: str, help: str, value: Callable[[MappingStats], float | None]) -> Metric:
    return Metric(name, "gauge", HANDLER, help, value)


HANDLER_METRICS: tuple[Metric, ...] = (
    _gauge(
        "pelton_handler_running",
        "1 while the handler is called, 0 where it is paused, disabled or has stopped for good.",
        lambda stats: int(stats.is_running),
    ),
    _gauge(
        "pelton_iterator_age_seconds",
        "Lambda's IteratorAge: the age of a batch's last record when the batch was done.",
        lambda stats: _seconds(stats.iterator_age_ms),
    ),
    _gauge(
        "pelton_oldest_record_age_seconds",
        "The age of the oldest record that is not done; 0 where all are.",
        lambda stats: _seconds(stats.oldest_age_ms or 0),
    ),
    _gauge("pelton_handler_in_flight", "Calls that run now.", lambda stats: stats.in_flight),
    _gauge(
        "pelton_handler_hung_calls",
        "Calls that are past their timeout and still run.",
        lambda stats: stats.hung_calls,
    ),
    _gauge(
        "pelton_handler_quarantined_keys",
        "Items that are set aside.",
        lambda stats: stats.quarantined_keys,
    ),
    _counter("pelton_handler_records_total", "records", "Records that are done."),
    _counter("pelton_handler_batches_total", "batches", "Deliveries that succeeded."),
    _counter("pelton_handler_failures_total", "failures", "Calls that failed."),
    _counter("pelton_handler_retries_total", "retries", "Calls that are made again later."),
    _counter(
        "pelton_handler_conflicts_total",
        "conflicts",
        "Deliveries run again because what they had read had changed.",
    ),
    _counter(
        "pelton_handler_throttles_total",
        "throttles",
        "Batches that had to wait for the handler's concurrency.",
    ),
    _counter("pelton_handler_timeouts_total", "timeouts", "Calls that took too long."),
    _counter(
        "pelton_handler_dead_letters_total", "dead_letters", "Records that became dead letters."
    ),
    _counter("pelton_handler_gaps_total", "gaps", "Times that records left the stream undone."),
    _counter(
        "pelton_handler_skipped_records_total", "skipped", "Records that left the stream undone."
    ),
    _counter(
        "pelton_handler_polled_events_total",
        "polled_events",
        "Lambda's PolledEventCount: records read from the stream.",
    ),
    _counter(
        "pelton_handler_filtered_out_events_total",
        "filtered_out_events",
        "Lambda's FilteredOutEventCount: records the handler is not called for.",
    ),
    _counter(
        "pelton_handler_invoked_events_total",
        "invoked_events",
        "Lambda's InvokedEventCount: records the handler was called with.",
    ),
    _counter(
        "pelton_handler_failed_invoke_events_total",
        "failed_invoke_events",
        "Lambda's FailedInvokeEventCount: records in calls that failed.",
    ),
    _counter(
        "pelton_handler_dropped_events_total",
        "dropped_events",
        "Lambda's DroppedEventCount: records given up for their age or after their retries.",
    ),
    _counter(
        "pelton_handler_destination_failures_total",
        "destination_failures",
        "Lambda's DestinationDeliveryFailures: times that on_failure took nothing when told.",
    ),
    _counter(
        "pelton_handler_destination_events_total",
        "destination_events",
        "Lambda's OnFailureDestinationDeliveredEventCount: records on_failure was told of.",
    ),
)

LATENCY_METRIC = Metric(
    "pelton_handler_latency_seconds",
    "histogram",
    HANDLER,
    "From the commit that woke the handler to its call.",
    lambda stats: stats.latency_sum_seconds,
)


def _runs(name: str, member: str, help: str) -> Metric:
    return Metric(name, "counter", SCHEDULE, help, lambda stats: getattr(stats, member))


SCHEDULE_METRICS: tuple[Metric, ...] = (
    Metric(
        "pelton_schedule_running",
        "gauge",
        SCHEDULE,
        "1 while the schedule fires, 0 once it has stopped for good.",
        lambda stats: int(stats.is_running),
    ),
    Metric(
        "pelton_schedule_last_fire_timestamp_seconds",
        "gauge",
        SCHEDULE,
        "The fire time of the last run that is done with.",
        lambda stats: _seconds(stats.last_fire_ms),
    ),
    Metric(
        "pelton_schedule_next_fire_timestamp_seconds",
        "gauge",
        SCHEDULE,
        "When it fires next.",
        lambda stats: _seconds(stats.next_fire_ms),
    ),
    _runs("pelton_schedule_runs_total", "runs", "Runs that succeeded."),
    _runs("pelton_schedule_failures_total", "failures", "Runs that failed."),
    _runs("pelton_schedule_given_up_total", "given_up", "Fire times given up after their retries."),
    _runs("pelton_schedule_missed_total", "missed", "Fire times without a run."),
    _runs("pelton_schedule_late_total", "late", "Runs that began late, behind the one before."),
)

METRICS: tuple[Metric, ...] = (
    BUILD_METRIC,
    *REGION_METRICS,
    SHARD_METRIC,
    *HANDLER_METRICS,
    LATENCY_METRIC,
    *SCHEDULE_METRICS,
)
"""All of them, in the order of the text."""


# --- the text -------------------------------------------------------------------------------------


def metrics_text(regions: Sequence[RegionFigures]) -> str:
    """The figures in Prometheus's text format 0.0.4."""
    from . import __version__

    lines = [*_heading(BUILD_METRIC), _sample(BUILD_METRIC.name, {"version": __version__}, 1)]
    for metric in REGION_METRICS:
        lines += _heading(metric)
        lines += [
            _sample(metric.name, {"region": each.region}, value)
            for each in regions
            if (value := metric.value(each.store)) is not None
        ]
    lines += _heading(SHARD_METRIC)
    for each in regions:
        for count in each.shards:
            labels = {"region": each.region, "table": count.table_name}
            lines.append(_sample(SHARD_METRIC.name, {**labels, "state": "open"}, count.open))
            lines.append(_sample(SHARD_METRIC.name, {**labels, "state": "closed"}, count.closed))
    handlers = [
        ({"region": each.region, "handler": stats.name, "table": stats.table_name}, stats)
        for each in regions
        for stats in each.handlers
    ]
    for metric in HANDLER_METRICS:
        lines += _heading(metric)
        lines += [
            _sample(metric.name, labels, value)
            for labels, stats in handlers
            if (value := metric.value(stats)) is not None
        ]
    lines += _heading(LATENCY_METRIC)
    for labels, stats in handlers:
        lines += _histogram(labels, stats)
    for metric in SCHEDULE_METRICS:
        lines += _heading(metric)
        lines += [
            _sample(metric.name, {"region": each.region, "schedule": stats.name}, value)
            for each in regions
            for stats in each.schedules
            if (value := metric.value(stats)) is not None
        ]
    return "\n".join(lines) + "\n"


def _heading(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.kind}"


def _histogram(labels: Labels, stats: MappingStats) -> Iterator[str]:
    name = LATENCY_METRIC.name
    for bound, count in stats.latencies:
        yield _sample(f"{name}_bucket", {**labels, "le": _bound_text(bound)}, count)
    if stats.latencies:
        yield _sample(f"{name}_sum", labels, stats.latency_sum_seconds)
        yield _sample(f"{name}_count", labels, stats.latencies[-1][1])


def _bound_text(seconds: float) -> str:
    """
    >>> _bound_text(3.2e-05), _bound_text(math.inf)
    ('0.000032', '+Inf')
    """
    return "+Inf" if seconds == math.inf else f"{seconds:.6f}".rstrip("0")


def _sample(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
