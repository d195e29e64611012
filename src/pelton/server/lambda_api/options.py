"""A mapping's options, from the API's members to pelton's names and back.

Source: the defaults, and the members that are always there, are those of AWS's answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pelton.engine.model.rendering import lower_first
from pelton.handlers import EventSourceMapping
from pelton.handlers.filters import FilterPatternError, compile_filters
from pelton.handlers.mapping import BEGINNING, FILTERS_MAX, METRICS, MINUTE_SECONDS

from .errors import LambdaError, invalid

PLAIN = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "maximum_batching_window_in_seconds",
    "ParallelizationFactor": "parallelization_factor",
    "StartingPosition": "starting_position",
    "MaximumRecordAgeInSeconds": "maximum_record_age_in_seconds",
    "MaximumRetryAttempts": "maximum_retry_attempts",
    "BisectBatchOnFunctionError": "bisect_batch_on_function_error",
    "TumblingWindowInSeconds": "tumbling_window_in_seconds",
    "Enabled": "enabled",
}
"""Members that are options under another name, with the same values."""

DEFAULTS: dict[str, Any] = {
    "maximum_retry_attempts": -1,
    "bisect_batch_on_function_error": False,
}
"""Where a mapping of the API begins otherwise than one that is declared in code."""

UNSUPPORTED = (
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "KMSKeyArn",
    "LoggingConfig",
    "ProvisionedPollerConfig",
    "Queues",
    "ScalingConfig",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPositionTimestamp",
    "Topics",
)
"""Members for other event sources than DynamoDB's streams, and the key for encrypted filters."""


def read_options(request: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a request sets, by their names in `EventSourceMapping`.

    Raises LambdaError for what AWS does not take for a stream of DynamoDB.
    """
    for member in UNSUPPORTED:
        if request.get(member):
            raise _unsupported(f"'{lower_first(member)}'")
    options = {
        option: request[member]
        for member, option in PLAIN.items()
        if request.get(member) is not None
    }
    age = options.get("maximum_record_age_in_seconds", -1)
    if 0 <= age < MINUTE_SECONDS:
        raise invalid(
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 "
            "(inclusive)"
        )
    if request.get("FunctionResponseTypes") is not None:
        options["function_response_types"] = tuple(request["FunctionResponseTypes"])
    if request.get("FilterCriteria") is not None:
        options["filter_criteria"] = _filters_in(request["FilterCriteria"])
    if request.get("DestinationConfig") is not None:
        options["on_failure"] = _destination_in(request["DestinationConfig"])
    if request.get("MetricsConfig") is not None:
        options["metrics"] = _metrics_in(request["MetricsConfig"])
    return options


def show_options(mapping: EventSourceMapping) -> dict[str, Any]:
    """What the API tells of a mapping's options."""
    told: dict[str, Any] = {
        member: getattr(mapping, option) for member, option in PLAIN.items() if member != "Enabled"
    }
    if isinstance(mapping.start, datetime):
        told["StartingPosition"] = "AT_TIMESTAMP"
        told["StartingPositionTimestamp"] = mapping.start.timestamp()
    elif mapping.start == BEGINNING:
        told["StartingPosition"] = "TRIM_HORIZON"
    told["FunctionResponseTypes"] = list(mapping.function_response_types)
    on_failure = {"Destination": mapping.on_failure} if mapping.on_failure else {}
    told["DestinationConfig"] = {"OnFailure": on_failure}
    if mapping.filter_criteria:
        filters = [{"Pattern": pattern} for pattern in mapping.filter_criteria]
        told["FilterCriteria"] = {"Filters": filters}
    if mapping.metrics:
        told["MetricsConfig"] = {"Metrics": list(mapping.metrics)}
    return told


def _filters_in(criteria: Mapping[str, Any]) -> tuple[str, ...]:
    filters = criteria.get("Filters") or []
    if len(filters) > FILTERS_MAX:
        raise invalid(f"Number of filters exceeds the limit of {FILTERS_MAX}.")
    patterns = tuple(each.get("Pattern") or "" for each in filters)
    try:
        compile_filters(patterns)
    except FilterPatternError:
        raise invalid("Invalid filter pattern definition.") from None
    return patterns


def _destination_in(config: Mapping[str, Any]) -> str | None:
    if config.get("OnSuccess"):
        raise invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )
    return (config.get("OnFailure") or {}).get("Destination") or None


def _metrics_in(config: Mapping[str, Any]) -> tuple[str, ...]:
    metrics = tuple(config.get("Metrics") or ())
    if set(metrics) - set(METRICS):
        raise _unsupported("'metricsConfig'")
    return metrics


def _unsupported(what: str) -> LambdaError:
    return invalid(f"Unsupported {what} parameter for given event source mapping type.")
