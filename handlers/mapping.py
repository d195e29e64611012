"""Event source mappings: which handler gets the changes of which table, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from .handler import Handler
from .processes.reference import reference_of

MINUTE_SECONDS = 60
STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST")
RESPONSE_TYPES = ("ReportBatchItemFailures",)
METRICS = ("EventCount",)
ON_TRIMMED = ("fail", "skip")
ON_POISON = ("dead-letter", "quarantine")
RUN_IN = ("thread", "process")
BEGINNING = "beginning"

RANGES = {
    "batch_size": (1, 10_000),
    "maximum_batching_window_in_seconds": (0, 300),
    "parallelization_factor": (1, 10),
    "maximum_record_age_in_seconds": (-1, 604_800),
    "maximum_retry_attempts": (-1, 10_000),
    "tumbling_window_in_seconds": (0, 900),
}
"""Lambda's bounds of each number, both included. Source: the service's model."""

FILTERS_MAX = 10

_DECLARED = UUID("5f3a3c1e-7d0b-5f6f-9a61-0b1c6f2c9f4e")


def uuid_of_declared(region: str, account: str, name: str) -> str:
    """What Lambda's API and its destinations know a mapping by that is declared in code."""
    return str(uuid5(_DECLARED, f"{account}/{region}/{name}"))


