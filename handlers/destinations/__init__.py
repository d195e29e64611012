"""Destinations: where AWS is told of records that a mapping has given up.

The dead letters keep them whatever a destination does; it gets what Lambda's destinations get.
"""

from .arn import check_destination
from .aws import destination_of
from .destination import Destination, DestinationError
from .invocation_record import Condition, InvocationRecord, Response

__all__ = [
    "Condition",
    "Destination",
    "DestinationError",
    "InvocationRecord",
    "Response",
    "check_destination",
    "destination_of",
]
