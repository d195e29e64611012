"""Who signed a request and for which region, read from its headers; signatures are not verified.

Source: the messages and their order are those observed at AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from pelton.engine.errors import DynamoDBError


class MissingAuthenticationTokenException(DynamoDBError):
    """Raised when a request is not signed at all."""


class IncompleteSignatureException(DynamoDBError):
    """Raised when a signature lacks one of its parts, or one of them is malformed."""


class InvalidSignatureException(DynamoDBError):
    """Raised when the parts of a signature contradict each other or the server."""


_SIGNED = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/([A-Za-z0-9-]+)/dynamodb/aws4_request, ?"
    rb"SignedHeaders=[^,\s]+, ?Signature=[^,\s]+"
)
"""The header as every SDK writes it; any other form is read piece by piece."""

_QUERY_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
)


def region_signed_for(
    headers: Mapping[bytes, bytes], query: bytes, service: str = "dynamodb"
) -> str:
    """The region in the credential scope of a request that is signed for a service.

    `headers` have lower-case names, `query` is the raw query string. Raises
    MissingAuthenticationTokenException, IncompleteSignatureException, InvalidSignatureException.
    """
    authorization = headers.get(b"authorization")
    if authorization is not None and not query and service == "dynamodb":
        signed = _SIGNED.fullmatch(authorization)
        if signed is not None and (b"x-amz-date" in headers or b"date" in headers):
            return signed[1].decode()
    return _region_of(_read_pieces(authorization, headers, query), service)


def _read_pieces(authorization: bytes | None, headers: Mapping[bytes, bytes], query: bytes) -> str:
    """The credential of a signature in the header or in the query string."""
    parameters = {
        name: values[0]
        for name, values in parse_qs(query.decode("latin-1"), keep_blank_values=True).items()
    }
    signed_by_query = "X-Amz-Algorithm" in parameters
    if authorization is not None and signed_by_query:
        raise InvalidSignatureException(
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP "
            "header."
        )
    if signed_by_query:
        return _credential_in_query(parameters)
    text = (authorization or b"").decode("latin-1").strip()
    if not text.startswith("AWS4-"):
        raise MissingAuthenticationTokenException("Request is missing Authentication Token")
    return _credential_in_header(text, has_date=b"x-amz-date" in headers or b"date" in headers)


def _credential_in_query(parameters: dict[str, str]) -> str:
    missing = [name for name in _QUERY_PARAMETERS if not parameters.get(name)]
    if missing:
        raise IncompleteSignatureException(
            "".join(f"AWS query-string parameters must include '{name}'. " for name in missing)
            + "Re-examine the query-string parameters."
        )
    _check_algorithm(parameters["X-Amz-Algorithm"])
    return parameters["X-Amz-Credential"]


def _credential_in_header(text: str, *, has_date: bool) -> str:
    algorithm, *pieces = [piece for piece in re.split(r"[,\s]+", text) if piece]
    parts: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        parts[name] = value
    message = "".join(
        f"Authorization header requires '{name}' parameter. "
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    )
    if not has_date:
        message += (
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        )
    if message:
        raise IncompleteSignatureException(f"{message}Authorization={text}")
    _check_algorithm(algorithm)
    return parts["Credential"]


def _check_algorithm(algorithm: str) -> None:
    if algorithm != "AWS4-HMAC-SHA256":
        raise IncompleteSignatureException(
            f"Unsupported AWS 'algorithm': '{algorithm}' (only AWS4-HMAC-SHA256 for now). "
        )


def _region_of(credential: str, wanted: str) -> str:
    pieces = credential.rstrip("/").split("/")
    if len(pieces) != 5:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential}'"
        )
    _, _, region, service, terminator = pieces
    message = ""
    if service != wanted:
        message += f"Credential should be scoped to correct service: '{wanted}'. "
    if terminator != "aws4_request":
        message += (
            "Credential should be scoped with a valid terminator: 'aws4_request', "
            f"not '{terminator}'. "
        )
    if message:
        raise InvalidSignatureException(message)
    return region
