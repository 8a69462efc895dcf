"""HTTPS connections to addresses that were checked, with deadlines that a slow server cannot stretch.

The host name is resolved once, all its addresses are checked, and the connection goes to one of them, so that no
second look-up can give another address. The certificate must still be that of the host name. Proxies of the environment
are not used: behind a proxy the address could not be checked.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from fetch.addresses import Resolve, checked_addresses, is_public, system_resolve
from fetch.failure import FetchFailedError
from fetch.settings import FetchSettings
from fetch.urls import Target

MOST_ADDRESSES = 4
MOST_IDLE = 64


@dataclass(frozen=True)
class Network:
    """How hosts are found and trusted. Tests replace parts of it to reach a server on this machine.

    Attributes:
        resolve: the addresses of a host.
        allowed: whether an address may be connected to.
        tls: checks certificates; by default against the system's list.
    """

    resolve: Resolve = system_resolve
    allowed: Callable[[str], bool] = is_public
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


class _TimedSocket:
    """A TLS connection as `http.client` uses it. Each operation ends at `deadline`, however slowly data arrives."""

    def __init__(self, connected: ssl.SSLSocket, idle_seconds: float) -> None:
        self._socket = connected
        self._idle_seconds = idle_seconds
        self.deadline = 0.0

    def _arm(self) -> None:
        self._socket.settimeout(min(self._idle_seconds, remaining(self.deadline)))

    def sendall(self, data: bytes) -> None:
        self._arm()
        self._socket.sendall(data)

    def recv_into(self, buffer: memoryview) -> int:
        self._arm()
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Nothing: `http.client` closes before it has read the answer. See `hang_up`."""

    def hang_up(self) -> None:
        self._socket.close()

    def interrupt(self) -> None:
        """End what another thread waits for. Only the TCP connection, because that thread still uses the TLS state."""
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:  # it is closed already
            return


class _Reader(io.RawIOBase):
    def __init__(self, source: _TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.recv_into(buffer)


class Connection:
    """One connection to one host; answers one request at a time."""

    def __init__(self, host: str, port: int, connected: ssl.SSLSocket, idle_seconds: float) -> None:
        self.key = (host, port)
        self._timed = _TimedSocket(connected, idle_seconds)
        self._http = http.client.HTTPConnection(host, port)
        self._http.auto_open = 0  # it must never resolve and connect by itself
        self._http.sock = cast(Any, self._timed)

    def ask(self, target: Target, headers: dict[str, str], deadline: float) -> http.client.HTTPResponse:
        """Send a GET request and read the head of the answer.

        Raises:
            OSError: the connection broke or timed out.
            http.client.HTTPException: the answer is not HTTP.
        """
        self._timed.deadline = deadline
        self._http.request("GET", target.path, headers={"Host": target.host_header, **headers})
        return self._http.getresponse()

    def close(self) -> None:
        self._timed.hang_up()

    def interrupt(self) -> None:
        """Make a thread that waits for this connection stop waiting."""
        self._timed.interrupt()


class Connections:
    """Opens connections and keeps idle ones for the next request to the same host. Thread-safe."""

    def __init__(self, settings: FetchSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._stopped = False

    def take(self, target: Target) -> Connection | None:
        """An idle connection to the target's host; None if there is none."""
        with self._lock:
            for place, connection in enumerate(self._idle):
                if connection.key == (target.host, target.port):
                    return self._idle.pop(place)
        return None

    def keep(self, connection: Connection) -> None:
        """Keep a connection whose answer was read to its end. Of too many, the oldest is closed."""
        with self._lock:
            self._idle.append(connection)
            oldest = self._idle.pop(0) if len(self._idle) > MOST_IDLE else None
        if oldest:
            self.drop(oldest)

    def drop(self, connection: Connection) -> None:
        """Close a connection."""
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def open(self, target: Target, deadline: float) -> Connection:
        """Resolve the host, check its addresses, connect to the first one that takes the connection.

        Raises:
            FetchFailedError: `no_such_host`, `private_address`, `no_connection` or `tls_error`.
            TimeoutError: the deadline has passed.
        """
        network = self._network
        addresses = checked_addresses(target.host, network.resolve, network.allowed)[:MOST_ADDRESSES]
        plain = self._connect(target, addresses, deadline)
        try:
            plain.settimeout(min(self._settings.connect_seconds, remaining(deadline)))
            secure = network.tls.wrap_socket(plain, server_hostname=target.host, suppress_ragged_eofs=False)
        except TimeoutError as exc:
            plain.close()
            remaining(deadline)
            raise FetchFailedError("no_connection", "the TLS handshake took too long") from exc
        except (ssl.SSLError, ssl.CertificateError) as exc:
            plain.close()
            why = getattr(exc, "verify_message", "") or exc.reason or exc
            raise FetchFailedError("tls_error", f"no safe connection to {target.host}: {why}") from exc
        except OSError as exc:
            plain.close()
            raise FetchFailedError("no_connection", f"{target.host} ended the TLS handshake: {exc}") from exc
        made = Connection(target.host, target.port, secure, self._settings.read_seconds)
        with self._lock:
            self._open.add(made)
            stopped = self._stopped
        if stopped:
            made.interrupt()
        return made

    def stop(self) -> None:
        """Interrupt all connections, and those that are opened later."""
        with self._lock:
            self._stopped = True
            connections = list(self._open)
        for connection in connections:
            connection.interrupt()

    def close(self) -> None:
        """Close all connections. No thread may use them any more."""
        for connection in list(self._open):
            self.drop(connection)

    def _connect(self, target: Target, addresses: list[str], deadline: float) -> socket.socket:
        problem: OSError | None = None
        for address in addresses:
            seconds = min(self._settings.connect_seconds, remaining(deadline))
            try:
                return socket.create_connection((address, target.port), timeout=seconds)
            except OSError as exc:
                problem = exc
        remaining(deadline)
        raise FetchFailedError("no_connection", f"no connection to {target.host}: {problem}") from problem


def remaining(deadline: float) -> float:
    """Seconds until a time of `time.monotonic`.

    Raises:
        TimeoutError: it has passed.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the deadline has passed")
    return seconds
