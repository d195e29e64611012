"""Event source mappings: which handler gets the changes of which table, and how."""

from __future__ import annotations

from dataclasses import dataclass

from .handler import Handler

BATCH_SIZE_MAX = 10_000
RETRY_ATTEMPTS_MAX = 10_000
ON_TRIMMED = ("fail", "skip")
STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST")


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

    starting_position: str = "TRIM_HORIZON"
    """Where a mapping begins that has never run: all records still kept, or only new ones."""

    maximum_retry_attempts: int = 3
    """Retries before records go to the dead letters; -1: until the stream no longer has them."""

    pins_records: bool = False
    """Whether records that the handler has not done stay in the stream, however old they are."""

    on_trimmed: str = "fail"
    """What to do where records left the stream before they were done: fail, or skip what is lost.
    """

    bisect_batch_on_function_error: bool = True
    """Whether a failed batch is split until the failing record is alone; a split is no retry."""

    enabled: bool = True
    """A disabled mapping keeps its positions and goes on from there when it is enabled again."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= BATCH_SIZE_MAX:
            raise ValueError(f"batch_size is 1 to {BATCH_SIZE_MAX}, not {self.batch_size}")
        if not -1 <= self.maximum_retry_attempts <= RETRY_ATTEMPTS_MAX:
            raise ValueError(
                f"maximum_retry_attempts is -1 to {RETRY_ATTEMPTS_MAX}, "
                f"not {self.maximum_retry_attempts}"
            )
        if self.on_trimmed not in ON_TRIMMED:
            raise ValueError(f"on_trimmed is {' or '.join(ON_TRIMMED)}, not {self.on_trimmed!r}")
        if self.starting_position not in STARTING_POSITIONS:
            raise ValueError(
                f"starting_position is {' or '.join(STARTING_POSITIONS)}, "
                f"not {self.starting_position!r}"
            )

    @property
    def name(self) -> str:
        """What its positions are kept by: the handler's name."""
        return self.handler.name

    @property
    def event_names(self) -> frozenset[str]:
        """The events the handler is called for; others only move its position on."""
        return self.handler.shape.event_names
