"""Addresses of the public Internet, against the rows of IANA's registries."""

from __future__ import annotations

import ipaddress

import pytest

from qtui_workers.define.unrecoverable import Unrecoverable
from qtui_workers.services import outbound
from qtui_workers.services.public_addresses import is_public

# The rows of iana-ipv4-special-registry and iana-ipv6-special-registry, and of the registries of multicast addresses.
SPECIAL = [
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29",
    "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4",
    "255.255.255.255/32", "224.0.0.0/4",
    "::1/128", "::/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:1::1/128",
    "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28",
    "2001:20::/28", "2001:30::/28",
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7",
    "fe80::/10", "ff00::/8",
    "::/96", "fec0::/10",
]  # fmt: skip


@pytest.mark.parametrize("network", SPECIAL)
def test_no_address_of_a_network_for_special_purposes_is_public(network: str) -> None:
    addresses = ipaddress.ip_network(network)
    for address in (addresses[0], addresses[addresses.num_addresses // 2], addresses[-1]):
        assert not is_public(address)
        # Nothing is sent: the name is resolved and refused, and there is no connection yet.
        with pytest.raises(Unrecoverable, match="no public address"):
            outbound.resolve(str(address), 80, allow_private=False)
        assert outbound.resolve(str(address), 80, allow_private=True) == address


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
        "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
        "2001:200::", "2001:4860:4860::8888", "2003::", "2606:4700::1111", "2620:4f:8001::", "3ffe:ffff::", "3fff:1000::",
    ],
)  # fmt: skip
def test_an_address_beside_them_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_an_address_with_a_zone_is_refused_too() -> None:
    assert not is_public(ipaddress.ip_address("fe80::1%eth0"))
