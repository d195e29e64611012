from __future__ import annotations

from pelton.engine.cause import Cause
from pelton.streams.causes import Causes


def test_the_oldest_are_forgotten() -> None:
    causes = Causes(records_max=3)
    for sequence in range(1, 6):
        causes.note(sequence, Cause(sequence))
    assert [causes.of(sequence) for sequence in range(1, 6)] == [
        None,
        None,
        Cause(3),
        Cause(4),
        Cause(5),
    ]
    causes.forget(4)
    causes.forget(4)
    assert causes.of(4) is None
    assert len(causes) == 2
