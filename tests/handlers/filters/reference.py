"""A matcher that is as plain as can be: the rules of the dialect, tried out one after the other."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator
from typing import Any

Field = tuple[str, Any, dict[str, int]]
"""A dotted path, a value, and the element of each array (by its place) that the value lies in."""


def reference_matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    fields = list(_fields(event, "", "", {}))
    return any(_holds(dict(rule), fields) for rule in _rules(pattern, ""))


def _rules(pattern: dict[str, Any], path: str) -> list[list[tuple[str, list[Any]]]]:
    """Every way to choose one branch of each "$or"; what comes later counts."""
    found: list[list[tuple[str, list[Any]]]] = [[]]
    for name, value in pattern.items():
        here = f"{path}.{name}" if path else name
        if name == "$or":
            ways = [way for branch in value for way in _rules(branch, path)]
        elif isinstance(value, dict):
            ways = _rules(value, here)
        else:
            ways = [[(here, value)]]
        found = [before + way for before, way in itertools.product(found, ways)]
    return found


def _fields(value: Any, path: str, place: str, elements: dict[str, int]) -> Iterator[Field]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _fields(
                member, f"{path}.{name}" if path else name, f"{place}/{name}", elements
            )
    elif isinstance(value, list):
        for index, each in enumerate(value):
            within = {**elements, place: index} if isinstance(each, dict | list) else elements
            yield from _fields(each, path, f"{place}[{index}]", within)
    else:
        yield path, value, elements


def _holds(rule: dict[str, list[Any]], fields: list[Field]) -> bool:
    """Tries each choice of one value (or none) for every path, in the order of the paths."""
    choices = [[None, *(field for field in fields if field[0] == path)] for path in sorted(rule)]
    return any(_fits(rule, choice, fields) for choice in itertools.product(*choices))


def _fits(
    rule: dict[str, list[Any]], choice: tuple[Field | None, ...], fields: list[Field]
) -> bool:
    chosen: dict[str, int] = {}
    for path, field in zip(sorted(rule), choice, strict=True):
        if field is None:
            if {"exists": False} not in rule[path]:
                return False
            if any(each[0] == path and _agree(each[2], chosen) for each in fields):
                return False
        else:
            if not _agree(field[2], chosen):
                return False
            if not any(accepts(wanted, field[1]) for wanted in rule[path]):
                return False
            chosen.update(field[2])
    return True


def _agree(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(other[array] == index for array, index in one.items() if array in other)


# --- values ---------------------------------------------------------------------------------------


def accepts(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        if isinstance(wanted, str) and isinstance(value, str):
            return wanted == value or (is_address(wanted) and same_address(wanted, value))
        return kind(wanted) == kind(value) and bool(wanted == value)
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return bool(operand)
    if operator == "anything-but":
        if isinstance(operand, dict):
            ((inner, texts),) = operand.items()
            listed = texts if isinstance(texts, list) else [texts]
            return not any(accepts({inner: text}, value) for text in listed)
        listed = operand if isinstance(operand, list) else [operand]
        return not any(kind(each) == kind(value) and each == value for each in listed)
    if operator == "numeric":
        signs = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
        return kind(value) == "number" and all(
            getattr(float(value), signs[sign])(float(bound))
            for sign, bound in zip(operand[::2], operand[1::2], strict=True)
        )
    return isinstance(value, str) and accepts_text(operator, operand, value)


def accepts_text(operator: str, operand: Any, value: str) -> bool:
    if isinstance(operand, dict):  # all letters of these tests have one upper and one lower case
        return accepts_text(operator, operand["equals-ignore-case"].lower(), value.lower())
    if operator == "prefix":
        return value[: len(operand)] == str(operand)
    if operator == "suffix":
        return value[max(0, len(value) - len(operand)) :] == str(operand)
    if operator == "equals-ignore-case":
        return bool(operand.lower() == value.lower())
    if operator == "wildcard":
        parts = re.findall(r"\\.|\*|[^\\*]", operand, re.DOTALL)
        pattern = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    if operator == "cidr":
        network = ipaddress.ip_network(operand, strict=False)
        return is_address(value) and ipaddress.ip_address(value) in network
    raise AssertionError(operator)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def same_address(one: str, other: str) -> bool:
    return is_address(other) and ipaddress.ip_address(one) == ipaddress.ip_address(other)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__
