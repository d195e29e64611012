"""Conditions and their operands as plain functions of an item and the request's values.

A tree is compiled once, with its names put in, to closures `(item, values) -> result`; compiled
conditions are shared by all requests with the same text, names and types of values. Nothing here
changes an item. An operand that does not exist, or has no meaning, is None.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..values import AttributeValue, Item, compare_values, type_of, values_equal
from . import tree
from .check import check_bounds, check_type_name, leaves
from .resolve import DocumentPath, Scope

Values: TypeAlias = Mapping[str, AttributeValue]
Test: TypeAlias = Callable[[Item, Values], bool]
Getter: TypeAlias = Callable[[Item, Values], AttributeValue | None]
ValueCheck: TypeAlias = Callable[[Values], None]


# --- conditions ----------------------------------------------------------------------------------


def compile_condition(condition: tree.ConditionTree, scope: Scope) -> Test:
    """Return the function that says whether a checked condition holds for an item."""
    if isinstance(condition, tree.And):
        return _all_of([compile_condition(part, scope) for part in condition.conditions])
    if isinstance(condition, tree.Or):
        return _any_of([compile_condition(part, scope) for part in condition.conditions])
    if isinstance(condition, tree.Not):
        return _negation(compile_condition(condition.condition, scope))
    if isinstance(condition, tree.Comparison):
        left = compile_operand(condition.left, scope)
        right = compile_operand(condition.right, scope)
        return _COMPARISONS[condition.operator](left, right)
    if isinstance(condition, tree.Between):
        operands = (condition.operand, condition.low, condition.high)
        return _between(*(compile_operand(operand, scope) for operand in operands))
    if isinstance(condition, tree.In):
        options = [compile_operand(option, scope) for option in condition.options]
        return _membership(compile_operand(condition.operand, scope), options)
    getters = [compile_operand(operand, scope) for operand in condition.operands]
    return _FUNCTIONS[condition.function](*getters)


def value_checks(condition: tree.ConditionTree) -> tuple[ValueCheck, ...]:
    """Return the checks of a condition that look at values themselves, not only their types."""
    checks: list[ValueCheck] = []
    for leaf in leaves(condition):
        if isinstance(leaf, tree.Between):
            low, high = _constant(leaf.low), _constant(leaf.high)
            if low is not None and high is not None:
                checks.append(_bounds_check(low, high))
        elif isinstance(leaf, tree.Call) and leaf.function == "attribute_type":
            name = _constant(leaf.operands[1])
            if name is not None:
                checks.append(_type_name_check(name))
    return tuple(checks)


def _constant(operand: tree.Operand) -> Callable[[Values], AttributeValue] | None:
    if isinstance(operand, tree.ValueRef):
        placeholder = operand.placeholder
        return lambda values: values[placeholder]
    if isinstance(operand, tree.Literal):
        value = operand.value
        return lambda values: value
    return None


def _bounds_check(
    low: Callable[[Values], AttributeValue], high: Callable[[Values], AttributeValue]
) -> ValueCheck:
    return lambda values: check_bounds(low(values), high(values))


def _type_name_check(name: Callable[[Values], AttributeValue]) -> ValueCheck:
    return lambda values: check_type_name(name(values)["S"])


def _all_of(tests: list[Test]) -> Test:
    def test(item: Item, values: Values) -> bool:
        for part in tests:
            if not part(item, values):
                return False
        return True

    return test


def _any_of(tests: list[Test]) -> Test:
    def test(item: Item, values: Values) -> bool:
        for part in tests:
            if part(item, values):
                return True
        return False

    return test


def _negation(test: Test) -> Test:
    return lambda item, values: not test(item, values)


def _equal(left_of: Getter, right_of: Getter) -> Test:
    def test(item: Item, values: Values) -> bool:
        left, right = left_of(item, values), right_of(item, values)
        return left is not None and right is not None and values_equal(left, right)

    return test


def _unequal(left_of: Getter, right_of: Getter) -> Test:
    """What does not exist is unequal to everything, even to what does not exist either."""
    return _negation(_equal(left_of, right_of))


def _ordered(accepted: frozenset[int]) -> Callable[[Getter, Getter], Test]:
    def compiled(left_of: Getter, right_of: Getter) -> Test:
        def test(item: Item, values: Values) -> bool:
            left, right = left_of(item, values), right_of(item, values)
            if left is None or right is None:
                return False
            return compare_values(left, right) in accepted

        return test

    return compiled


_COMPARISONS: dict[str, Callable[[Getter, Getter], Test]] = {
    "=": _equal,
    "<>": _unequal,
    "<": _ordered(frozenset((-1,))),
    "<=": _ordered(frozenset((-1, 0))),
    ">": _ordered(frozenset((1,))),
    ">=": _ordered(frozenset((1, 0))),
}


def _between(operand_of: Getter, low_of: Getter, high_of: Getter) -> Test:
    def test(item: Item, values: Values) -> bool:
        operand = operand_of(item, values)
        low, high = low_of(item, values), high_of(item, values)
        if operand is None or low is None or high is None:
            return False
        return compare_values(low, operand) in (-1, 0) and compare_values(operand, high) in (-1, 0)

    return test


def _membership(operand_of: Getter, option_getters: list[Getter]) -> Test:
    def test(item: Item, values: Values) -> bool:
        operand = operand_of(item, values)
        if operand is None:
            return False
        for option_of in option_getters:
            option = option_of(item, values)
            if option is not None and values_equal(operand, option):
                return True
        return False

    return test


# --- functions -----------------------------------------------------------------------------------


def _attribute_exists(value_of: Getter) -> Test:
    return lambda item, values: value_of(item, values) is not None


def _attribute_not_exists(value_of: Getter) -> Test:
    return lambda item, values: value_of(item, values) is None


def _attribute_type(value_of: Getter, name_of: Getter) -> Test:
    def test(item: Item, values: Values) -> bool:
        value, name = value_of(item, values), name_of(item, values)
        return value is not None and name is not None and name.get("S") == type_of(value)

    return test


def _begins_with(value_of: Getter, prefix_of: Getter) -> Test:
    def test(item: Item, values: Values) -> bool:
        value, prefix = value_of(item, values), prefix_of(item, values)
        if value is None or prefix is None:
            return False
        if "S" in value and "S" in prefix:
            text: str = value["S"]
            return text.startswith(prefix["S"])
        if "B" in value and "B" in prefix:
            return _decoded(value).startswith(_decoded(prefix))
        return False

    return test


def _contains(container_of: Getter, element_of: Getter) -> Test:
    def test(item: Item, values: Values) -> bool:
        container, element = container_of(item, values), element_of(item, values)
        return container is not None and element is not None and _has(container, element)

    return test


def _has(container: AttributeValue, element: AttributeValue) -> bool:
    """Look for a substring, an element of a set, or an element of a list, by the types."""
    kind, element_kind = type_of(container), type_of(element)
    if kind == "L":
        return any(values_equal(member, element) for member in container["L"])
    if kind == "B" and element_kind == "B":
        return _decoded(element) in _decoded(container)
    if (kind, element_kind) in (("S", "S"), ("SS", "S"), ("NS", "N"), ("BS", "B")):
        return element[element_kind] in container[kind]
    return False


def _decoded(value: AttributeValue) -> bytes:
    return binascii.a2b_base64(value["B"])


_FUNCTIONS: dict[str, Callable[..., Test]] = {
    "attribute_exists": _attribute_exists,
    "attribute_not_exists": _attribute_not_exists,
    "attribute_type": _attribute_type,
    "begins_with": _begins_with,
    "contains": _contains,
}


# --- operands ------------------------------------------------------------------------------------


def compile_operand(operand: tree.Operand, scope: Scope) -> Getter:
    """Return the function that gets an operand of a condition, or None where there is none."""
    if isinstance(operand, tree.Path):
        return getter_of_path(scope.path(operand))
    if isinstance(operand, tree.Call):
        return _size(compile_operand(operand.operands[0], scope))
    return getter_of_value(operand)


def getter_of_value(operand: tree.ValueRef | tree.Literal) -> Callable[[Item, Values], Any]:
    """Return the function that gets a value of the request."""
    if isinstance(operand, tree.Literal):
        value = operand.value
        return lambda item, values: value
    placeholder = operand.placeholder
    return lambda item, values: values[placeholder]


def getter_of_path(path: DocumentPath) -> Getter:
    """Return the function that gets what is at a path of an item."""
    name, *inner = path
    assert isinstance(name, str), "a path begins with an attribute's name"
    if not inner:
        return lambda item, values: item.get(name)
    return lambda item, values: _descend(item.get(name), inner)


def _descend(value: AttributeValue | None, path: list[str | int]) -> AttributeValue | None:
    for element in path:
        if value is None:
            return None
        if isinstance(element, str):
            value = value["M"].get(element) if "M" in value else None
        else:
            elements = value.get("L", ())
            value = elements[element] if element < len(elements) else None
    return value


def _size(value_of: Getter) -> Getter:
    def size(item: Item, values: Values) -> AttributeValue | None:
        value = value_of(item, values)
        if value is None:
            return None
        kind = type_of(value)
        if kind in ("N", "BOOL", "NULL"):
            return None
        if kind == "S":
            return {"N": str(_utf16_units(value["S"]))}
        return {"N": str(len(_decoded(value) if kind == "B" else value[kind]))}

    return size


def _utf16_units(text: str) -> int:
    """Count as Java does, and so DynamoDB: beyond the basic plane a character is two (observed)."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
