"""The extended S3 Vectors on a free local port: counts calls and bytes, and has faults on demand."""

import io
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto import backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

from tests.s3vectors.faults import STATUS, Faults, error_body
from tests.s3vectors.models import ExtendedS3VectorsBackend, s3vectors_backends

VECTOR_BUCKET = "lookalike-vectors"
REGION = "us-east-1"


@dataclass(frozen=True)
class Call:
    """A call that was answered.

    Attributes:
        status: of HTTP; 0 for a connection that was closed without an answer.
        body: of the request, empty for PutVectors, whose bodies are large.
    """

    operation: str
    status: int
    sent: int
    received: int
    body: bytes


class S3VectorsServer:
    """Listens from its construction until `close`; has one vector bucket, `VECTOR_BUCKET`, empty at first.

    Attributes:
        calls: in the order of their answers.
        faults: what happens to the next calls.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.faults = Faults()
        self._moto = DomainDispatcherApplication(_create_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.reset()

    @property
    def backend(self) -> ExtendedS3VectorsBackend:
        """Settings and counters of the service."""
        return s3vectors_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def client(self, **options: Any) -> Any:
        """A real client of boto3 for this server.

        Args:
            options: of botocore's `Config`; by default a call is sent once.
        """
        config = Config(**{"retries": {"total_max_attempts": 1}, **options})
        return boto3.client(
            "s3vectors",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=config,
        )

    def environment(self) -> dict[str, str]:
        """The variables by which botocore finds this server."""
        return {
            "AWS_ENDPOINT_URL_S3VECTORS": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    def reset(self) -> None:
        """Make the vector bucket new and empty; forget calls, faults and settings. moto's state is the process's."""
        self.faults.clear()
        self.backend.reset()
        self.backend.create_bucket(REGION, {"vectorBucketName": VECTOR_BUCKET})
        self.calls.clear()

    def counts(self) -> Counter[str]:
        """How many calls of each operation were answered."""
        return Counter(call.operation for call in self.calls)

    def close(self) -> None:
        """Stop listening."""
        self.faults.clear()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        sys.settrace(None)  # in this connection's thread: no code of `lambda_app` runs here, and a measurement is slow
        operation = environ["PATH_INFO"].strip("/").partition("/")[0]
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size)
        fault = self.faults.meet(operation)
        status, headers, answer = 0, [], b""
        if fault in STATUS:
            status, answer = STATUS[fault], error_body(fault)
            headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", fault)]
        elif fault != "drop":
            status, headers, answer = self._carried_out(environ, body)
        if fault in ("drop", "drop after"):
            status, answer = 0, b""
        kept = b"" if operation == "PutVectors" else body
        self.calls.append(Call(operation, status, size, len(answer), kept))
        if status == 0:
            # The server closes the connection and logs nothing.
            raise ConnectionAbortedError
        start_response(f"{status} Answer", [*headers, ("Content-Length", str(len(answer)))])
        return [answer]

    def _carried_out(self, environ: dict[str, Any], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        chunks, line, headers = run_wsgi_app(self._moto, {**environ, "wsgi.input": io.BytesIO(body)}, buffered=True)
        kept = [(name, value) for name, value in headers.to_wsgi_list() if name.lower() != "content-length"]
        return int(line.split()[0]), kept, b"".join(chunks)


def _create_app(service: backends.SERVICE_NAMES) -> Any:
    """moto's application of a service; for S3 Vectors with the extended backend in place of moto's."""
    if service != "s3vectors":
        return create_backend_app(service)
    with patch.object(backends, "get_backend", lambda _name: s3vectors_backends):
        return create_backend_app(service)


class _QuietHandler(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: the tests check `S3VectorsServer.calls`."""

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """Close the connection of a call without an answer; the client would wait for one."""
        self.close_connection = True
