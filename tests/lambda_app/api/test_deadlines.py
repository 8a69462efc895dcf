"""A real server on a free port, and clients that send half of what they should."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import uvicorn

from lambda_app.api.app import create_app
from lambda_app.api.deadlines import protocol
from lambda_app.settings import Settings
from lambda_app.store.folder import FolderStore
from tests.waiting import until

WHOLE = b"GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET /healthcheck HTTP/1.1\r\nHost: x\r\nX-Slow: "
BODY = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
)


@contextmanager
def serving(settings: Settings, store: FolderStore) -> Iterator[int]:
    """The port of a server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings, store), http=protocol(settings.header_seconds), lifespan="off", log_level="error"
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        until(lambda: server.started, "the server listens")
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def port(shop: FolderStore, settings: Settings) -> Iterator[int]:
    with serving(replace(settings, header_seconds=0.3, body_seconds=0.3), shop) as port:
        yield port


def answers(port: int, *sent: bytes) -> bytes:
    """All that the server sends until it closes the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for part in sent:
            connection.sendall(part)
            if part == WHOLE:
                received += connection.recv(65536)
        while part := connection.recv(65536):
            received += part
    return received


def test_a_head_that_does_not_end_closes_the_connection(port: int):
    assert answers(port, HALF) == b""
    assert answers(port) == b""


def test_a_second_head_on_a_connection_has_its_own_deadline(port: int):
    received = answers(port, WHOLE, HALF)
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1") == 1


def test_requests_in_time_are_answered(port: int):
    assert answers(port, WHOLE, WHOLE, WHOLE, HALF).count(b"HTTP/1.1 200") == 3


def test_a_body_that_does_not_end_is_answered_408(port: int):
    received = answers(port, BODY + b"x")
    assert received.startswith(b"HTTP/1.1 408")
    assert b"after 0.3 s, which is the limit, 1 bytes of the body had come" in received
