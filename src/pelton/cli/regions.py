"""Which file is which region, from `pelton serve`'s arguments."""

from __future__ import annotations

from collections.abc import Iterable

from .failure import CommandError

DEFAULT_REGION = "us-east-1"


def files_of_regions(path: str | None, options: Iterable[str]) -> dict[str, str]:
    """Maps region names to files; the first one is the default. Raises CommandError.

    >>> files_of_regions("shop.db", ["eu-west-1"])
    {'eu-west-1': 'shop.db'}
    >>> files_of_regions("shop.db", ["eu-west-1=copy.db"])
    {'us-east-1': 'shop.db', 'eu-west-1': 'copy.db'}
    >>> files_of_regions(None, [])
    {'us-east-1': ':memory:'}
    """
    options = list(options)
    names = [option for option in options if "=" not in option]
    if len(names) > 1:
        raise CommandError(
            f"--region {names[1]} has no file: one region is PATH's, others are --region NAME=FILE"
        )
    files: dict[str, str] = {}
    if names or path is not None or not options:
        files[names[0] if names else DEFAULT_REGION] = path or ":memory:"
    for option in options:
        name, is_pair, file = option.partition("=")
        if not is_pair:
            continue
        if not name or not file:
            raise CommandError(f"--region {option} is neither a NAME nor NAME=FILE")
        if name in files:
            raise CommandError(f"--region {name} is given two files: {files[name]} and {file}")
        files[name] = file
    return files
