"""Operations that tell of functions. Their code is the app's: none of them changes any."""

from __future__ import annotations

import base64
import hashlib
import inspect
import platform
import sys
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pelton.handlers.context import CALL_MS_MAX
from pelton.handlers.functions import Function
from pelton.handlers.limits import MEMORY_MB

from .errors import not_found
from .names import LATEST, read_name
from .region import Answer, LambdaRegion, page_of

LISTED_MAX = 50
"""Source: "MaxItems" of ListFunctions in Lambda's API reference."""


def list_functions(region: LambdaRegion, request: Answer) -> Answer:
    page = page_of(list(region.functions), request, LISTED_MAX)
    with_versions = request.get("FunctionVersion") == "ALL"
    listed = [
        _configuration(region, region.functions[name], f":{LATEST}" if with_versions else "")
        for name in page.items
    ]
    return {"Functions": listed} | ({} if page.marker is None else {"NextMarker": page.marker})


def get_function_configuration(region: LambdaRegion, request: Answer) -> Answer:
    function, name = region.find(request)
    suffix = "" if name.qualifier is None else f":{name.qualifier}"
    configuration = _configuration(region, function, suffix)
    return {**configuration, "State": "Active", "LastUpdateStatus": "Successful"}


def get_function(region: LambdaRegion, request: Answer) -> Answer:
    answer: Answer = {
        "Configuration": get_function_configuration(region, request),
        "Code": {"RepositoryType": "S3"},
    }
    concurrency = get_function_concurrency(region, request)
    return answer | ({"Concurrency": concurrency} if concurrency else {})


def get_function_concurrency(region: LambdaRegion, request: Answer) -> Answer:
    function, _ = region.find(request)
    most = function.concurrency_max
    return {} if most is None else {"ReservedConcurrentExecutions": most}


def get_function_code_signing_config(region: LambdaRegion, request: Answer) -> Answer:
    region.find(request)
    return {}  # as AWS answers for functions without one


def get_function_event_invoke_config(region: LambdaRegion, request: Answer) -> Answer:
    name = read_name(region.database, request["FunctionName"], request.get("Qualifier"))
    qualified = f"{name.arn}:{name.qualifier or LATEST}"
    raise not_found(f"The function {qualified} doesn't have an EventInvokeConfig")


def get_policy(region: LambdaRegion, request: Answer) -> Answer:
    raise not_found()  # Nobody needs leave to invoke a function, so there is no policy.


def list_versions_by_function(region: LambdaRegion, request: Answer) -> Answer:
    function, _ = region.find(request)
    return {"Versions": [_configuration(region, function, f":{LATEST}")]}


def list_aliases(region: LambdaRegion, request: Answer) -> Answer:
    region.find(request)
    return {"Aliases": []}


def get_account_settings(region: LambdaRegion, request: Answer) -> Answer:
    """The limits of a new account, of which only the size of payloads limits anything here."""
    codes = {_code_of(each) for each in region.functions.values()}
    limits = {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    }
    usage = {
        "TotalCodeSize": sum(each.size_bytes for each in codes),
        "FunctionCount": len(region.functions),
    }
    return {"AccountLimit": limits, "AccountUsage": usage}


# --- what is told of a function -----------------------------------------------------------------


class _Code(NamedTuple):
    """The file that a function is in."""

    handler: str
    sha256: str
    size_bytes: int
    modified: str


def _configuration(region: LambdaRegion, function: Function, suffix: str) -> Answer:
    """A function as ListFunctions tells of it; `suffix` stands behind its ARN."""
    code = _code_of(function)
    arn = read_name(region.database, function.name).arn + suffix
    told: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Role": f"arn:aws:iam::{region.database.account}:role/pelton",
        "Handler": code.handler,
        "CodeSize": code.size_bytes,
        "Description": _description_of(function),
        "Timeout": round(function.timeout_seconds or CALL_MS_MAX / 1000),
        "MemorySize": function.memory_limit_mb or MEMORY_MB,
        "LastModified": code.modified,
        "CodeSha256": code.sha256,
        "Version": LATEST,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{arn}/{code.sha256}")),
        "PackageType": "Zip",
        "Architectures": ["arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.name}"},
    }
    return told


def _code_of(function: Function) -> _Code:
    code = inspect.unwrap(function.handler.function)
    kind = code if hasattr(code, "__qualname__") else type(code)
    module = str(kind.__module__)
    return _read_code(
        f"{module}.{kind.__qualname__}", getattr(sys.modules.get(module), "__file__", None)
    )


@lru_cache(maxsize=1024)
def _read_code(handler: str, file: str | None) -> _Code:
    """The file as it was when it was first asked for, which is what runs."""
    try:
        source, at = (Path(file).read_bytes(), Path(file).stat().st_mtime) if file else (b"", 0.0)
    except OSError:
        source, at = b"", 0.0
    sha256 = base64.b64encode(hashlib.sha256(source).digest()).decode()
    modified = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return _Code(handler, sha256, len(source), modified.replace("+00:00", "+0000"))


def _description_of(function: Function) -> str:
    text = inspect.getdoc(inspect.unwrap(function.handler.function)) or ""
    return text.partition("\n")[0][:256]
