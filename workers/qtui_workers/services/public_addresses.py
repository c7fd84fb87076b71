"""Which addresses are on the public Internet; its own table, as `ipaddress.is_global` differs between versions of Python."""

from __future__ import annotations

import ipaddress
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            # https://www.iana.org/assignments/iana-ipv4-special-registry
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast, which has a registry of its own
            "240.0.0.0/4",
            # https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it is inside 2000::/3
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
"""The networks for special purposes, also those few of them that can be reached from everywhere."""
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All that IANA has ever given to the public Internet: outside are loopback, private, link-local and multicast addresses,
and those that hold IPv4 addresses of any kind (https://www.iana.org/assignments/ipv6-address-space)."""


def is_public(address: IPAddress) -> bool:
    """Whether an address is on the public Internet, and in no network for special purposes (RFC 6890)."""
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)
