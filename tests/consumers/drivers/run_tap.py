"""Runs tap-dynamodb against a server on this machine; its own setting knows port 8000 only.

The first argument is the server's URL, the others are the tap's own.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main(endpoint: str) -> None:
    from tap_dynamodb import main as tap

    boto3: Any = importlib.import_module("boto3")
    client = boto3.client

    def client_of_server(*arguments: str, **settings: object) -> object:
        return client(*arguments, **{**settings, "endpoint_url": endpoint})

    boto3.client = client_of_server
    tap()


if __name__ == "__main__":
    main(sys.argv.pop(1))
