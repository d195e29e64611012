"""What a pattern says of one value: an exact value, or an operator such as {"prefix": "a"}."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .addresses import address_of, in_network
from .errors import PatternFault
from .json_text import Members

Accepts = Callable[[Any], bool]
"""Whether a value, which is a string, a number, a boolean or None, is one of those meant."""

NUMBER_MAX = 5_000_000_000
"""How far from zero a number of a pattern may be. Source: the EventBridge user guide."""


@dataclass(frozen=True)
class Alternative:
    """One of the values a pattern lists for a name.

    `opening` and `exact` say what the text of a value that is accepted begins with, or is: with
    them a record can be refused without being parsed.
    """

    accepts: Accepts
    exact: str | bool | None = None
    opening: str | None = None
    is_absence: bool = False
    """Whether it wants the name to have no value at all."""


def alternative_of(member: Any) -> Alternative:
    """What a member of a pattern's array means. Raises PatternFault where that is nothing."""
    if isinstance(member, Members):
        return _of_operator(*_only_member(member, "an operator"))
    if isinstance(member, list):
        raise PatternFault("a value is a string, a number, true, false, null or an operator")
    if isinstance(member, str):
        return _same_text_or_address(member)
    if isinstance(member, bool):
        return Alternative(lambda value: value is member, exact=member)
    if member is None:
        return Alternative(lambda value: value is None)
    return Alternative(lambda value: _is_number(value) and value == member)


def _of_operator(name: str, wanted: Any) -> Alternative:
    if name == "prefix":
        return _prefix(wanted)
    if name == "exists":
        if not isinstance(wanted, bool):
            raise PatternFault(f'"exists" is true or false, not {_shown(wanted)}')
        return Alternative(lambda value: wanted, is_absence=not wanted)
    if name == "exactly":
        return _same_text(_text(name, wanted))
    if name == "suffix":
        return Alternative(_suffix(wanted))
    if name == "equals-ignore-case":
        return Alternative(_ignoring_case("({})", _text(name, wanted)))
    if name == "anything-but":
        return Alternative(_anything_but(wanted))
    if name == "numeric":
        return Alternative(_numeric(wanted))
    if name == "cidr":
        return Alternative(in_network(_text(name, wanted)))
    if name == "wildcard":
        return Alternative(_wildcard(_text(name, wanted)))
    raise PatternFault(f'there is no operator "{name}"')


# --- texts ----------------------------------------------------------------------------------------


def _same_text(text: str) -> Alternative:
    return Alternative(lambda value: bool(value == text), exact=text)


def _same_text_or_address(text: str) -> Alternative:
    address = address_of(text)
    if address is None:
        return _same_text(text)
    # EventBridge compares addresses, not how they are written.
    return Alternative(lambda value: isinstance(value, str) and address_of(value) == address)


def _prefix(wanted: Any) -> Alternative:
    if isinstance(wanted, Members):
        text = _text_in_any_case("prefix", wanted)
        return Alternative(_ignoring_case("({}).*", text))
    text = _text("prefix", wanted)
    return Alternative(_starts_with((text,)), opening=text)


def _suffix(wanted: Any) -> Accepts:
    if isinstance(wanted, Members):
        return _ignoring_case(".*({})", _text_in_any_case("suffix", wanted))
    return _ends_with((_text("suffix", wanted),))


def _starts_with(texts: tuple[str, ...]) -> Accepts:
    return lambda value: isinstance(value, str) and value.startswith(texts)


def _ends_with(texts: tuple[str, ...]) -> Accepts:
    return lambda value: isinstance(value, str) and value.endswith(texts)


def _ignoring_case(form: str, *texts: str) -> Accepts:
    """Character by character, in lower or in upper case, as EventBridge does it."""
    expression = form.format("|".join("".join(map(_both_cases, text)) for text in texts))
    matches = re.compile(expression, re.DOTALL).fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def _both_cases(character: str) -> str:
    lower, upper = character.lower(), character.upper()
    if lower == upper:
        return re.escape(character)
    return f"(?:{re.escape(lower)}|{re.escape(upper)})"


def _wildcard(text: str) -> Accepts:
    """Pieces of text with anything between them; found one behind the other, never tried anew."""
    first, *others = _pieces_of(text)
    if not others:
        return lambda value: bool(value == first)
    *middle, last = others

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or not value.startswith(first):
            return False
        place, end = len(first), len(value) - len(last)
        for piece in middle:
            place = value.find(piece, place, end)
            if place < 0:
                return False
            place += len(piece)
        return place <= end and value.endswith(last)

    return matches


def _pieces_of(text: str) -> list[str]:
    pieces, escaped, previous = [""], False, ""
    for character in text:
        if escaped:
            if character not in "*\\":
                raise PatternFault(f'a backslash in "wildcard" stands before * or \\: "{text}"')
            pieces[-1] += character
            escaped, previous = False, ""
            continue
        if character == "\\":
            escaped = True
        elif character == "*":
            if previous == "*":
                raise PatternFault(f'"wildcard" has two * in a row: "{text}"')
            pieces.append("")
        else:
            pieces[-1] += character
        previous = character
    if escaped:
        raise PatternFault(f'a backslash in "wildcard" stands before * or \\: "{text}"')
    return pieces


