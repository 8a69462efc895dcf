"""An HTTP proxy between a process and an S3 server. It fails as networks and S3 fail."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import unquote, urlsplit

TRICKLE_SECONDS = 120.0  # how long a slow answer takes
_PIECE_SECONDS = 0.1
_UPSTREAM_SECONDS = 30
# Headers of one connection (RFC 9110, section 7.6.1), and those that the server of this proxy writes itself.
_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


@dataclass(frozen=True)
class Request:
    """A request that reached the proxy: its method and the object's key, with the bucket's name."""

    method: str
    key: str


@dataclass(frozen=True)
class Failure:
    """How requests fail.

    Attributes:
        kind: "error" answers with a status; "hang" never answers; "slow" sends the body over two minutes; "cut" closes
            the connection after half of the body; "empty" sends no body; "flipped" changes a bit of the body every 64
            bytes; "refused" closes the port; "rewritten" passes the body through `rewrite`.
        status, code: of an error.
        rewrite: returns other bytes of the same length.
        which: the requests that fail; all by default, and always if connections are refused.
    """

    kind: Literal["error", "hang", "slow", "cut", "empty", "flipped", "refused", "rewritten"]
    status: int = 0
    code: str = ""
    rewrite: Callable[[bytes], bytes] = bytes
    which: Callable[[Request], bool] = bool


class ConnectionLostError(Exception):
    """Raised by a watcher: the proxy closes the connection at once."""


class Watcher:
    """Sees the requests that do not fail, one at a time. Both methods may raise `ConnectionLostError`."""

    def before(self, request: Request) -> None:
        """Called before a request is sent on: until then it has changed nothing."""

    def after(self, request: Request) -> None:
        """Called when S3 has answered, before the answer is sent back."""


class FaultProxy:
    """Listens on a free local port from its construction until `close`."""

    def __init__(self, upstream: str, watcher: Watcher | None = None) -> None:
        """Start the proxy.

        Args:
            upstream: the address of the S3 server, such as "http://127.0.0.1:5000".
            watcher: sees all requests that do not fail.
        """
        self.upstream = urlsplit(upstream).netloc
        self.watcher = watcher or Watcher()
        self.turn = threading.Lock()
        self.failed = 0
        self.failure: Failure | None = None
        self.closed = threading.Event()
        self._sockets: set[socket.socket] = set()
        # Keeps the port while nobody listens on it.
        self._place = socket.socket()
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._place.getsockname()[1]}"
        self._server: ThreadingHTTPServer | None = None
        self._listen()

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        """Fail until the block ends. Answers that hang go on to hang then; the rest of slow ones is sent at once."""
        self.failure = failure
        if failure.kind == "refused":
            self._refuse()
        try:
            yield
        finally:
            self.failure = None
            if self._server is None:
                self._listen()

    def close(self) -> None:
        """Stop listening and close all connections."""
        self.closed.set()
        self._refuse()
        self._place.close()

    def connected(self, connection: socket.socket) -> None:
        """Note a new connection."""
        self._sockets.add(connection)

    def disconnected(self, connection: socket.socket) -> None:
        """Note the end of a connection."""
        self._sockets.discard(connection)

    def _listen(self) -> None:
        address = self._place.getsockname()
        self._server = _Server(address, type("Handler", (_Handler,), {"proxy": self}))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self._sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients that are killed break their connections."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.proxy.connected(self.connection)

    def finish(self) -> None:
        self.proxy.disconnected(self.connection)
        super().finish()

    def answer(self) -> None:
        """Answer one request, or fail."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, unquote(urlsplit(self.path).path).lstrip("/"))
        failure = self.proxy.failure
        if failure is not None and not failure.which(request):
            failure = None
        if failure is not None:
            self.proxy.failed += 1
            if failure.kind in ("hang", "refused"):
                self._hang(failure)
                return
            if failure.kind == "error":
                self._error(failure)
                return
        try:
            status, headers, data = self._passed_on(request, body)
        except ConnectionLostError:
            self.close_connection = True
            return
        self._send(status, headers, data, failure)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 (names of http.server)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: `FaultProxy.failed` counts."""

    def _passed_on(self, request: Request, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        watcher = self.proxy.watcher
        with self.proxy.turn:
            watcher.before(request)
            upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=_UPSTREAM_SECONDS)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                upstream.request(self.command, self.path, body or None, headers)
                answer = upstream.getresponse()
                data = answer.read()
            finally:
                upstream.close()
            watcher.after(request)
        return answer.status, dict(answer.getheaders()), data

    def _send(self, status: int, headers: Mapping[str, str], data: bytes, failure: Failure | None) -> None:
        kind = failure.kind if failure is not None else None
        if failure is not None and kind in ("flipped", "rewritten"):
            data = flipped(data) if kind == "flipped" else failure.rewrite(data)
        elif kind == "empty":
            data = b""
        length = next((value for name, value in headers.items() if name.lower() == "content-length"), "0")
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif kind == "slow":
            self._trickle(data)
        else:
            self.wfile.write(data)

    def _trickle(self, data: bytes) -> None:
        begun, sent = time.monotonic(), 0
        while sent < len(data):
            lifted = self.proxy.failure is None
            share = 1.0 if lifted else (time.monotonic() - begun) / TRICKLE_SECONDS
            end = min(len(data), int(len(data) * share) + 1)
            self.wfile.write(data[sent:end])
            self.wfile.flush()
            sent = end
            if self.proxy.closed.wait(_PIECE_SECONDS):
                return

    def _hang(self, failure: Failure) -> None:
        if failure.kind == "hang":
            self.proxy.closed.wait()
        self.close_connection = True

    def _error(self, failure: Failure) -> None:
        data = f"<Error><Code>{failure.code}</Code><Message>injected</Message></Error>".encode()
        self.send_response(failure.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def flipped(data: bytes) -> bytes:
    """The same number of bytes, with the lowest bit of every 64th one changed."""
    changed = bytearray(data)
    for place in range(0, len(changed), 64):
        changed[place] ^= 1
    return bytes(changed)
