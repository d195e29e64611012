"""Shards as text: a tree on a terminal, indented lines in a pipe, or members for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .output import print_table

if TYPE_CHECKING:
    from rich.tree import Tree

    from pelton.streams.lineage import ShardFacts

STATE_STYLES = {"open": "bold green", "rolled": "cyan", "split": "yellow", "ended": "dim"}

_TOKENS = 2**64


def describe_facts(facts: ShardFacts) -> dict[str, Any]:
    """A Shard of DescribeStream, with what AWS does not tell in lower case."""
    from pelton.streams import describe_shard

    return {
        **describe_shard(facts.shard),
        "partition": facts.shard.partition,
        "tokens": facts.tokens,
        "state": facts.state,
        "is_trimmed": facts.is_trimmed,
        "records": facts.records,
        "records_per_second": round(facts.records_per_second, 3),
        "age_seconds": facts.age_seconds,
    }


def print_lineage(lineage: Sequence[ShardFacts]) -> None:
    """Lines for a program: a shard that came of a split stands further in than its parent."""
    columns = ("shard", "state", "tokens", "share", "records", "per second", "age", "from", "to")
    rows = []
    for each in lineage:
        sequences = describe_facts(each)["SequenceNumberRange"]
        rows.append(
            (
                "  " * each.fork + each.shard.shard_id,
                each.state,
                tokens_text(each),
                share_text(each),
                records_text(each),
                f"{each.records_per_second:.3g}",
                duration_text(each.age_seconds),
                sequences["StartingSequenceNumber"],
                sequences.get("EndingSequenceNumber", "open"),
            )
        )
    print_table(columns, rows)


def lineage_tree(lineage: Sequence[ShardFacts], title: str) -> Tree:
    """The same as a tree: it forks where a partition was split, and goes straight on at a roll."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(title, style="bold"), guide_style="dim")
    forks = [tree]
    for each in lineage:
        if each.fork == len(forks):
            forks.append(forks[-1].children[-1])
        del forks[each.fork + 1 :]
        forks[each.fork].add(_label(each))
    return tree


def _label(facts: ShardFacts) -> Any:
    from rich.text import Text

    label = Text(no_wrap=True)
    label.append(f"{facts.shard.shard_id[-8:]} ", style="bold")
    label.append(f"{facts.state:<6} ", style=STATE_STYLES[facts.state])
    label.append(f"{tokens_text(facts)} {share_text(facts):>6}  ", style="blue")
    label.append(f"{records_text(facts)} records, {facts.records_per_second:.3g}/s, ")
    label.append(f"{duration_text(facts.age_seconds)} old", style="dim")
    return label


def tokens_text(facts: ShardFacts) -> str:
    """The range of tokens by the first four hexadecimal digits of its ends, from 0000 to ffff."""
    if facts.tokens is None:
        return "-"
    low, high = ((token + _TOKENS // 2) >> 48 for token in facts.tokens)
    return f"{low:04x}-{high:04x}"


def share_text(facts: ShardFacts) -> str:
    """How much of all tokens it has."""
    if facts.tokens is None:
        return "-"
    low, high = facts.tokens
    return f"{(high - low + 1) * 100 / _TOKENS:.3g}%"


def records_text(facts: ShardFacts) -> str:
    """How many records are kept; a plus says that there were more."""
    return f"{facts.records}{'+' if facts.is_trimmed else ''}"


def duration_text(seconds: float) -> str:
    """A duration in its two largest units.

    >>> duration_text(3 * 3600 + 62)
    '3h 1m'
    """
    rest = int(seconds)
    parts: list[str] = []
    for name, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"
