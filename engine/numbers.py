"""DynamoDB's numbers: up to 38 significant digits, magnitudes from 1E-130 to just below 1E+126.

A number travels as text. Its canonical text is plain notation without superfluous zeros ("150",
"-0.5", "0"), so that two numbers are equal exactly when their canonical texts are. Nothing here
passes through a float.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from .errors import ValidationException

DIGITS_MAX = 38
MAGNITUDE_MAX = 125
MAGNITUDE_MIN = -130

_OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
_UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
_TOO_PRECISE = "Attempting to store more than 38 significant digits in a Number"
_NOT_A_NUMBER = "The parameter cannot be converted to a numeric value"

# Texts that are canonical as they stand; nearly every number of real life is one of these.
_is_canonical = re.compile(
    r"0|-?[1-9][0-9]{0,18}(?:\.[0-9]{0,17}[1-9])?|-?0\.[0-9]{0,17}[1-9]"
).fullmatch
_parse = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,10}))?").fullmatch

# Wide enough that the sum of the largest and the smallest number is exact.
_EXACT = Context(prec=300)


def canonical(text: str) -> str:
    """Return the canonical text of a number.

    Raises:
        ValidationException: when the text is no number, or one that DynamoDB cannot hold.

    >>> canonical("1.50E2"), canonical("-0"), canonical(".5")
    ('150', '0', '0.5')
    """
    if _is_canonical(text):
        return text
    parts = _parse(text)
    if parts is None or not (parts[2] or parts[3]):
        raise ValidationException(f"{_NOT_A_NUMBER}: {text}" if text else _NOT_A_NUMBER)
    fraction = parts[3] or ""
    exponent = int(parts[4] or 0) - len(fraction)
    return _canonical(parts[1] == "-", parts[2] + fraction, exponent, _TOO_PRECISE)


def add(a: str, b: str) -> str:
    """Return the canonical sum of two canonical numbers.

    Raises:
        ValidationException: when the sum cannot be held exactly. DynamoDB calls that an overflow
            even when only the precision is short (observed).
    """
    if "." not in a and "." not in b:
        return _canonical_integer(int(a) + int(b))
    return _canonical_decimal(_EXACT.add(Decimal(a), Decimal(b)))


def subtract(a: str, b: str) -> str:
    """Return the canonical difference of two canonical numbers; raises as `add` does."""
    if "." not in a and "." not in b:
        return _canonical_integer(int(a) - int(b))
    return _canonical_decimal(_EXACT.subtract(Decimal(a), Decimal(b)))


def compare(a: str, b: str) -> int:
    """Return -1, 0 or 1 as canonical number `a` is less than, equal to or greater than `b`."""
    if a == b:
        return 0
    return -1 if Decimal(a) < Decimal(b) else 1


def encode_number(text: str) -> bytes:
    """Return bytes that sort as the numbers do, for a canonical number.

    One byte holds the sign and the power of 100, then each byte holds two decimal digits (as
    binary-coded decimal). A negative number is the complement of its opposite, ended by 0xFF, so
    that of two with a common beginning the longer, which is further from zero, sorts first.
    """
    if text == "0":
        return b"\x80"
    if text[0] == "-":
        power, digits = _pairs_of_digits(text[1:])
        return bytes((63 - power,)) + digits.translate(_COMPLEMENT) + b"\xff"
    power, digits = _pairs_of_digits(text)
    return bytes((192 + power,)) + digits


def number_size(text: str) -> int:
    """Return the size in bytes that DynamoDB counts for a canonical number.

    Two decimal digits to a byte (zeros at either end are free), one byte for the exponent and one
    more for a minus sign; it is the length of `encode_number`. Source: observed.

    >>> number_size("42"), number_size("-42"), number_size("0"), number_size("100.5")
    (2, 3, 1, 4)
    """
    negative = text[0] == "-"
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    if fraction:
        if whole == "0":
            zeros = len(fraction) - len(fraction.lstrip("0"))
            pairs = (len(fraction) + 1) // 2 - zeros // 2
        else:
            pairs = (len(whole) + 1) // 2 + (len(fraction) + 1) // 2
    elif whole == "0":
        return 1
    else:
        zeros = len(whole) - len(whole.rstrip("0"))
        pairs = (len(whole) + 1) // 2 - zeros // 2
    return pairs + 1 + negative


# 0xFE and not 0xFF is the complement of 0x00, so that the end mark is greater than any digit.
_COMPLEMENT = bytes(max(0, 0xFE - byte) for byte in range(256))


def _pairs_of_digits(text: str) -> tuple[int, bytes]:
    """Split a positive canonical number into a power of 100 and its digits, two to a byte.

    The number is 0.d1d2d3... times 100 to that power, each d being two digits; d1 is not 00.
    """
    whole, _, fraction = text.partition(".")
    if len(fraction) % 2:
        fraction += "0"
    if whole == "0":
        pairs = bytes.fromhex(fraction)
        digits = pairs.lstrip(b"\0")
        return len(digits) - len(pairs), digits
    if len(whole) % 2:
        whole = "0" + whole
    return len(whole) // 2, bytes.fromhex(whole + fraction).rstrip(b"\0")


def _canonical_integer(number: int) -> str:
    text = str(number)
    if len(text) <= DIGITS_MAX:
        return text
    return _canonical(number < 0, text.lstrip("-"), 0, _OVERFLOW)


def _canonical_decimal(number: Decimal) -> str:
    negative, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int), "sums of finite numbers are finite"
    return _canonical(bool(negative), "".join(map(str, digits)), exponent, _OVERFLOW)


def _canonical(negative: bool, digits: str, exponent: int, too_precise: str) -> str:
    """Check and print `digits` times ten to the power `exponent`."""
    significant = digits.lstrip("0")
    if not significant:
        return "0"
    digits = significant.rstrip("0")
    exponent += len(significant) - len(digits)
    magnitude = exponent + len(digits) - 1
    if magnitude > MAGNITUDE_MAX:
        raise ValidationException(_OVERFLOW)
    if magnitude < MAGNITUDE_MIN:
        raise ValidationException(_UNDERFLOW)
    if len(digits) > DIGITS_MAX:
        raise ValidationException(too_precise)
    return ("-" if negative else "") + _plain(digits, exponent)


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    point = len(digits) + exponent
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return "0." + "0" * -point + digits
