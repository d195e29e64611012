"""The API's model as data, and the structural validation of requests that comes from it.

`dynamodb.json` is made by tools/generate_model.py from botocore's model. A request is first held
against compiled predicates, which say yes or no in a microsecond or two; only a request that fails
is walked again, by the modules that know AWS's words.
"""

from .validate import check_types, operations, validate_request

__all__ = ["check_types", "operations", "validate_request"]
