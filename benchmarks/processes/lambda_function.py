"""This project's function as Lambda runs it: AWS's runtime client, between an emulated runtime API and moto's S3.

The runtime API hands the process one event at a time (AWS Lambda Developer Guide, "Using the Lambda runtime API for
custom runtimes"). It is answered by this process, in no thread of its own: nothing else runs while the function starts.
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
# Nothing asks for them: moto takes any.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
# Of a function with one processor: 1,769 MB are one vCPU (AWS Lambda quotas, "Memory").
_MEMORY_MB = 1769
_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


@contextmanager
def s3_with(release: BenchRelease) -> Iterator[str]:
    """moto's S3 in a process of its own, with a store whose live release it is; the server's address."""
    with Server(["-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"], {}) as moto:
        url = f"http://127.0.0.1:{moto.wait().port}"
        requests.put(f"{url}/{BUCKET}", timeout=START_SECONDS).raise_for_status()
        account: S3Config = {"endpoint": url, "access_key_id": "testing", "secret_access_key": "testing"}
        store = S3Store(BUCKET, config=account)
        store.write_pointer(put(store, release.folder, release.manifest), None)
        yield url


def environ(s3: str, temporary: Path) -> dict[str, str]:
    """All that the process sees: what Lambda sets, the store on the server `s3`, and a folder for temporary files."""
    return {
        **_CREDENTIALS,
        "AWS_ENDPOINT_URL": s3,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "lookalike",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(_MEMORY_MB),
        "LOOKALIKE_STORE": f"s3://{BUCKET}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(temporary),
    }


def photo_event(photo: bytes) -> dict[str, Any]:
    """The POST of a photo to the similar-images route, as API Gateway hands it on (payload format 2.0)."""
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
    """The process, from the moment it is made until the block ends."""

    def __init__(self, environ: dict[str, str]) -> None:
        """Start it."""
        self._api = _RuntimeApi()
        address = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}"}
        super().__init__(["-m", "awslambdaric", HANDLER], {**environ, **address})

    def close(self) -> None:
        """End the process and its runtime API."""
        super().close()
        self._api.server_close()

    def invoke(self, event: bytes) -> dict[str, Any]:
        """Hand the process an event and wait for what it returns.

        Raises:
            RuntimeError: the handler raised, or did not answer within a minute; with what it wrote.
        """
        self._api.event, self._api.result, self._api.failed = event, None, False
        while self._api.result is None and not self._api.failed:
            self._api.handle_request()
        if self._api.result is None:
            raise RuntimeError(f"the function gave no answer: {self.written()}")
        return dict(json.loads(self._api.result))


class _RuntimeApi(HTTPServer):
    """Answers the process's requests, one after another, while `LambdaFunction.invoke` waits."""

    timeout = START_SECONDS

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.event = b""
        self.result: bytes | None = None
        self.failed = False

    def handle_timeout(self) -> None:
        """The process asks for nothing any more."""
        self.failed = True


class _Handler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    wbufsize = -1

    def do_GET(self) -> None:
        """`invocation/next`."""
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", _REQUEST_ID)
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.event)))
        self.end_headers()
        self.wfile.write(self.server.event)

    def do_POST(self) -> None:
        """`invocation/<id>/response`, or an error."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.failed = not self.path.endswith("/response")
        self.server.result = None if self.server.failed else body
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: progress is shown by the benchmark."""
