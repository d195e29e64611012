"""The options that handlers and functions are registered with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict


class HandlerOptions(TypedDict, total=False):
    """The options of a handler's event source mapping, under Lambda's names and meaning."""

    name: str
    """What the handler's position is kept under; the function's name unless given."""
    batch_size: int
    """The most records taken at once: 1 to 10,000, 100 unless given."""
    maximum_batching_window_in_seconds: int
    """How long a batch may wait to fill up: 0 to 300, 0 unless given."""
    parallelization_factor: int
    """How many batches of a shard run at once, each item's in order: 1 to 10, 1 unless given."""
    starting_position: Literal["TRIM_HORIZON", "LATEST"]
    """Where a handler without a position begins: the oldest record kept, or what comes next."""
    start: Literal["beginning"] | datetime
    """Instead: every item that is there and then all that changes, or the records since a time."""
    maximum_record_age_in_seconds: int
    """Older records are given up unseen: 60 to 604,800, or -1, the default, for never."""
    maximum_retry_attempts: int
    """How often a failing batch is tried again before it goes to the dead letters: 3."""
    bisect_batch_on_function_error: bool
    """Whether a failing batch is halved until the record at fault is alone: True unless given."""
    tumbling_window_in_seconds: int
    """The length of the windows that `on_stream` gathers state over: 1 to 900; 0: none."""
    function_response_types: Sequence[Literal["ReportBatchItemFailures"]]
    """Whether the answer of an `on_stream` handler tells which records of its batch failed."""
    filters: Sequence[str | Mapping[str, Any]]
    """Event patterns, one of which a record has to match: dicts, or their JSON."""
    on_failure: str
    """The ARN of an SQS queue, an SNS topic or an S3 bucket that is told of records given up."""
    pins_records: bool
    """Whether records that the handler has not done stay in the stream, however old they are."""
    on_trimmed: Literal["fail", "skip"]
    """What to do where records left the stream before they were done: fail unless given, or skip.
    """
    on_poison: Literal["dead-letter", "quarantine"]
    """What follows a record's last retry: a dead letter unless given, or its item set aside with
    all that follows."""
    timeout_seconds: float
    """How long a call may take, up to 900; as long as it likes unless given."""
    run_in: Literal["thread", "process"]
    """Where the function runs: on a thread unless given, or in a process that may die."""
    memory_limit_mb: int
    """What that process may take: 128 to 10,240."""
    concurrency_max: int
    """How many calls of the handler run at once, over all shards."""
    may_cycle: bool
    """Whether its writes may call it again without end, directly or through other handlers."""
    version: str
    """A version has positions of its own, and begins where its start says."""
    enabled: bool
    """False keeps the handler's position but does not call it."""


class FunctionOptions(TypedDict, total=False):
    """The options of a function that is invoked; they mean what they mean for a handler."""

    name: str
    timeout_seconds: float
    run_in: Literal["thread", "process"]
    memory_limit_mb: int
    concurrency_max: int
