"""Asking the pages of a running server."""

from __future__ import annotations

from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import orjson

from .failure import CommandError

ANSWER_SECONDS_MAX = 10
DEFAULT_URL = "http://127.0.0.1:8000"


def ask(url: str) -> dict[str, Any]:
    """The JSON that a page answers with. Raises CommandError saying why there is none."""
    if not url.startswith(("http://", "https://")):
        raise CommandError("--url begins with http:// or https://")
    try:
        with urlopen(url, timeout=ANSWER_SECONDS_MAX) as response:
            answer: dict[str, Any] = orjson.loads(response.read())
    except HTTPError as error:
        raise CommandError(_reason_of(error)) from None
    except (URLError, OSError) as error:
        raise CommandError(f"{url.partition('?')[0]} does not answer: {error}") from None
    except ValueError:
        raise CommandError(f"{url.partition('?')[0]} is not of a pelton server") from None
    return answer


def _reason_of(error: HTTPError) -> str:
    try:
        return str(orjson.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}"
