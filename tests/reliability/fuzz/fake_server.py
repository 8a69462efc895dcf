"""A server that does what a test wants: to see that the checks notice it."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reliability.fuzz.service import Target

Answer = Callable[[str, str, bytes], tuple[int, bytes]]
CLOSE = -1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Answer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, data = type(self).answer(self.command, self.path, body)
        if status == CLOSE:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def fake_server(answer: Answer) -> Iterator[Target]:
    """A server in this process. `answer` gets method, path and body; it returns status and body, `CLOSE` for none."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    target = Target(server.server_address[1], os.getpid())
    try:
        yield target
    finally:
        target.close()
        server.shutdown()
        thread.join()
        server.server_close()
