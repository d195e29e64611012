"""A storm of hostile requests over sockets: every one gets an answer, and none of them a 5xx.

`make fuzz` sends a million of them to a server of its own; a few thousand are part of the tests.
"""
