"""IP addresses in patterns and in the values they are held against."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from .errors import PatternFault

Address = IPv4Address | IPv6Address

_V4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_V6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def address_of(text: str) -> Address | None:
    """The address a text is, if it is one; an IPv4 address in IPv6 form is that IPv4 address."""
    if not _V4.fullmatch(text) and not _V6.fullmatch(text):
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def in_network(text: str) -> Callable[[object], bool]:
    """Whether a value is an address of the network that `text` is ("10.0.0.0/24").

    Raises PatternFault where it is none. Source: EventBridge's rules for `cidr`.
    """
    base, slash, bits = text.partition("/")
    address = address_of(base)
    if not slash or address is None or not bits.isascii() or not bits.isdigit():
        raise PatternFault(f'"cidr" is an address, a slash and a number of bits, not "{text}"')
    if int(bits) >= address.max_prefixlen:
        raise PatternFault(
            f'"cidr" fixes fewer than {address.max_prefixlen} bits of an IPv{address.version} '
            f'address, not {bits} as in "{text}"'
        )
    network = ip_network((address, int(bits)), strict=False)

    def holds(value: object) -> bool:
        found = address_of(value) if isinstance(value, str) else None
        return found is not None and found.version == network.version and found in network

    return holds
