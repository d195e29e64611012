"""A shop of real events, end to end: `python -m examples.demo`.

boto3 loads 3,201 movies and a list of users over HTTP; five handlers follow the changes.
"""
