"""Conformance: public test suites for DynamoDB, from local checkouts, against pelton."""
