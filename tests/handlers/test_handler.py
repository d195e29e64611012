from __future__ import annotations

import functools
from typing import Any

import pytest

from pelton.handlers import EventSourceMapping, Handler, Shape


def plain(event: dict[str, Any], context: Any) -> None: ...


async def waiting(event: dict[str, Any], context: Any) -> None: ...


class Waiting:
    async def __call__(self, event: dict[str, Any], context: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (plain, False),
        (waiting, True),
        (functools.partial(waiting), True),
        (Waiting(), True),
        (print, False),
    ],
)
def test_coroutine_functions_are_told_apart(function: Any, is_async: bool) -> None:
    assert Handler("h", function).is_async is is_async


@pytest.mark.parametrize(
    ("shape", "event_names"),
    [
        (Shape.BATCH, {"INSERT", "MODIFY", "REMOVE"}),
        (Shape.CHANGE, {"INSERT", "MODIFY", "REMOVE"}),
        (Shape.INSERT, {"INSERT"}),
        (Shape.MODIFY, {"MODIFY"}),
        (Shape.REMOVE, {"REMOVE"}),
    ],
)
def test_a_shape_wants_its_events(shape: Shape, event_names: set[str]) -> None:
    assert EventSourceMapping(Handler("h", plain, shape), "things").event_names == event_names


def test_a_handler_is_a_function_with_a_name() -> None:
    not_a_function: Any = "plain"
    with pytest.raises(TypeError, match="a handler is a function"):
        Handler("h", not_a_function)
    for name in ("", "x" * 256, "a\0b"):
        with pytest.raises(ValueError, match="a handler's name has 1 to 255 bytes"):
            Handler(name, plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 1 to 10000, not 0"),
        ({"batch_size": 10_001}, "batch_size is 1 to 10000, not 10001"),
        ({"maximum_retry_attempts": -2}, "maximum_retry_attempts is -1 to 10000, not -2"),
        ({"starting_position": "AT_TIMESTAMP"}, "starting_position is TRIM_HORIZON or LATEST"),
    ],
)
def test_options_have_the_ranges_of_lambda(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EventSourceMapping(Handler("h", plain), "things", **options)
