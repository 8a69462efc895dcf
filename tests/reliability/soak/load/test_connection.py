import asyncio

import pytest

from reliability.soak.load.connection import Reply, connect, request
from tests.reliability.soak.load.fixed_server import answering


def test_a_request_has_its_length():
    assert request("GET", "/a") == b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert request("POST", "/a", b"xyz", "image/png").endswith(
        b"Content-Type: image/png\r\nContent-Length: 3\r\n\r\nxyz"
    )


async def asked(*parts: bytes) -> Reply:
    async with answering(*parts) as port:
        connection = await connect(port)
        try:
            return await connection.ask(request("GET", "/"))
        finally:
            connection.close()


def test_an_answer_in_parts_is_put_together():
    reply = asyncio.run(
        asked(b"HTTP/1.1 503 Service Una", b"vailable\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nla", b"te")
    )
    assert reply == Reply(503, {"retry-after": "1", "content-length": "4"}, b"late")


def test_a_connection_that_the_server_closes_fails_the_request():
    with pytest.raises(ConnectionError, match="closed the connection"):
        asyncio.run(asked(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla"))
