"""Values as AWS's messages show them: Java's way with lists, maps and structures."""

from __future__ import annotations

from typing import Any

from .shapes import shape_named

DEPTH_MAX = 100
"""Nesting shown; AWS refuses values nested deeper than 32 anyway."""


def java_text(name: str, value: Any, depth: int = 0) -> str:
    """A value of the named shape as text; absent members of structures are left out.

    >>> java_text("KeySchema", [{"AttributeName": "a", "KeyType": "HASH"}])
    '[KeySchemaElement(attributeName=a, keyType=HASH)]'
    >>> java_text("Key", {"id": {"SS": ["x", "y"]}})
    '{id=AttributeValue(sS=[x, y])}'
    """
    if value is None:
        return "null"
    if depth > DEPTH_MAX:
        return "..."
    shape = shape_named(name)
    kind = shape["type"]
    if kind == "structure":
        members = shape["members"]
        pairs = (
            f"{lower_first(member)}={java_text(members[member], content, depth + 1)}"
            for member, content in value.items()
            if member in members
        )
        return f"{name}({', '.join(pairs)})"
    if kind == "map":
        entries = (f"{k}={java_text(shape['value'], v, depth + 1)}" for k, v in value.items())
        return f"{{{', '.join(entries)}}}"
    if kind == "list":
        return f"[{', '.join(java_text(shape['member'], each, depth + 1) for each in value)}]"
    if kind == "boolean":
        return "true" if value else "false"
    return str(value)


def lower_first(name: str) -> str:
    """A member's name as AWS's messages write it.

    >>> lower_first("SSESpecification")
    'sSESpecification'
    """
    return name[:1].lower() + name[1:]
