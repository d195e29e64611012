"""What AWS Lambda's runtime for Python offers on every context, whatever the call is about."""

from __future__ import annotations

import sys
from typing import Any


class CognitoIdentity:
    """Who called, where a mobile SDK did: here nobody did, and both are None as on AWS."""

    __slots__ = ()

    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    """The members of a context that do not depend on its call.

    Source: the runtime interface client for Python.
    """

    __slots__ = ()

    function_version = "$LATEST"
    identity = CognitoIdentity()
    tenant_id = None

    @property
    def client_context(self) -> Any:
        """What the caller sent as its context: nobody did."""
        return None

    def log(self, message: object) -> None:
        """Writes to the standard output, as AWS's writes to the function's log."""
        sys.stdout.write(str(message))

    def w3c(self) -> dict[str, str]:
        """The trace context that the caller sent: none."""
        return {}
