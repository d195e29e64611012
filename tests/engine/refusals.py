"""How a test asks what an expression is refused with."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.engine.errors import ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_condition,
    bind_filter,
    bind_key_condition,
    bind_projection,
    bind_update,
)

KINDS: dict[Any, str] = {
    bind_condition: "Invalid ConditionExpression",
    bind_filter: "Invalid FilterExpression",
    bind_key_condition: "Invalid KeyConditionExpression",
    bind_projection: "Invalid ProjectionExpression",
    bind_update: "Invalid UpdateExpression",
}


def refusal(bind: Any, text: str, names: Any = None, values: Any = None) -> str:
    """What an expression is refused with, after the words that say which expression it is."""
    with pytest.raises(ValidationException) as refused:
        bind(text, Placeholders(names, values))
    kind, _, complaint = refused.value.message.partition(": ")
    assert kind == KINDS[bind]
    return complaint
