"""uvicorn's protocol with a deadline for the request line and headers. uvicorn alone has no such deadline.

The deadline of a body is in `messages/reading.py`. Only `scripts/serve` uses this module: in Lambda, API Gateway
reads the whole request first.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def protocol(header_seconds: float) -> type[HttpToolsProtocol]:
    """A protocol that closes a connection whose request line and headers take longer than `header_seconds`.

    The time starts with the connection, and on a connection that is kept, with the first byte of the next request.
    """

    class DeadlineProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._deadline = self.loop.call_later(header_seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
                self._deadline = self.loop.call_later(header_seconds, self.transport.close)
            super().data_received(data)

        def on_headers_complete(self) -> None:
            self._stop()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _stop(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return DeadlineProtocol
