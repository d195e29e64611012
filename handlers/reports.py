"""A batch handler's own word on which of its records failed: ReportBatchItemFailures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..streams import Record, to_wire

REPORTED = "the handler reported that this record failed"


class InvalidReportError(ValueError):
    """Raised for an answer that names no record of its batch: the whole batch counts as failed."""


class ReportedFailure(Exception):
    """What a record failed with whose handler reported it and raised nothing."""


def first_failure(answer: Any, records: Sequence[Record]) -> int | None:
    """The place of the first record that an answer says has failed; None if all are done.

    `{"batchItemFailures": [{"itemIdentifier": sequence number}, ...]}`: everything from the first
    of them on is delivered again. No answer, no list or an empty one mean success. Raises
    InvalidReportError for an identifier that is not a sequence number of the batch.
    Source: "Reporting batch item failures" in the AWS Lambda developer guide.
    """
    if not isinstance(answer, Mapping):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return None
    if not isinstance(failures, list):
        raise InvalidReportError(f"batchItemFailures is a list, not {failures!r}")
    places = {to_wire(record.sequence): place for place, record in enumerate(records)}
    return min(_place_of(failure, places) for failure in failures)


def _place_of(failure: Any, places: dict[str, int]) -> int:
    identifier = failure.get("itemIdentifier") if isinstance(failure, Mapping) else None
    place = places.get(identifier) if isinstance(identifier, str) else None
    if place is None:
        raise InvalidReportError(
            'each of batchItemFailures is {"itemIdentifier": the SequenceNumber of a record of '
            f"this batch}}, not {failure!r}"
        )
    return place
