"""Functions as people deploy them to AWS Lambda: none of them knows pelton."""