# --- anything but ---------------------------------------------------------------------------------


def _anything_but(wanted: Any) -> Accepts:
    if isinstance(wanted, Members):
        return _but(_excluded(*_only_member(wanted, '"anything-but"')))
    listed = wanted if isinstance(wanted, list) else [wanted]
    if listed and all(isinstance(each, str) for each in listed):
        return _but(_one_of(listed))
    if listed and all(_is_number(each) for each in listed):
        for each in listed:
            _check_range(each)
        return _but(lambda value: _is_number(value) and value in listed)
    raise PatternFault(
        f'"anything-but" is a string, a number, or a list of only one kind, not {_shown(wanted)}'
    )


def _but(is_excluded: Accepts) -> Accepts:
    return lambda value: not is_excluded(value)


def _excluded(name: str, wanted: Any) -> Accepts:
    listed = wanted if isinstance(wanted, list) else [wanted]
    texts = tuple(_text(name, each) for each in listed)
    if not texts:
        raise PatternFault(f'"{name}" in "anything-but" has an empty list')
    if name in ("prefix", "suffix"):
        if "" in texts:
            raise PatternFault(f'"{name}" in "anything-but" is not empty')
        return _starts_with(texts) if name == "prefix" else _ends_with(texts)
    if name == "equals-ignore-case":
        return _ignoring_case("({})", *texts)
    if name == "wildcard":
        return _any_of([_wildcard(text) for text in texts])
    raise PatternFault(f'"anything-but" has no "{name}"')


def _one_of(texts: Sequence[str]) -> Accepts:
    return lambda value: isinstance(value, str) and value in texts


def _any_of(tests: Sequence[Accepts]) -> Accepts:
    return lambda value: any(accepts(value) for accepts in tests)


# --- numbers --------------------------------------------------------------------------------------

Compares = Callable[[Any, Any], bool]

_LOWER: dict[str, Compares] = {
    ">": lambda value, bound: bool(value > bound),
    ">=": lambda value, bound: bool(value >= bound),
}
_UPPER: dict[str, Compares] = {
    "<": lambda value, bound: bool(value < bound),
    "<=": lambda value, bound: bool(value <= bound),
}
_EQUAL: dict[str, Compares] = {"=": lambda value, bound: bool(value == bound)}
_COMPARISONS = {**_LOWER, **_UPPER, **_EQUAL}


def _numeric(wanted: Any) -> Accepts:
    if not isinstance(wanted, list) or len(wanted) not in (2, 4):
        raise PatternFault(
            f'"numeric" is a list such as [">", 0] or [">", 0, "<=", 5], not {_shown(wanted)}'
        )
    operators, bounds = wanted[::2], wanted[1::2]
    for operator in operators:
        if not isinstance(operator, str) or operator not in _COMPARISONS:
            raise PatternFault(f'"numeric" compares with =, <, <=, > or >=, not {_shown(operator)}')
    for bound in bounds:
        if not _is_number(bound):
            raise PatternFault(f'"numeric" compares with a number, not {_shown(bound)}')
        _check_range(bound)
    compare, bound = _COMPARISONS[operators[0]], bounds[0]
    if len(operators) == 1:
        return lambda value: _is_number(value) and compare(value, bound)
    if operators[0] not in _LOWER or operators[1] not in _UPPER or not bound < bounds[1]:
        raise PatternFault(
            f'a range of "numeric" has its lower bound first, then a higher one: {_shown(wanted)}'
        )
    compare_too, top = _COMPARISONS[operators[1]], bounds[1]
    return lambda value: _is_number(value) and compare(value, bound) and compare_too(value, top)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_range(number: float) -> None:
    if abs(number) > NUMBER_MAX:
        raise PatternFault(f"a number is between -5e9 and 5e9, not {number}")


# --- reading patterns -----------------------------------------------------------------------------


def _text(name: str, wanted: Any) -> str:
    if not isinstance(wanted, str):
        raise PatternFault(f'"{name}" is a string, not {_shown(wanted)}')
    return wanted


def _text_in_any_case(name: str, wanted: Members) -> str:
    inner, text = _only_member(wanted, f'"{name}"')
    if inner != "equals-ignore-case":
        raise PatternFault(f'"{name}" is a string or has "equals-ignore-case", not "{inner}"')
    return _text(inner, text)


def _only_member(members: Members, what: str) -> tuple[str, Any]:
    if len(members) != 1:
        names = ", ".join(name for name, _ in members) or "none"
        raise PatternFault(f"{what} has one member, not {names}")
    return members[0]


def _shown(wanted: Any) -> str:
    if isinstance(wanted, Members):
        return "an object"
    if wanted is None or isinstance(wanted, bool):
        return {None: "null", True: "true", False: "false"}[wanted]
    return f'"{wanted}"' if isinstance(wanted, str) else str(wanted)
