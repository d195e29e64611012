"""Lambda's API over HTTP: an app's functions, their invocation, and what ties them to streams."""

from .http import LambdaApp
from .region import LambdaRegions

__all__ = ["LambdaApp", "LambdaRegions"]
