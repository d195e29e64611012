"""Numbers: their canonical text, exact sums, the order of their bytes and their size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.engine import numbers
from pelton.engine.errors import ValidationException

LARGEST = "9.9999999999999999999999999999999999999E+125"

OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
TOO_PRECISE = "Attempting to store more than 38 significant digits in a Number"
NO_NUMBER = "The parameter cannot be converted to a numeric value"


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """Numbers that DynamoDB can hold, in any notation."""
    digits = draw(st.text("0123456789", min_size=1, max_size=38))
    magnitude = draw(st.one_of(st.integers(-130, 125), st.integers(-3, 3)))
    sign = draw(st.sampled_from(["", "-", "+"]))
    return f"{sign}0.{digits}E{magnitude + 1}" if digits[0] != "0" else f"{sign}{digits}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00042", "42"),
        ("1.0", "1"),
        ("3.1400", "3.14"),
        ("1.5E2", "150"),
        ("1e+5", "100000"),
        ("+3", "3"),
        (".123", "0.123"),
        ("5.", "5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0e1000", "0"),
        ("-17.4E3", "-17400"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("1E125", "1" + "0" * 125),
        (LARGEST, "9" * 38 + "0" * 88),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("0.00001E5", "1"),
    ],
)
def test_a_number_has_one_canonical_text(text: str, expected: str) -> None:
    assert numbers.canonical(text) == expected
    assert numbers.canonical(expected) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", NO_NUMBER),
        ("b", f"{NO_NUMBER}: b"),
        ("NaN", f"{NO_NUMBER}: NaN"),
        ("-Infinity", f"{NO_NUMBER}: -Infinity"),
        (" 1", f"{NO_NUMBER}:  1"),
        ("1 ", f"{NO_NUMBER}: 1 "),
        ("1_000", f"{NO_NUMBER}: 1_000"),
        ("٣", f"{NO_NUMBER}: ٣"),
        (".", f"{NO_NUMBER}: ."),
        ("1e", f"{NO_NUMBER}: 1e"),
        ("1e99999999999", f"{NO_NUMBER}: 1e99999999999"),
        ("123456789012345678901234567890123456789", TOO_PRECISE),
        ("-1.23456789012345678901234567890123456789", TOO_PRECISE),
        ("1e126", OVERFLOW),
        ("-1e126", OVERFLOW),
        ("1e999999999", OVERFLOW),
        ("1e-131", UNDERFLOW),
        ("-0.9e-130", UNDERFLOW),
        ("1" + "0" * 5000, OVERFLOW),
    ],
)
def test_what_is_no_number_is_refused_in_dynamodbs_words(text: str, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        numbers.canonical(text)
    assert refused.value.message == message


@given(number_texts())
def test_the_canonical_text_keeps_the_value(text: str) -> None:
    assert Decimal(numbers.canonical(text)) == Decimal(text)


@given(number_texts(), number_texts())
def test_equal_numbers_have_equal_canonical_texts(a: str, b: str) -> None:
    same = numbers.canonical(a) == numbers.canonical(b)
    assert same == (Decimal(a) == Decimal(b))


@given(number_texts(), number_texts())
def test_encoded_numbers_sort_and_compare_as_their_values_do(a: str, b: str) -> None:
    a, b = numbers.canonical(a), numbers.canonical(b)
    first, second = numbers.encode_number(a), numbers.encode_number(b)
    assert (first < second) == (Decimal(a) < Decimal(b))
    assert (first == second) == (Decimal(a) == Decimal(b))
    assert numbers.compare(a, b) == (Decimal(a) > Decimal(b)) - (Decimal(a) < Decimal(b))


@given(number_texts())
def test_a_numbers_size_is_the_length_of_its_encoding(text: str) -> None:
    text = numbers.canonical(text)
    assert numbers.number_size(text) == len(numbers.encode_number(text))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("12", 2),
        ("42", 2),
        ("-42", 3),
        ("123", 3),
        ("1234", 3),
        ("12345678901234567890123456789012345678", 20),
        ("100", 2),
        ("1010", 3),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1E-100", 2),
        ("1.5", 3),
        ("1.234", 4),
        ("3.14159", 5),
        ("123456", 4),
        ("100.5", 4),
        ("0.15", 2),
        ("11111" + "0" * 121, 4),
        ("1111111" + "0" * 119, 5),
    ],
)
def test_a_number_has_the_size_that_was_observed_on_aws(text: str, size: int) -> None:
    assert numbers.number_size(numbers.canonical(text)) == size


@pytest.mark.parametrize(
    ("a", "b", "total", "difference"),
    [
        ("1", "2", "3", "-1"),
        ("0.1", "0.2", "0.3", "-0.1"),
        ("1", "1", "2", "0"),
        ("10000000000000000000000", "1", "10000000000000000000001", "9999999999999999999999"),
        ("1.5", "0.5", "2", "1"),
        ("-0.25", "100", "99.75", "-100.25"),
    ],
)
def test_sums_and_differences_are_exact(a: str, b: str, total: str, difference: str) -> None:
    assert numbers.add(a, b) == total
    assert numbers.subtract(a, b) == difference


@given(number_texts(), number_texts())
def test_a_sum_is_exact_or_refused(a: str, b: str) -> None:
    a, b = numbers.canonical(a), numbers.canonical(b)
    try:
        total = numbers.add(a, b)
    except ValidationException:
        return
    assert Decimal(total).normalize() == numbers._EXACT.add(Decimal(a), Decimal(b)).normalize()
    assert numbers.canonical(total) == total
    assert numbers.subtract(total, b) == a


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (numbers.canonical("9e125"), numbers.canonical("9e125")),
        (numbers.canonical("1e50"), "1"),
        (numbers.canonical("1e50"), "0.1"),
    ],
)
def test_a_sum_that_cannot_be_held_is_an_overflow(a: str, b: str) -> None:
    with pytest.raises(ValidationException) as refused:
        numbers.add(a, b)
    assert refused.value.message == OVERFLOW
