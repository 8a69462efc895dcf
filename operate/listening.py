"""The address that a service of this machine listens on."""

import argparse
import socket
from contextlib import ExitStack

from lambda_app.errors import LookalikeError

MOST_PORT = 65_535


def port(text: str) -> int:
    """A TCP port that people may choose."""
    if not text.isdecimal() or not 0 < int(text) <= MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a TCP port from 1 to {MOST_PORT}")
    return int(text)


def address(host: str, port: int) -> str:
    """The address of a service, without a path. An IPv6 address is in brackets."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def bound(host: str, port: int, options: str = "--host or --port") -> list[socket.socket]:
    """A socket for each address of a host, bound to the port. A name such as localhost can have two addresses.

    `options`: those of the command that choose another address, for the message.

    Raises:
        LookalikeError: an address cannot be used; the message names it.
    """
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, number, _, address in dict.fromkeys(found):
                one = opened.enter_context(socket.socket(family, kind, number))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
                sockets.append(one)
        except (OSError, UnicodeError) as exc:  # the second one: no name of a host, such as one of 64 letters
            why = exc.strerror if isinstance(exc, OSError) else exc
            raise LookalikeError(
                f"cannot listen on {host}, port {port}: {why}. Choose another address with {options}"
            ) from exc
        opened.pop_all()
    return sockets
