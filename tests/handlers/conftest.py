"""What the tests of handlers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers.stage import Stage

collect_ignore = ["functions"]
"""Functions as they are deployed: importing one asks for a region, as on AWS."""


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()
