"""Text to tokens, and the error that every step of understanding an expression raises."""

from __future__ import annotations

import re
from typing import NamedTuple

TEXT_BYTES_MAX = 4096

END = "end"
NAME = "name"
NAME_PLACEHOLDER = "#name"
VALUE_PLACEHOLDER = ":value"
INDEX = "index"
UNKNOWN = "unknown"


class InvalidExpression(Exception):
    """Raised when an expression is refused; the text lacks only its "Invalid ...Expression: "."""


class Token(NamedTuple):
    """A piece of an expression.

    `kind` is one of the constants above, the upper-case keyword, or the symbol itself; the token
    is `source[start:end]`.
    """

    kind: str
    text: str
    start: int
    end: int


_scan = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<name_placeholder>#[A-Za-z0-9_]+)"
    r"|(?P<value_placeholder>:[A-Za-z0-9_]+)"
    r"|(?P<index>[0-9]+)"
    r"|(?P<symbol><>|<=|>=|[=<>()\[\].,+-])"
    r"|(?P<unknown>[^ \t\r\n])"
).finditer

_KINDS = {
    "name_placeholder": NAME_PLACEHOLDER,
    "value_placeholder": VALUE_PLACEHOLDER,
    "index": INDEX,
    "unknown": UNKNOWN,
}


def tokenize(source: str, keywords: frozenset[str]) -> list[Token]:
    """Return the tokens of an expression, ended by one of kind `END`.

    A character that begins no token becomes one of kind `UNKNOWN`, which no grammar accepts.

    Raises:
        InvalidExpression: when the expression is empty or too long.
    """
    if not source.strip():
        raise InvalidExpression("The expression can not be empty;")
    size_bytes = len(source.encode(errors="surrogatepass"))
    if size_bytes > TEXT_BYTES_MAX:
        raise InvalidExpression(
            f"Expression size has exceeded the maximum allowed size; expression size: {size_bytes}"
        )
    tokens = [
        Token(_kind_of(match, keywords), match.group(), match.start(), match.end())
        for match in _scan(source)
    ]
    end = tokens[-1].end if tokens else 0
    tokens.append(Token(END, "<EOF>", end, end))
    return tokens


def syntax_error(source: str, tokens: list[Token], position: int) -> InvalidExpression:
    """Return the error about a token that may not stand where it does.

    It shows the token between its two neighbours, as they stand in the source.
    """
    before = tokens[max(position - 1, 0)]
    after = tokens[min(position + 1, len(tokens) - 1)]
    near = source[before.start : after.end]
    return InvalidExpression(f'Syntax error; token: "{tokens[position].text}", near: "{near}"')


def _kind_of(match: re.Match[str], keywords: frozenset[str]) -> str:
    group = match.lastgroup or "unknown"
    text = match.group()
    if group == "name":
        word = text.upper()
        return word if word in keywords else NAME
    return _KINDS.get(group, text)
