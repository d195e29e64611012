"""What the tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.region import Region


@pytest.fixture
def region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()
