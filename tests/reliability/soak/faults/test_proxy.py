"""The proxy before a plain HTTP server, asked by a plain HTTP client."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from reliability.soak.faults.kinds import another_release
from reliability.soak.faults.proxy import ConnectionLostError, Failure, FaultProxy, Request, Watcher, flipped

BODY = bytes(range(256)) * 8


class Upstream(BaseHTTPRequestHandler):
    """Answers every request with `BODY`, and notes what was PUT."""

    put: list[bytes]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("ETag", '"version"')
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_PUT(self) -> None:
        self.put.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[bytes]]]:
    put: list[bytes] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Upstream,), {"put": put}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", put
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy(upstream) -> Iterator[FaultProxy]:
    with closing(FaultProxy(upstream[0])) as proxy:
        yield proxy


def ask(proxy: FaultProxy, key: str = "bucket/live.json", method: str = "GET", timeout: float = 10):
    """Status, ETag and body of an answer."""
    with closing(http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=timeout)) as connection:
        connection.request(method, f"/{key}", body=b"sent" if method == "PUT" else None)
        answer = connection.getresponse()
        return answer.status, answer.headers["ETag"], answer.read()


def test_without_a_failure_everything_passes(proxy: FaultProxy, upstream):
    assert ask(proxy) == (200, '"version"', BODY)
    assert ask(proxy, method="PUT")[0] == 200
    assert upstream[1] == [b"sent"]
    assert proxy.failed == 0


def test_an_error_has_its_status_and_code_and_reaches_no_one(proxy: FaultProxy, upstream):
    with proxy.failing(Failure("error", 503, "SlowDown")):
        status, _, body = ask(proxy, method="PUT")
    assert (status, b"<Code>SlowDown</Code>" in body) == (503, True)
    assert upstream[1] == []
    assert proxy.failed == 1
    assert ask(proxy)[2] == BODY


def test_wrong_bytes_keep_length_and_version(proxy: FaultProxy):
    with proxy.failing(Failure("flipped")):
        status, version, body = ask(proxy)
    assert (status, version, len(body)) == (200, '"version"', len(BODY))
    assert sum(a != b for a, b in zip(body, BODY, strict=True)) == len(BODY) // 64
    assert flipped(body) == BODY


def test_an_empty_body_says_that_it_is_empty(proxy: FaultProxy):
    with proxy.failing(Failure("empty")):
        assert ask(proxy) == (200, '"version"', b"")


def test_a_cut_connection_breaks_within_the_body(proxy: FaultProxy):
    with proxy.failing(Failure("cut")), pytest.raises(http.client.IncompleteRead) as broken:
        ask(proxy)
    assert broken.value.partial == BODY[: len(BODY) // 2]


def test_a_hanging_server_takes_the_request_and_never_answers(proxy: FaultProxy):
    with proxy.failing(Failure("hang")), pytest.raises(TimeoutError):
        ask(proxy, timeout=0.2)
    assert proxy.failed == 1


def test_a_slow_answer_comes_in_pieces_and_ends_when_the_fault_is_lifted(proxy: FaultProxy):
    address = urlsplit(proxy.url)
    received = b""
    with closing(socket.create_connection((address.hostname, address.port), timeout=10)) as connection:
        with proxy.failing(Failure("slow")):
            connection.sendall(b"GET /bucket/live.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not received.partition(b"\r\n\r\n")[2]:
                received += connection.recv(4096)
            assert len(received.partition(b"\r\n\r\n")[2]) < len(BODY) // 2
        while not received.endswith(BODY):
            received += connection.recv(4096)


def test_a_refused_connection_is_refused_until_the_port_is_open_again(proxy: FaultProxy):
    host, port = urlsplit(proxy.url).hostname, urlsplit(proxy.url).port
    with proxy.failing(Failure("refused")), pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=10)
    assert ask(proxy)[0] == 200


def test_only_the_chosen_requests_fail(proxy: FaultProxy):
    with proxy.failing(Failure("error", 404, "NoSuchKey", which=lambda request: "objects/" in request.key)):
        assert [ask(proxy, key)[0] for key in ("bucket/live.json", "bucket/objects/1")] == [200, 404]


def test_another_release_has_the_form_of_the_right_one():
    pointer = b'{"release": "20261101-120000-1a2b3c4d", "previous": null}'
    assert another_release(pointer) == b'{"release": "20261101-120000-1a2b3c40", "previous": null}'
    assert another_release(b"<Error/>") == b"<Error/>"


@pytest.mark.parametrize(("when", "arrived"), [("before", []), ("after", [b"sent"])])
def test_a_watcher_can_break_the_connection_before_or_after_the_server_acts(upstream, when: str, arrived: list[bytes]):
    class Breaks(Watcher):
        def before(self, request: Request) -> None:
            self.seen(request, "before")

        def after(self, request: Request) -> None:
            self.seen(request, "after")

        def seen(self, request: Request, moment: str) -> None:
            assert request == Request("PUT", "bucket/live.json")
            if moment == when:
                raise ConnectionLostError

    broken = pytest.raises((http.client.RemoteDisconnected, ConnectionResetError))
    with closing(FaultProxy(upstream[0], Breaks())) as proxy, broken:
        ask(proxy, method="PUT")
    assert upstream[1] == arrived
