"""moto's S3 on a free local port: records the requests, and can refuse them or delay its answers."""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import requests
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from lambda_app.store.bucket import S3Store
from tests.lambda_events import BUCKET

if TYPE_CHECKING:
    from obstore.store import S3Config

CREDENTIALS: "S3Config" = {"access_key_id": "testing", "secret_access_key": "testing", "region": "us-east-1"}

_ACCOUNT = "123456789012"


@dataclass(frozen=True)
class S3Request:
    """A request that was answered.

    Attributes:
        range, condition: its `Range` and `If-None-Match`.
    """

    method: str
    key: str
    range: str | None
    condition: str | None
    status: int


class Held:
    """Answers that stop after a share of their body until they are cut off.

    This is an S3 that does not respond, or that closes the connections of a frozen Lambda.
    """

    def __init__(self, which: Callable[[S3Request], bool], share: float) -> None:
        self._which = which
        self.share = share
        self._cut = threading.Event()
        self.requests: list[S3Request] = []

    def holds(self, request: S3Request) -> bool:
        """Whether to hold the answer to this request."""
        return not self._cut.is_set() and self._which(request)

    def wait(self, request: S3Request) -> None:
        """Hold the answer to a request."""
        self.requests.append(request)
        self._cut.wait()

    def cut(self) -> None:
        """Close the connections that are held, and hold no further ones."""
        self._cut.set()


class S3Server:
    """Listens from its construction until `close`; has one bucket, `BUCKET`, which is empty at first."""

    def __init__(self, *, one_at_a_time: bool = False) -> None:
        """Begin to listen.

        Args:
            one_at_a_time: answer one request after the other. S3's conditional writes are atomic; those of moto are not
                if several threads write the same key.
        """
        self.requests: list[S3Request] = []
        self._turn: AbstractContextManager[Any] = threading.Lock() if one_at_a_time else nullcontext()
        self._held: Held | None = None
        self._refusal: tuple[int, str] | None = None
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.reset()

    def reset(self) -> None:
        """Empty the bucket and the list of requests. moto keeps its objects for the whole process."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        requests.put(f"{self.url}/{BUCKET}", timeout=10).raise_for_status()
        self.requests.clear()

    def make_older(self, by: timedelta) -> None:
        """Move all versions of everything in the bucket into the past."""
        for _, versions in get_backend("s3")[_ACCOUNT]["aws"].buckets[BUCKET].keys.lists():
            for one in versions:
                one.last_modified -= by

    def store(self, prefix: str, cache: Path) -> S3Store:
        """A store in the bucket, opened as an operator opens it."""
        return S3Store(BUCKET, prefix, cache=cache, config={"endpoint": self.url, **CREDENTIALS})

    @contextmanager
    def refusing(self, status: int, code: str) -> Iterator[None]:
        """Answer every request with an error, until the block ends."""
        self._refusal = (status, code)
        try:
            yield
        finally:
            self._refusal = None

    @contextmanager
    def holding(self, which: Callable[[S3Request], bool], share: float = 0.5) -> Iterator[Held]:
        """Hold the answers to some requests until the block ends or they are cut; a share of 0 sends nothing."""
        self._held = Held(which, share)
        try:
            yield self._held
        finally:
            self._held.cut()
            self._held = None

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sys.settrace(None)  # in this connection's thread: only moto runs here, and a measurement of it makes it slow
        if self._refusal is not None:
            status, code = self._refusal
            start_response(f"{status} Refused", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code></Error>".encode()]
        with self._turn:
            chunks, line, headers = run_wsgi_app(self._moto, environ, buffered=True)
        request = S3Request(
            method=environ["REQUEST_METHOD"],
            key=unquote(environ["PATH_INFO"]).removeprefix(f"/{BUCKET}/"),
            range=environ.get("HTTP_RANGE"),
            condition=environ.get("HTTP_IF_NONE_MATCH"),
            status=int(line.split()[0]),
        )
        self.requests.append(request)
        start_response(line, headers.to_wsgi_list())
        return self._sent(request, b"".join(chunks))

    def _sent(self, request: S3Request, body: bytes) -> Iterator[bytes]:
        held = self._held
        if held is not None and held.holds(request):
            # The server sends the headers together with the first bytes.
            if start := body[: int(len(body) * held.share)]:
                yield start
            held.wait(request)
        else:
            yield body


class _QuietHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the tests check `S3Server.requests`."""
