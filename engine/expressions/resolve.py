"""What placeholders stand for: a request's names and values, and paths with names put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from ..errors import ValidationException
from ..values import AttributeValue, normalise_value, type_of
from . import tree
from .tokens import InvalidExpression

DocumentPath: TypeAlias = tuple[str | int, ...]
"""A place in an item: attribute and member names, and indexes of lists; the first is a name."""

NAME_BYTES_MAX = 65535

_REMEMBERED_CHARS_MAX = 64

_name_placeholder = re.compile(r"#[0-9a-zA-Z_]+").fullmatch
_value_placeholder = re.compile(r":[0-9a-zA-Z_]+").fullmatch

# A program's placeholders are few and short: remembering them is faster than looking at each again.
_is_name_placeholder = lru_cache(4096)(_name_placeholder)
_is_value_placeholder = lru_cache(4096)(_value_placeholder)


class Placeholders:
    """The names and values that a request gives to its expressions; one object a request.

    `names` maps `#name` to attribute names, `values` maps `:value` to canonical values.

    Raises:
        ValidationException, SerializationException: when a map is empty, a placeholder malformed,
            or a value one that DynamoDB cannot hold.
    """

    __slots__ = ("names", "values", "_used")

    def __init__(
        self, names: Mapping[str, str] | None, values: Mapping[str, AttributeValue] | None
    ) -> None:
        self.names: Mapping[str, str] = {} if names is None else _checked_names(names)
        self.values: dict[str, AttributeValue] = {} if values is None else _checked_values(values)
        self._used: list[tuple[str, ...]] = []

    def note_used(self, placeholders: tuple[str, ...]) -> None:
        """Remember that an expression speaks of these placeholders, all of which are defined."""
        self._used.append(placeholders)

    def check_all_used(self) -> None:
        """Raise ValidationException when a placeholder is in none of the bound expressions."""
        used = self._used[0] if len(self._used) == 1 else set().union(*self._used)
        if len(used) == len(self.names) + len(self.values):
            return
        for member, defined in (("Names", self.names), ("Values", self.values)):
            unused = [placeholder for placeholder in defined if placeholder not in used]
            if unused:
                raise ValidationException(
                    f"Value provided in ExpressionAttribute{member} unused in expressions: "
                    f"keys: {{{', '.join(unused)}}}"
                )


def _checked_names(names: Mapping[str, str]) -> Mapping[str, str]:
    if not names:
        raise ValidationException("ExpressionAttributeNames must not be empty")
    for placeholder, name in names.items():
        is_short = len(placeholder) <= _REMEMBERED_CHARS_MAX
        if not (_is_name_placeholder if is_short else _name_placeholder)(placeholder):
            raise ValidationException(
                f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{placeholder}"'
            )
        if not name or len(name) * 4 > NAME_BYTES_MAX:
            _check_name(placeholder, name)
    return names


def _check_name(placeholder: str, name: str) -> None:
    if not name:
        complaint = "Empty attribute name"
    elif len(name.encode(errors="surrogatepass")) > NAME_BYTES_MAX:
        complaint = f"Attribute name is too large, must be at most {NAME_BYTES_MAX} bytes"
    else:
        return
    raise ValidationException(
        f"ExpressionAttributeNames contains invalid value: {complaint} for key {placeholder}"
    )


def _checked_values(values: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    if not values:
        raise ValidationException("ExpressionAttributeValues must not be empty")
    for placeholder in values:
        is_short = len(placeholder) <= _REMEMBERED_CHARS_MAX
        if not (_is_value_placeholder if is_short else _value_placeholder)(placeholder):
            raise ValidationException(
                "ExpressionAttributeValues contains invalid key: "
                f'Syntax error; key: "{placeholder}"'
            )
    result = {}
    placeholder = ""
    try:
        for placeholder, value in values.items():
            result[placeholder], _ = normalise_value(value)
    except ValidationException as error:
        raise ValidationException(
            "ExpressionAttributeValues contains invalid value: "
            f"{error.message} for key {placeholder}"
        ) from None
    return result


class Scope:
    """What names stand for and which types values have, as one compilation sees them."""

    __slots__ = ("_names", "_types")

    def __init__(self, names: Mapping[str, str], types: Mapping[str, str]) -> None:
        self._names = names
        self._types = types

    def name(self, element: str | tree.NameRef) -> str:
        """Return an attribute name. Raises InvalidExpression for an undefined placeholder."""
        if isinstance(element, str):
            return element
        name = self._names.get(element.placeholder)
        if name is None:
            raise InvalidExpression(
                "An expression attribute name used in the document path is not defined; "
                f"attribute name: {element.placeholder}"
            )
        return name

    def path(self, path: tree.Path) -> DocumentPath:
        """Return a path with its names put in. Raises InvalidExpression as `name` does."""
        return tuple(
            element if isinstance(element, int) else self.name(element) for element in path.elements
        )

    def type_of(self, value: tree.ValueRef | tree.Literal) -> str:
        """Return a value's type. Raises InvalidExpression for an undefined placeholder."""
        if isinstance(value, tree.Literal):
            return type_of(value.value)
        kind = self._types.get(value.placeholder)
        if kind is None:
            raise InvalidExpression(
                "An expression attribute value used in expression is not defined; "
                f"attribute value: {value.placeholder}"
            )
        return kind


def describe_path(path: DocumentPath) -> str:
    """Write a path as DynamoDB's errors do: `[a, [1], b]`."""
    elements = (f"[{element}]" if isinstance(element, int) else element for element in path)
    return f"[{', '.join(elements)}]"
