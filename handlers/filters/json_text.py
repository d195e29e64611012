"""The JSON of a pattern, with every member of an object kept, also where a name comes twice."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from .errors import PatternFault


class Members(list[tuple[str, Any]]):
    """The members of a JSON object, in their order."""


def parse_json(text: str) -> Any:
    """The value; objects are Members, so that nothing a pattern says is lost unseen.

    Raises PatternFault for what is not JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=Members, parse_constant=_refuse)
    except RecursionError:
        raise PatternFault("it is nested too deeply") from None
    except ValueError as error:
        raise PatternFault(f"it is not JSON: {error}") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
