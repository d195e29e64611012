"""Operations on event source mappings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pelton.handlers.mappings import KnownMapping, MappingExistsError
from pelton.handlers.stats import NOTHING_PROCESSED, PAUSED, MappingStats
from pelton.handlers.subscription import check_view

from .errors import LambdaError, invalid, not_found
from .names import LATEST, FunctionName, read_name
from .options import DEFAULTS, read_options, show_options
from .region import Answer, LambdaRegion, page_of

LISTED_MAX = 100
"""Source: "MaxItems" of ListEventSourceMappings in Lambda's API reference."""

STREAM_SOURCE = ":dynamodb:"


def create_event_source_mapping(region: LambdaRegion, request: Answer) -> Answer:
    """Raises LambdaError in the order in which AWS looks at a request."""
    stream_arn = request.get("EventSourceArn", "")
    options = {**DEFAULTS, **read_options(request)}
    if STREAM_SOURCE not in stream_arn:
        raise invalid("Unrecognized event source.")
    _check_start(options.get("starting_position"), stream_arn)
    name = _existing_function(region, request["FunctionName"])
    stream = region.stream(stream_arn)
    if stream is None:
        raise invalid(f"Stream not found: {stream_arn}")
    with region.changing, _told_errors(stream_arn, name.name):
        check_view(region.functions[name.name].as_mapping(stream.table_name), stream)
        created = region.mappings.create(
            name.name, name.qualified_arn, stream_arn, options, request.get("Tags") or {}
        )
    return _told(region, created, "Creating")


def get_event_source_mapping(region: LambdaRegion, request: Answer) -> Answer:
    return _told(region, _find(region, request["UUID"]))


def list_event_source_mappings(region: LambdaRegion, request: Answer) -> Answer:
    found = {each.uuid: each for each in region.listed()}
    if request.get("EventSourceArn"):
        wanted = request["EventSourceArn"]
        found = {uuid: each for uuid, each in found.items() if each.stream_arn == wanted}
    if request.get("FunctionName"):
        name = read_name(region.database, request["FunctionName"])
        found = {uuid: each for uuid, each in found.items() if _calls(each, name)}
    page = page_of(list(found), request, LISTED_MAX)
    stats = region.stats()
    told = [_told(region, found[uuid], stats=stats) for uuid in page.items]
    more = {} if page.marker is None else {"NextMarker": page.marker}
    return {"EventSourceMappings": told, **more}


def update_event_source_mapping(region: LambdaRegion, request: Answer) -> Answer:
    options = read_options(request)
    with region.changing:
        before = _find(region, request["UUID"])
        function = None
        if request.get("FunctionName"):
            name = _existing_function(region, request["FunctionName"])
            function = name.name, name.qualified_arn
        with _told_errors(before.stream_arn, (function or [before.mapping.handler.name])[0]):
            after = region.mappings.update(before.uuid, options, function)
    return _told(region, after, _transition(before, after))


def delete_event_source_mapping(region: LambdaRegion, request: Answer) -> Answer:
    with region.changing:
        known = _find(region, request["UUID"])
        told = _told(region, known, "Deleting")
        region.mappings.delete(known.uuid)
    return told


# --- inside ---------------------------------------------------------------------------------------


def _find(region: LambdaRegion, uuid: str) -> KnownMapping:
    try:
        return region.mappings.get(uuid)
    except KeyError:
        raise not_found() from None


def _existing_function(region: LambdaRegion, text: str) -> FunctionName:
    name = read_name(region.database, text)
    if name.name not in region.functions or name.qualifier not in (None, LATEST):
        raise invalid("Function does not exist")
    return name


@contextmanager
def _told_errors(stream_arn: str, function_name: str) -> Iterator[None]:
    """Makes what a mapping cannot be an answer of the API."""
    try:
        yield
    except MappingExistsError as error:
        raise LambdaError(
            "ResourceConflictException",
            f'The event source arn (" {stream_arn} ") and function (" {function_name} ") provided '
            "mapping already exists. Please update or delete the existing mapping with UUID "
            f"{error.uuid}",
        ) from None
    except ValueError as error:
        raise invalid(str(error)) from None


def _check_start(position: str | None, stream_arn: str) -> None:
    if position is None:
        # AWS answers with the words of another kind of error, and a full stop behind them.
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    if position == "AT_TIMESTAMP":
        raise invalid(f"Unsupported starting position for arn type: {stream_arn}")


def _calls(known: KnownMapping, name: FunctionName) -> bool:
    return known.mapping.handler.name == name.name and known.function_arn.startswith(name.arn)


def _transition(before: KnownMapping, after: KnownMapping) -> str:
    if before.mapping.enabled != after.mapping.enabled:
        return "Enabling" if after.mapping.enabled else "Disabling"
    return "Updating"


def _told(
    region: LambdaRegion,
    known: KnownMapping,
    state: str | None = None,
    stats: dict[str, MappingStats] | None = None,
) -> Answer:
    """A mapping as the API answers with it; `state` where it is on its way to another."""
    database = region.database
    done = (region.stats() if stats is None else stats).get(known.mapping.name)
    is_enabled = known.mapping.enabled and (done is None or done.state != PAUSED)
    own_arn = f"arn:aws:lambda:{database.region}:{database.account}:event-source-mapping:"
    return {
        "UUID": known.uuid,
        **show_options(known.mapping),
        "EventSourceArn": known.stream_arn,
        "FunctionArn": known.function_arn,
        "LastModified": known.modified_ms / 1000,
        "LastProcessingResult": (
            NOTHING_PROCESSED if done is None else done.last_processing_result
        ),
        "State": state or ("Enabled" if is_enabled else "Disabled"),
        "StateTransitionReason": "User action",
        "EventSourceMappingArn": own_arn + known.uuid,
    }
