"""ARNs of destinations: taken apart, and refused in Lambda's words where it would refuse them."""

from __future__ import annotations

import re
from typing import NamedTuple

LENGTH_MAX = 350
PATTERN = (
    r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
)
"""What the service's model asks of a destination."""

SERVICES = ("sqs", "sns", "s3")


class DestinationArn(NamedTuple):
    """A queue, a topic or a bucket; buckets have neither region nor account."""

    service: str
    region: str
    account: str
    name: str


def parse_destination(arn: str) -> DestinationArn:
    """What an ARN names.

    Raises ValueError in Lambda's words for text that is no ARN, and for ARNs of anything but
    standard queues, standard topics and buckets. Source: the service's model, and its answers as
    observed.
    """
    if len(arn) > LENGTH_MAX:
        raise _unsatisfied(arn, f"Member must have length less than or equal to {LENGTH_MAX}")
    if not re.fullmatch(PATTERN, arn):
        raise _unsatisfied(arn, f"Member must satisfy regular expression pattern: {PATTERN}")
    invalid = ValueError(f"The destination ARN {arn} is invalid.")
    if not arn.startswith("arn:"):
        raise invalid
    found = DestinationArn(*arn.split(":", 5)[2:])
    if found.service not in SERVICES or not re.fullmatch(r"[\w.-]+", found.name):
        raise invalid
    if found.service == "s3":
        is_whole = not found.region and not found.account
    else:
        is_whole = bool(found.region and found.account) and not found.name.endswith(".fifo")
    if not is_whole:
        raise invalid
    return found


def check_destination(arn: str) -> None:
    """Raises what `parse_destination` raises, and ValueError where boto3 is not installed."""
    parse_destination(arn)
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        raise ValueError(
            f"{arn} can be told of records given up with boto3 alone, which is not installed: "
            "pip install 'pelton[destinations]'"
        )


def _unsatisfied(arn: str, constraint: str) -> ValueError:
    return ValueError(
        f"1 validation error detected: Value '{arn}' at 'destinationConfig.onFailure.destination' "
        f"failed to satisfy constraint: {constraint}"
    )