@dataclass(frozen=True)
class EventSourceMapping:
    """A handler tied to the stream of a table; the options have Lambda's names and meaning.

    It follows the table, not one stream ARN: when the stream is enabled anew the handler goes on
    with the new one after it has finished the old one. Raises ValueError for options out of range.
    Source: "Event source mappings" in the AWS Lambda developer guide.
    """

    handler: Handler
    table_name: str

    batch_size: int = 100
    """The most records a call gets, 1 to 10,000. Record-level handlers commit once a batch."""

    maximum_batching_window_in_seconds: int = 0
    """How long a batch may wait to fill up, 0 to 300; it goes when it is full or has 6 MB."""

    parallelization_factor: int = 1
    """How many batches of one shard run at once, 1 to 10; changes of an item stay in order."""

    starting_position: str = "TRIM_HORIZON"
    """Where a mapping begins that has never run: all records still kept, or only new ones."""

    start: str | datetime | None = None
    """Instead of `starting_position`: "beginning" for every item that is there and then all that
    changes, or a time, for the records since then."""

    maximum_record_age_in_seconds: int = -1
    """Older records are given up unseen; -1: never, else 60 to 604,800."""

    maximum_retry_attempts: int = 3
    """Retries before records go to the dead letters; -1: until the stream no longer has them."""

    bisect_batch_on_function_error: bool = True
    """Whether a failed batch is split until the failing record is alone; a split is no retry."""

    tumbling_window_in_seconds: int = 0
    """The length of the windows that a handler gathers state over, 1 to 900; 0: no windows."""

    function_response_types: tuple[str, ...] = ()
    """("ReportBatchItemFailures",) for a handler that tells which records of its batch failed."""

    filter_criteria: tuple[str, ...] = ()
    """Event patterns as JSON; a record that matches none moves the position on without a call."""

    on_failure: str | None = None
    """The ARN of an SQS queue or SNS topic, or of an S3 bucket, told of each batch given up."""

    metrics: tuple[str, ...] = ()
    """("EventCount",) where the API is to say so; pelton counts always."""

    enabled: bool = True
    """A disabled mapping keeps its positions and goes on from there when it is enabled again."""

    # --- pelton's own --------------------------------------------------------------------------

    pins_records: bool = False
    """Whether records that the handler has not done stay in the stream, however old they are."""

    on_trimmed: str = "fail"
    """What to do where records left the stream before they were done: fail, or skip what is lost.
    """

    on_poison: str = "dead-letter"
    """What follows the last retry of a record: it becomes a dead letter and its item's next changes
    go on without it, or its item is set aside in "quarantine", with all that follows, in order."""

    timeout_seconds: float | None = None
    """How long a call may take, up to 900; None: as long as it likes."""

    run_in: str = "thread"
    """Where the function runs: on a thread, or in a "process" that may die without harm."""

    memory_limit_mb: int | None = None
    """What a process that runs the function may take, 128 to 10,240; None: no limit."""

    concurrency_max: int | None = None
    """How many calls of the handler run at once, over all shards; None: no limit."""

    version: str = ""
    """Another version of a handler has positions of its own, from its start on."""

    may_cycle: bool = False
    """Whether its writes may call it again without end, directly or through other handlers."""

    uuid: str = ""
    """What a mapping is known by that was made through the API and not declared in code."""

    def __post_init__(self) -> None:
        for option, (low, high) in RANGES.items():
            self._expect(option, low <= getattr(self, option) <= high, f"{low} to {high}")
        age = self.maximum_record_age_in_seconds
        self._expect(
            "maximum_record_age_in_seconds",
            age == -1 or age >= MINUTE_SECONDS,
            f"-1, or {MINUTE_SECONDS} to {RANGES['maximum_record_age_in_seconds'][1]}",
        )
        if self.on_failure is not None:
            from .destinations.arn import check_destination

            check_destination(self.on_failure)
        for option, choices in (
            ("starting_position", STARTING_POSITIONS),
            ("on_trimmed", ON_TRIMMED),
            ("on_poison", ON_POISON),
            ("run_in", RUN_IN),
        ):
            self._expect(option, getattr(self, option) in choices, " or ".join(choices))
        for option, names in (
            ("function_response_types", RESPONSE_TYPES),
            ("metrics", METRICS),
        ):
            self._expect(option, set(getattr(self, option)) <= set(names), f"() or {names}")
        self._expect("filter_criteria", len(self.filter_criteria) <= FILTERS_MAX, "10 at most")
        if self.filter_criteria:
            from .filters import compile_filters

            compile_filters(self.filter_criteria)
        is_start = self.start is None or self.start == BEGINNING or isinstance(self.start, datetime)
        self._expect("start", is_start, f'"{BEGINNING}" or a datetime')
        seconds = self.timeout_seconds
        self._expect("timeout_seconds", seconds is None or 0 < seconds <= 900, "over 0, up to 900")
        memory = self.memory_limit_mb
        self._expect("memory_limit_mb", memory is None or 128 <= memory <= 10_240, "128 to 10240")
        concurrency = self.concurrency_max
        self._expect("concurrency_max", concurrency is None or concurrency >= 1, "1 or more")
        if self.run_in == "process":
            reference_of(self.handler.function)
        elif memory is not None:
            raise ValueError('memory_limit_mb needs run_in="process": threads share their memory')
        if self.takes_windows and not self.handler.takes_batches:
            raise ValueError(
                "tumbling_window_in_seconds is for handlers of whole batches: use on_stream"
            )
        if self.takes_windows and self.on_poison == "quarantine":
            raise ValueError(
                'on_poison="quarantine" is not for windows: theirs would be over when an item '
                "is let out"
            )
        if self.function_response_types and not self.handler.takes_batches:
            raise ValueError(
                "function_response_types is for handlers of whole batches: use on_stream"
            )

    def _expect(self, option: str, is_so: bool, wanted: str) -> None:
        if not is_so:
            raise ValueError(f"{option} is {wanted}, not {getattr(self, option)!r}")

    @property
    def name(self) -> str:
        """What its positions are kept by: the handler's name, and its version if it has one."""
        if self.uuid:
            return self.uuid
        return f"{self.handler.name}@{self.version}" if self.version else self.handler.name

    @property
    def event_names(self) -> frozenset[str]:
        """The events the handler is called for; others only move its position on."""
        return self.handler.shape.event_names

    @property
    def takes_windows(self) -> bool:
        return self.tumbling_window_in_seconds > 0

    @property
    def reports_failures(self) -> bool:
        """Whether the handler's answer says which records of a batch have failed."""
        return bool(self.function_response_types)
