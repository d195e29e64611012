"""Switches for tests: what AWS does to its clients under load, done on purpose.

`settings` says what is on, `switches` is where it meets the operations. Nothing of this costs a
database that is not strict more than one look whether it is.
"""

from .settings import Strictness
from .switches import Switches

__all__ = ["Strictness", "Switches"]
