"""The parts of a table's definition, checked in AWS's order and words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ..errors import ValidationException
from ..schema import Index, KeySchema, StreamSettings, Throughput
from ..storage import Transaction
from ..storage.port import META_SPACE
from .operation import Request
from .table_settings import index_settings, with_warm_throughput

INVALID = "One or more parameter values were invalid: "
LOCAL_INDEXES_MAX = 5
GLOBAL_INDEXES_MAX = 20
NON_KEY_ATTRIBUTES_MAX = 100
CAPACITY_UNITS_MAX = 1_000_000_000_000
KEY_ATTRIBUTES_MAX = 4
"""How many attributes the partition key of a global index may have, and how many its sort key."""

STREAM_MOMENT_KIND = b"stream-moment"


def attribute_types_of(request: Request) -> dict[str, str]:
    """AttributeDefinitions as a mapping. Raises ValidationException for a name defined twice."""
    types: dict[str, str] = {}
    for definition in request.get("AttributeDefinitions") or ():
        name = definition["AttributeName"]
        if name in types:
            raise ValidationException(f"Attribute Name is duplicated: {name}")
        types[name] = definition["AttributeType"]
    return types


def table_key_of(elements: list[dict[str, str]], types: dict[str, str]) -> KeySchema:
    """A table's KeySchema member. Raises ValidationException as `key_schema_of` does."""
    if len(elements) > len(types):
        raise ValidationException("Invalid KeySchema: Some index key attribute have no definition")
    return key_schema_of(elements, types)


