"""What a command cannot do."""


class CommandError(Exception):
    """Raised when a command cannot do what it was told; the message says what to do instead."""
