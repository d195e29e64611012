"""What happens while a consumer reads: the same turns for each of them."""

from __future__ import annotations

from collections.abc import Callable

from .consumer import Consumer
from .source import Source

TURNS = 5
"""How many different turns there are; `tell` begins again behind them."""


def tell(source: Source, consumer: Consumer, turns: int) -> None:
    """Writes on and on; in each turn shards close, and the consumer is in each turn's records
    before the next begins, so that it meets the ends of shards that it is reading.
    """
    for number in range(turns):
        begun = len(source.history)
        take_turn(source, number)
        consumer.wait_for(source.history[begun:])


def tell_in_haste(source: Source, consumer: Consumer, turns: int) -> None:
    """Writes without waiting for the consumer, which reads meanwhile and falls behind."""
    begun = len(source.history)
    for number in range(turns):
        take_turn(source, number)
    consumer.wait_for(source.history[begun:])


def take_turn(source: Source, number: int) -> None:
    """One turn: shards close with changes right before and right behind it."""
    source.write(40)
    _closings(source)[number % TURNS]()
    source.write(30)


def _closings(source: Source) -> list[Callable[[], None]]:
    def roll_twice() -> None:
        # Generations come and go between two looks; some of their shards stay empty.
        source.roll_idle()
        source.write(3)
        source.roll()
        source.write(10)

    def split_what_has_rolled() -> None:
        source.roll_idle()
        source.split()
        source.split()

    def split_and_roll() -> None:
        source.split()
        source.write(10)
        source.roll()

    return [source.roll, source.split, roll_twice, split_what_has_rolled, split_and_roll]
