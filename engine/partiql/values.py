"""The values that a statement writes out: literals, parameters, and what is built of both."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ValidationException
from ..values import AttributeValue, type_of
from .tree import Template


def constant(value: AttributeValue) -> Template:
    return lambda parameters: value


def parameter(position: int) -> Template:
    return lambda parameters: parameters[position]


def list_of(parts: Sequence[Template]) -> Template:
    return lambda parameters: {"L": [part(parameters) for part in parts]}


def map_of(members: dict[str, Template]) -> Template:
    return lambda parameters: {
        "M": {name: part(parameters) for name, part in members.items()},
    }


def set_of(parts: Sequence[Template]) -> Template:
    def build(parameters: Sequence[AttributeValue]) -> AttributeValue:
        elements = [part(parameters) for part in parts]
        kinds = {type_of(element) for element in elements}
        if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
            raise ValidationException(
                "A set must have elements, all strings, all numbers or all binary values"
            )
        (kind,) = kinds
        return {f"{kind}S": [element[kind] for element in elements]}

    return build
