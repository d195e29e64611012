"""Operations on the tags of event source mappings."""

from __future__ import annotations

from pelton.handlers.mappings import KnownMapping

from .errors import invalid, not_found
from .region import Answer, LambdaRegion

TAGS_MAX = 50
"""Source: "Tag" in Lambda's API reference."""

MAPPING = "event-source-mapping"


def list_tags(region: LambdaRegion, request: Answer) -> Answer:
    kind, name = _resource(request)
    if kind == "function":
        if name not in region.functions:
            raise not_found(f"Function not found: {request['Resource']}")
        return {"Tags": {}}
    return {"Tags": dict(_mapping(region, request).tags)}


def tag_resource(region: LambdaRegion, request: Answer) -> None:
    with region.changing:
        known = _mapping(region, request)
        if len({**known.tags, **request["Tags"]}) > TAGS_MAX:
            raise invalid("Number of tags exceeds resource tag limit.")
        region.mappings.tag(known.uuid, request["Tags"])


def untag_resource(region: LambdaRegion, request: Answer) -> None:
    with region.changing:
        region.mappings.tag(_mapping(region, request).uuid, {}, without=request["TagKeys"])


def _resource(request: Answer) -> tuple[str, str]:
    kind, _, name = request["Resource"].split(":", 5)[5].partition(":")
    return kind, name


def _mapping(region: LambdaRegion, request: Answer) -> KnownMapping:
    kind, name = _resource(request)
    if kind == "function":
        raise invalid(
            "pelton keeps tags of event source mappings only: a function is what its code says."
        )
    try:
        return region.mappings.get(name)
    except KeyError:
        raise not_found(f"Event source mapping not found: {request['Resource']}") from None
