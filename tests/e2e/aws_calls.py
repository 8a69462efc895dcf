"""Lambda's Invoke and CodeDeploy's API over HTTP, for a process that calls them with the real botocore."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.e2e.lambda_process import FunctionError, LambdaProcess

_JSON = "application/x-amz-json-1.1"
_INVOKE = "/2015-03-31/functions/"


class AwsCalls:
    """Listens on a free local port from its construction until `close`.

    Attributes:
        functions: what answers the calls of each function, by its ARN. A FunctionError becomes Lambda's answer for a
            function that failed.
        called: the ARNs that were called.
        reported: what CodeDeploy was told.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.called: list[str] = []
        self.reported: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"calls": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def serve(self, arn: str, process: LambdaProcess) -> None:
        """Let this process answer the calls of a function."""
        self.functions[arn] = lambda event: process.invoke(event)[1]

    def environ(self) -> dict[str, str]:
        """The variables with which botocore calls this server."""
        return {"AWS_ENDPOINT_URL_LAMBDA": self.url, "AWS_ENDPOINT_URL_CODEDEPLOY": self.url}

    def close(self) -> None:
        """Stop to listen."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    calls: AwsCalls

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        target = self.headers.get("X-Amz-Target", "")
        if self.path.startswith(_INVOKE):
            self._invoke(unquote(self.path.removeprefix(_INVOKE).partition("/")[0]), body)
        elif target == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus":
            self.calls.reported.append(body)
            self._answer(200, {"lifecycleEventHookExecutionId": body["lifecycleEventHookExecutionId"]})
        else:
            self._answer(404, {"__type": "UnknownOperationException", "message": f"{self.path} {target}"})

    def _invoke(self, function: str, event: Any) -> None:
        self.calls.called.append(function)
        try:
            self._answer(200, self.calls.functions[function](event))
        except FunctionError as exc:
            failure = {"errorType": "Runtime.ExitError", "errorMessage": str(exc)}
            self._answer(200, failure, {"X-Amz-Function-Error": "Unhandled"})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": _JSON, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""
