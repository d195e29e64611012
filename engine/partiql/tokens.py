"""PartiQL's text to tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ValidationException

END = "end"
STRING = "string"
QUOTED = "quoted name"
NUMBER = "number"
WORD = "word"

KEYWORDS = frozenset(
    "SELECT FROM WHERE AND OR NOT BETWEEN IN IS MISSING NULL TRUE FALSE INSERT INTO UPDATE SET "
    "REMOVE DELETE RETURNING ORDER BY ASC DESC EXISTS".split()
)

_scan = re.compile(
    r"(?P<string>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*")'
    r"|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_$]*)"
    r"|(?P<symbol><<|>>|<>|<=|>=|!=|[=<>()\[\]{}.,:+*?;-])"
    r"|(?P<unknown>\S)"
).finditer


class Token(NamedTuple):
    """A piece of a statement; `kind` is a constant above, an upper-case keyword or a symbol.

    `text` is what it means: strings and quoted names without their quotes.
    """

    kind: str
    text: str


def malformed(complaint: str) -> ValidationException:
    """The error of a statement that does not follow the grammar."""
    return ValidationException(f"Statement wasn't well formed, can't be processed: {complaint}")


def tokenize(source: str) -> list[Token]:
    """The tokens of a statement, ended by one of kind `END`.

    Raises:
        ValidationException: at a character that begins no token.
    """
    tokens = [_token(match) for match in _scan(source)]
    tokens.append(Token(END, "end of statement"))
    return tokens


def _token(match: re.Match[str]) -> Token:
    kind, text = match.lastgroup, match.group()
    if kind == "string":
        return Token(STRING, text[1:-1].replace("''", "'"))
    if kind == "quoted":
        return Token(QUOTED, text[1:-1].replace('""', '"'))
    if kind == "number":
        return Token(NUMBER, text)
    if kind == "word":
        word = text.upper()
        return Token(word if word in KEYWORDS else WORD, text)
    if kind == "unknown":
        raise malformed(f"Unexpected character {text}")
    return Token(text, text)
