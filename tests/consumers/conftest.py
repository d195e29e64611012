"""A source for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .source import Source


@pytest.fixture
def source() -> Iterator[Source]:
    with Source() as source:
        yield source
