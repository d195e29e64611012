"""What a client of Lambda's API is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(call: Callable[..., Any], **members: Any) -> tuple[int, str, str]:
    """The status, the code and the message of the error that the request must meet."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    response: Any = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]