def key_schema_of(elements: list[dict[str, str]], types: dict[str, str]) -> KeySchema:
    """A KeySchema member. Raises ValidationException unless it is HASH, or HASH then RANGE, of
    attributes that are defined.
    """
    check_defined(elements, types)
    if len(elements) == 2 and elements[0]["AttributeName"] == elements[1]["AttributeName"]:
        raise ValidationException(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    if elements[0]["KeyType"] != "HASH":
        raise ValidationException(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )
    if len(elements) == 1:
        return KeySchema((elements[0]["AttributeName"],))
    if elements[1]["KeyType"] != "RANGE":
        raise ValidationException(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        )
    return KeySchema((elements[0]["AttributeName"],), (elements[1]["AttributeName"],))


def global_key_schema_of(elements: list[dict[str, str]], types: dict[str, str]) -> KeySchema:
    """A KeySchema member of a global index: up to four HASH elements, then up to four RANGE ones.

    Raises ValidationException for others. Source: AWS's guide, "Multi-attribute keys pattern".
    """
    check_defined(elements, types)
    if elements[0]["KeyType"] != "HASH":
        raise ValidationException(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )
    kinds = [element["KeyType"] for element in elements]
    names = [element["AttributeName"] for element in elements]
    count = kinds.count("HASH")
    if "HASH" in kinds[count:]:
        raise ValidationException(
            f"{INVALID}All HASH key attributes must precede RANGE key attributes in the KeySchema"
        )
    key = KeySchema(tuple(names[:count]), tuple(names[count:]))
    for kind, held in (("HASH", key.partitions), ("RANGE", key.sorts)):
        if len(held) > KEY_ATTRIBUTES_MAX:
            raise ValidationException(
                f"{INVALID}The KeySchema exceeds the maximum allowed number of {kind} key "
                "attributes"
            )
    if len(set(names)) < len(names):
        raise ValidationException(
            "The KeySchema contains multiple key attributes with the same name"
        )
    return key


def check_defined(elements: list[dict[str, str]], types: dict[str, str]) -> None:
    """Raises ValidationException when a key attribute of a table or an index has no definition."""
    names = [element["AttributeName"] for element in elements]
    if all(name in types for name in names):
        return
    raise ValidationException(
        f"{INVALID}Some index key attributes are not defined in AttributeDefinitions. "
        f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
    )


def check_all_defined_used(
    types: dict[str, str], table_key: KeySchema, index_keys: list[KeySchema]
) -> None:
    """Raises ValidationException when definitions and keys do not name the same attributes."""
    used = {name for key in (table_key, *index_keys) for name in key.names}
    if used == set(types):
        return
    if index_keys:
        raise ValidationException(
            f"{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: "
            f"[{', '.join(types)}], keys used: [{', '.join(sorted(used))}]"
        )
    raise ValidationException(
        f"{INVALID}Number of attributes in KeySchema does not exactly match number of attributes "
        "defined in AttributeDefinitions"
    )


def projection_of_index(request: Request) -> tuple[str, tuple[str, ...]]:
    """An index's projection type and its non-key attributes."""
    projection = request["Projection"]
    kind = projection.get("ProjectionType")
    names = projection.get("NonKeyAttributes")
    if kind is None:
        raise ValidationException(f"{INVALID}Unknown ProjectionType: null")
    if names is not None and kind != "INCLUDE":
        raise ValidationException(
            f"{INVALID}ProjectionType is {kind}, but NonKeyAttributes is specified"
        )
    if kind == "INCLUDE" and names is None:
        raise ValidationException(
            f"{INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        )
    return kind, tuple(names or ())


def index_of_request(
    request: Request,
    types: dict[str, str],
    table_key: KeySchema,
    *,
    is_local: bool,
    billing_mode: str,
) -> Index:
    """One secondary index, not yet in a space."""
    name = request["IndexName"]
    key = (key_schema_of if is_local else global_key_schema_of)(request["KeySchema"], types)
    if is_local:
        if key.sort is None:
            raise ValidationException(
                f"{INVALID}Index KeySchema does not have a range key for index: {name}"
            )
        if key.partition != table_key.partition:
            raise ValidationException(
                f"{INVALID}Index KeySchema does not have the same leading hash key as table "
                f"KeySchema for index: {name}. index hash key: {key.partition}, table hash key: "
                f"{table_key.partition}"
            )
    projection, names = projection_of_index(request)
    throughput, settings = Throughput(), {}
    if not is_local:
        throughput = index_throughput(request, billing_mode)
        settings = index_settings({}, request, billing_mode)
        settings = with_warm_throughput(
            settings, request, billing_mode, throughput, f"index {name}"
        )
    return Index(name, is_local, key, projection, names, 0, throughput, settings)


def index_throughput(request: Request, billing_mode: str) -> Throughput:
    given = request.get("ProvisionedThroughput")
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None:
            raise ValidationException(
                f"{INVALID}ProvisionedThroughput should not be specified for index: "
                f"{request['IndexName']} when BillingMode is PAY_PER_REQUEST"
            )
        return Throughput()
    if given is None:
        raise ValidationException(
            f"{INVALID}ProvisionedThroughput must be specified for index: {request['IndexName']}"
        )
    return Throughput(given["ReadCapacityUnits"], given["WriteCapacityUnits"])


def indexes_of(
    request: Request, types: dict[str, str], key: KeySchema, billing_mode: str
) -> list[Index]:
    """All secondary indexes of a CreateTable request."""
    local = request.get("LocalSecondaryIndexes")
    if local is not None and not local:
        raise ValidationException(f"{INVALID}List of LocalSecondaryIndexes is empty")
    shared = request.get("GlobalSecondaryIndexes")
    if shared is not None and not shared:
        raise ValidationException(f"{INVALID}List of GlobalSecondaryIndexes is empty")
    if local and key.sort is None:
        raise ValidationException(
            f"{INVALID}Table KeySchema does not have a range key, which is required when "
            "specifying a LocalSecondaryIndex"
        )
    if len(local or ()) > LOCAL_INDEXES_MAX:
        raise ValidationException(
            f"{INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of "
            f"{LOCAL_INDEXES_MAX}"
        )
    if len(shared or ()) > GLOBAL_INDEXES_MAX:
        raise ValidationException(
            f"{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of "
            f"{GLOBAL_INDEXES_MAX}"
        )
    indexes = [
        index_of_request(each, types, key, is_local=is_local, billing_mode=billing_mode)
        for group, is_local in ((local, True), (shared, False))
        for each in group or ()
    ]
    names: set[str] = set()
    for index in indexes:
        if index.name in names:
            raise ValidationException(f"{INVALID}Duplicate index name: {index.name}")
        names.add(index.name)
    if sum(len(index.non_key_attributes) for index in indexes) > NON_KEY_ATTRIBUTES_MAX:
        raise ValidationException(
            f"{INVALID}Number of NonKeyAttributes exceeds the limit of {NON_KEY_ATTRIBUTES_MAX}"
        )
    return indexes


def throughput_of(request: Request, billing_mode: str) -> Throughput:
    """The table's capacity. Raises ValidationException where it contradicts the billing mode."""
    given = request.get("ProvisionedThroughput")
    if billing_mode == "PAY_PER_REQUEST":
        if given is not None:
            raise ValidationException(
                f"{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
        return Throughput()
    if given is None:
        raise ValidationException(
            f"{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED"
        )
    check_bounds(given)
    return Throughput(given["ReadCapacityUnits"], given["WriteCapacityUnits"])


def check_bounds(throughput: Request) -> None:
    """Raises ValidationException for a table's capacity beyond what any account could have."""
    for member in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if throughput[member] > CAPACITY_UNITS_MAX:
            raise ValidationException(
                f"Given value {throughput[member]} for {member} is out of bounds"
            )


def stream_view_of(specification: dict[str, Any] | None) -> str | None:
    """The view type of a StreamSpecification that enables a stream, None of one that does not.

    Source: AWS's words as observed, which call the view type by another name.
    """
    if specification is None or not specification.get("StreamEnabled"):
        if specification is not None and specification.get("StreamViewType"):
            raise ValidationException(
                f"{INVALID}If stream is being disabled, then UpdateViewType must not be specified"
            )
        return None
    view_type: str | None = specification.get("StreamViewType")
    if view_type is None:
        raise ValidationException(
            f"{INVALID}If stream is being enabled then UpdateViewType is required"
        )
    return view_type


def new_stream(
    transaction: Transaction, view_type: str, table_arn: str, at_ms: int
) -> StreamSettings:
    """A stream enabled now, with a label that no stream of the region had before.

    The stream of a deleted table lives on, so a table made again in the same millisecond (or after
    the clock stepped back) must not get its ARN.
    """
    row = transaction.get(META_SPACE, 0, STREAM_MOMENT_KIND, b"")
    moment = max(at_ms, row[0] + 1 if row else 0)
    transaction.put(META_SPACE, 0, STREAM_MOMENT_KIND, b"", moment, b"")
    label = stream_label(moment)
    return StreamSettings(view_type, label, f"{table_arn}/stream/{label}")


def stream_label(at_ms: int) -> str:
    """The moment a stream was enabled, as AWS labels it: ISO time with milliseconds."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}"


def place(transaction: Transaction, index: Index) -> Index:
    """The index with a space of its own."""
    return replace(index, space=transaction.create_space())
