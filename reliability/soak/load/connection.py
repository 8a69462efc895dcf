"""A client's persistent HTTP/1.1 connection that costs little processor time, for clients beside the server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

_END = b"\r\n\r\n"
_NO_BODY = {204, 304}


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        headers: by name in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time. Bodies of answers need a Content-Length, as those of this project have."""

    def __init__(self) -> None:
        """Use `connect`."""
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiting: asyncio.Future[Reply] | None = None
        self.closed = False

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Send a whole request. The result fails with ConnectionError if the server closes the connection first.

        Raises:
            ConnectionError: the connection is closed already.
        """
        if self._transport is None or self.closed:
            raise ConnectionError("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Close the connection."""
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._received += data
        end = self._received.find(_END)
        if end < 0 or self._waiting is None:
            return
        status, headers = parse_head(bytes(self._received[:end]))
        start = end + len(_END)
        length = 0 if status in _NO_BODY else int(headers.get("content-length", 0))
        if len(self._received) < start + length:
            return
        reply = Reply(status, headers, bytes(self._received[start : start + length]))
        del self._received[: start + length]
        if headers.get("connection") == "close":
            self.close()
        waiting, self._waiting = self._waiting, None
        if not waiting.done():
            waiting.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.closed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(f"the server closed the connection: {exc}"))


async def connect(port: int) -> Connection:
    """A connection to a local server."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer, from the bytes before its empty line."""
    line, *fields = head.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return int(line.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}


def request(method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if method == "POST":
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body
