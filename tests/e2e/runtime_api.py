"""A Lambda runtime API for one process: sends it events and receives its answers.

The process is the real `awslambdaric`, which calls this API as it calls Lambda's (AWS Lambda Developer Guide, "Using
the Lambda runtime API for custom runtimes").
"""

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Lambda quota for the request and for the response of a synchronous invocation.
PAYLOAD_BYTES = 6 << 20
TIMEOUT_SECONDS = 60
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:lookalike"
_ROOT = "/2018-06-01/runtime"


@dataclass
class Invocation:
    """An event and, once there is one, its outcome.

    Attributes:
        result: what the handler returned, or the error it raised, once `done` is set.
    """

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: Any = None
    failed: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, result: Any, *, failed: bool) -> None:
        """Store the outcome."""
        self.result, self.failed = result, failed
        self.done.set()


class RuntimeApi:
    """Listens on a free local port from its construction until `close`."""

    def __init__(self) -> None:
        self.init_error: dict[str, Any] | None = None
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._taken: dict[str, Invocation] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def submit(self, event: object) -> Invocation:
        """Queue an event for the process.

        Raises:
            ValueError: it is larger than Lambda allows.
        """
        invocation = Invocation(json.dumps(event).encode())
        if len(invocation.event) > PAYLOAD_BYTES:
            raise ValueError(f"the event has {len(invocation.event):,} bytes; Lambda takes {PAYLOAD_BYTES:,}")
        self._waiting.put(invocation)
        return invocation

    def next(self) -> Invocation | None:
        """Wait for the next event; None when the API closes."""
        invocation = self._waiting.get()
        if invocation is not None:
            self._taken[invocation.request_id] = invocation
        return invocation

    def finish(self, request_id: str, body: bytes, *, failed: bool) -> bool:
        """Store the outcome of an event; whether there is an event with that id."""
        invocation = self._taken.pop(request_id, None)
        if invocation is None:
            return False
        if len(body) > PAYLOAD_BYTES:
            invocation.finish({"errorType": "Function.ResponseSizeTooLarge"}, failed=True)
        else:
            invocation.finish(json.loads(body), failed=failed)
        return True

    def close(self) -> None:
        """Stop listening; close the connection of a process that waits for an event."""
        self._waiting.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    api: RuntimeApi
    protocol_version = "HTTP/1.1"
    # Send headers and body in one packet: otherwise the body would wait until the headers are acknowledged.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """`invocation/next`."""
        if self.path != f"{_ROOT}/invocation/next":
            self._answer(404)
            return
        invocation = self.api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(1000 * (time.time() + TIMEOUT_SECONDS))),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
        }
        self._answer(200, invocation.event, headers)

    def do_POST(self) -> None:
        """`invocation/<id>/response`, `invocation/<id>/error`, `init/error`."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = self.path.removeprefix(f"{_ROOT}/").split("/")
        if parts == ["init", "error"]:
            self.api.init_error = json.loads(body)
            self._answer(202)
        elif len(parts) == 3 and parts[0] == "invocation" and parts[2] in ("response", "error"):
            known = self.api.finish(parts[1], body, failed=parts[2] == "error")
            self._answer(202 if known else 404)
        else:
            self._answer(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the tests check the answers."""

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
