"""Answers: what a function returns, as AWS's runtime for Python writes it."""

from __future__ import annotations

import json
from decimal import Decimal
from json import JSONEncoder
from typing import Any

from .errors import MarshalError


class _Encoder(JSONEncoder):
    """As the runtime for Python writes results: numbers of DynamoDB's too."""

    def default(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            whole = int(value) if value == value.to_integral_value() else None
            return float(value) if whole is None else whole
        return super().default(value)


_encode = _Encoder(ensure_ascii=False).encode


def encode_answer(result: Any) -> str:
    """The JSON of what a function has returned. Raises MarshalError where it is none."""
    try:
        return _encode(result)
    except (TypeError, ValueError) as error:
        raise MarshalError(str(error)) from None


def answer_of(text: object) -> Any:
    """What `encode_answer` has written; None for nothing. Raises ValueError for what is no JSON."""
    return json.loads(text) if isinstance(text, str) else None
