"""Finding the app a command names."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from .failure import CommandError

if TYPE_CHECKING:
    from pelton import App


def import_app(path: str) -> App:
    """The app at `module:name`, the name `app` by default. Raises CommandError.

    Modules are looked for in the current directory first, as `python -m` does.
    """
    from pelton import App

    module_name, _, name = path.partition(":")
    name = name or "app"
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise CommandError(
            f"there is no module {module_name} here: name it as in `pelton run shop:app`, from "
            "the directory that holds shop.py"
        ) from None
    found = getattr(module, name, None)
    if not isinstance(found, App):
        what = "has nothing" if found is None else f"has a {type(found).__name__}"
        raise CommandError(f"{module_name} {what} named {name}, where a pelton.App is wanted")
    return found
