"""moto's S3 in this process, which notes each request with the bytes of its body and of its answer."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import requests
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from benchmarks.processes.lambda_function import BUCKET, CREDENTIALS
from benchmarks.processes.server import START_SECONDS


@dataclass(frozen=True)
class Sent:
    """A request that was answered.

    Attributes:
        method: LIST for a GET that lists keys.
        key: of the object; of a LIST, its prefix.
        received, sent: bytes of the bodies of the request and of the answer.
    """

    method: str
    key: str
    received: int
    sent: int


class CountedBucket:
    """An empty bucket at a free local port.

    Attributes:
        requests: all requests, in the order in which they were answered.
        url: of the server.
    """

    def __init__(self) -> None:
        """Begin to listen."""
        self.requests: list[Sent] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        # moto keeps its objects as long as the process lives.
        requests.post(f"{self.url}/moto-api/reset", timeout=START_SECONDS).raise_for_status()
        requests.put(f"{self.url}/{BUCKET}", timeout=START_SECONDS).raise_for_status()

    def environ(self) -> dict[str, str]:
        """The environment of a process that uses the bucket as its store."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "LOOKALIKE_STORE": f"s3://{BUCKET}"}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chunks, line, headers = run_wsgi_app(self._moto, environ, buffered=True)
        body = b"".join(chunks)
        method, key = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"]).removeprefix(f"/{BUCKET}").strip("/")
        if method == "GET" and not key:
            method, key = "LIST", parse_qs(environ["QUERY_STRING"]).get("prefix", [""])[0]
        self.requests.append(Sent(method, key, int(environ.get("CONTENT_LENGTH") or 0), len(body)))
        start_response(line, headers.to_wsgi_list())
        return [body]


@contextmanager
def counted_bucket() -> Iterator[CountedBucket]:
    """A bucket until the block ends."""
    bucket = CountedBucket()
    try:
        yield bucket
    finally:
        bucket.close()


class _QuietHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the benchmark counts the requests."""
