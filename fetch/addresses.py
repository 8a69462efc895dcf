"""Which addresses may be asked: public ones only, so that a feed cannot reach into the network of this machine.

The refused networks are those of the IANA special-purpose address registries (RFC 6890 and its updates) that are not
globally reachable, multicast, and addresses at which clouds answer their own machines. They are listed here because
`ipaddress.is_global` differs between Python versions.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from fetch.failure import FetchFailedError

# The addresses of a host name, best first: numbers such as "192.0.2.1". Raises OSError or UnicodeError.
Resolve = Callable[[str], list[str]]

_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by customers of a carrier (CGNAT); a cloud's metadata is at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, reachable from each of its machines
        "169.254.0.0/16",  # link-local; the metadata of most clouds is at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Of IPv6 only global unicast is public, and not the parts of it that are special or hold an IPv4 address.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols of the IETF, among them Teredo and ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
# A network without IPv4 reaches IPv4 hosts through this prefix (NAT64, RFC 6052): the last 32 bits decide.
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """Whether an address, such as "203.0.113.7" or "2001:db8::1", is one of the public internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
        return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
    return not any(address in network for network in _REFUSED_V4)


def system_resolve(host: str) -> list[str]:
    """The addresses of a host by the system's resolver, which decides how long that may take.

    Raises:
        OSError: no such host, or no answer.
        UnicodeError: the name cannot be written in DNS.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_addresses(host: str, resolve: Resolve, allowed: Callable[[str], bool]) -> list[str]:
    """Resolve a host once. The connection must go to one of the addresses returned, without resolving again.

    Raises:
        FetchFailedError: `no_such_host`, or `private_address` if any of its addresses is not allowed.
    """
    try:
        addresses = resolve(host)
    except (OSError, UnicodeError) as exc:
        raise FetchFailedError("no_such_host", f"{host} was not found: {exc}") from exc
    if not addresses:
        raise FetchFailedError("no_such_host", f"{host} has no address")
    for address in addresses:
        if not allowed(address):
            raise FetchFailedError("private_address", f"{host} has the address {address}, which is not public")
    return addresses
