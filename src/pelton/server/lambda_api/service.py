"""Which function answers which operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from . import functions, mappings, tags
from .errors import LambdaError
from .invoke import invoke
from .region import LambdaRegion
from .reply import Reply
from .requests import read_request
from .routes import Route

Answering = Callable[[LambdaRegion, dict[str, Any]], dict[str, Any] | None]

_ANSWERING: dict[str, Answering] = {
    "CreateEventSourceMapping": mappings.create_event_source_mapping,
    "DeleteEventSourceMapping": mappings.delete_event_source_mapping,
    "GetAccountSettings": functions.get_account_settings,
    "GetEventSourceMapping": mappings.get_event_source_mapping,
    "GetFunction": functions.get_function,
    "GetFunctionCodeSigningConfig": functions.get_function_code_signing_config,
    "GetFunctionConcurrency": functions.get_function_concurrency,
    "GetFunctionConfiguration": functions.get_function_configuration,
    "GetFunctionEventInvokeConfig": functions.get_function_event_invoke_config,
    "GetPolicy": functions.get_policy,
    "ListAliases": functions.list_aliases,
    "ListEventSourceMappings": mappings.list_event_source_mappings,
    "ListFunctions": functions.list_functions,
    "ListTags": tags.list_tags,
    "ListVersionsByFunction": functions.list_versions_by_function,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "UpdateEventSourceMapping": mappings.update_event_source_mapping,
}


def answer(
    region: LambdaRegion,
    route: Route,
    *,
    headers: dict[bytes, bytes],
    query: bytes,
    body: bytes,
    request_id: str,
) -> Reply:
    """The reply to a request; may take as long as a function does.

    Raises LambdaError, and what the reading of the request raises.
    """
    operation = route.operation
    if operation.shape is None:
        raise LambdaError(
            "UnknownOperationException",
            f"pelton does not support {operation.name}: functions are those that an app registers",
        )
    request = read_request(route, headers, query, body)
    if operation.name == "Invoke":
        return invoke(region, request, request_id)
    answered = _ANSWERING[operation.name](region, request)
    return Reply(operation.status, b"" if answered is None else orjson.dumps(answered))
