"""This project's function as in Lambda: AWS's runtime client with an emulated runtime API and moto's S3.

The runtime API gives the process one event at a time (AWS Lambda Developer Guide, "Using the Lambda runtime API for
custom runtimes"). The emulation has no thread, so nothing else runs in this process while the function starts.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.inputs.bench_release import ROOT, BenchRelease, put
from benchmarks.processes.process import Process
from benchmarks.processes.server import CONTENT_TYPE, SIMILAR, START_SECONDS, Server, form
from lambda_app.store.bucket import S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config

BUCKET = "lookalike-bench"
HANDLER = "lambda_app.handler.handler"
# moto accepts any credentials.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
# Memory of a function with one vCPU: 1,769 MB (AWS Lambda quotas, "Memory").
_MEMORY_MB = 1769
_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


@contextmanager
def s3_with(release: BenchRelease) -> Iterator[str]:
    """Start moto's S3 in another process, with a store with this live release; the server's address."""
    with Server(["-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"], {}) as moto:
        url = f"http://127.0.0.1:{moto.wait().port}"
        requests.put(f"{url}/{BUCKET}", timeout=START_SECONDS).raise_for_status()
        account: S3Config = {"endpoint": url, "access_key_id": "testing", "secret_access_key": "testing"}
        store = S3Store(BUCKET, config=account)
        store.write_pointer(put(store, release.folder, release.manifest), None)
        yield url


def environ(s3: str, temporary: Path) -> dict[str, str]:
    """The environment of the process: Lambda's variables, the store on server `s3`, a folder for temporary files."""
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": s3,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "lookalike",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(_MEMORY_MB),
        "LOOKALIKE_STORE": f"s3://{BUCKET}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(temporary),
    }


def photo_event(photo: bytes) -> dict[str, Any]:
    """A POST of a photo to the similar-images route, as an event of API Gateway (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": SIMILAR,
        "rawQueryString": "",
        "headers": {"content-type": CONTENT_TYPE, "host": "example.com", "accept": "*/*"},
        "requestContext": {
            "http": {"method": "POST", "path": SIMILAR, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "JKJaXmPLvHcESHA=",
            "stage": "$default",
        },
        "body": base64.b64encode(form(photo)).decode(),
        "isBase64Encoded": True,
    }


class LambdaFunction(Process):
    """The process of the function. It starts at construction and ends with the `with` block."""

    def __init__(self, environ: dict[str, str]) -> None:
        """Start the process."""
        self._api = _RuntimeApi()
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}"}
        super().__init__(["-m", "awslambdaric", HANDLER], {**environ, **address})

    def close(self) -> None:
        """End the process and its runtime API."""
        super().close()
        self._api.server_close()

    def invoke(self, event: bytes) -> dict[str, Any]:
        """Send an event to the process and wait for its result.

        Raises:
            RuntimeError: the handler raised, or did not answer within a minute. The message contains its output.
        """
        self._api.event, self._api.result, self._api.failed = event, None, False
        while self._api.result is None and not self._api.failed:
            self._api.handle_request()
        if self._api.result is None:
            raise RuntimeError(f"the function gave no answer: {self.written()}")
        return dict(json.loads(self._api.result))


class _RuntimeApi(HTTPServer):
    """Answers the requests of the process in sequence, while `LambdaFunction.invoke` waits."""

    timeout = START_SECONDS

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = b""
        self.result: bytes | None = None
        self.failed = False

    def handle_timeout(self) -> None:
        """Record that the process has stopped sending requests."""
        self.failed = True


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer `invocation/next`."""
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", _REQUEST_ID)
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.event)))
        self.end_headers()
        self.wfile.write(self.server.event)

    def do_POST(self) -> None:
        """Accept `invocation/<id>/response` or an error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.failed = not self.path.endswith("/response")
        self.server.result = None if self.server.failed else body
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the benchmark shows its own progress."""
