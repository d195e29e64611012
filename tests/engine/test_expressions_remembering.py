"""What is remembered of texts: enough to be fast, and never as much as a client likes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from pelton.engine.expressions.remembering import (
    LONG_CHARS_MAX,
    LONG_KEPT,
    SHORT_CHARS_MAX,
    SHORT_KEPT,
    remembered_by_names,
    remembered_by_text,
)


class Text(NamedTuple):
    chars: int


class Maker:
    """Gives back what it is called with, and counts the calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return arguments


@pytest.mark.parametrize(
    ("chars", "kept"),
    [
        (SHORT_CHARS_MAX, SHORT_KEPT),
        (SHORT_CHARS_MAX + 1, LONG_KEPT),
        (LONG_CHARS_MAX, LONG_KEPT),
        (LONG_CHARS_MAX + 1, 0),
    ],
)
def test_few_long_texts_are_remembered_and_many_short_ones(chars: int, kept: int) -> None:
    make = Maker()
    remember = remembered_by_text(make)
    texts = [f"{number:0{chars}}" for number in range(kept + 1)]
    for text in texts:
        assert remember(text) == (text,)
    assert make.calls == kept + 1
    for text in texts[1:]:  # The first has made room for the last.
        assert remember(text) == (text,)
    assert make.calls == kept + 1
    assert remember(texts[0]) == (texts[0],)
    assert make.calls == kept + 2


@pytest.mark.parametrize(("name_chars", "calls"), [(1, 1), (LONG_CHARS_MAX, 2)])
def test_names_count_as_text(name_chars: int, calls: int) -> None:
    make = Maker()
    remember = remembered_by_names(make)
    arguments = Text(8), ("n" * name_chars,), ("S",)
    for _ in range(2):
        assert remember(*arguments) == arguments
    assert make.calls == calls
