"""A Lambda function as a process: `python -m awslambdaric <handler>` with its own runtime API."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.runtime_api import RuntimeApi
from tests.waiting import DEADLINE_SECONDS, until

ROOT = Path(__file__).parents[2]
SECRET = "this-is-the-secret-access-key"
SESSION = "this-is-the-session-token"


class FunctionError(Exception):
    """The handler raised; Lambda would retry the event and then send it to the dead-letter queue."""


@dataclass(frozen=True)
class HttpAnswer:
    """The HTTP response that API Gateway makes from a handler's answer.

    Attributes:
        headers: by name in lower case.
        encoded: whether the handler returned the body in base64.
    """

    request_id: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    encoded: bool

    @property
    def release(self) -> str:
        """The release that answered."""
        return self.headers["x-lookalike-release"]

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class LambdaProcess:
    """Runs from its construction until `close`; handles one event at a time, as Lambda's processes do."""

    def __init__(self, handler: str, folder: Path, environ: Mapping[str, str]) -> None:
        """Start the process.

        Args:
            folder: gets `stdout`, `stderr` and the process's temporary files.
            environ: variables to add to those that Lambda sets; the process gets no others.
        """
        self._folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self._api = RuntimeApi()
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", handler],
                cwd=ROOT,
                env={**_lambda_environ(self._api.address, self.temporary), **environ},
                stdout=out,
                stderr=err,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def invoke(self, event: object) -> tuple[str, Any]:
        """Send the process an event and wait; the request's id and what the handler returned.

        Raises:
            FunctionError: the handler raised.
            TimeoutError: no answer.
        """
        invocation = self._api.submit(event)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not invocation.done.wait(0.1):
            if self._process.poll() is not None:
                raise FunctionError(f"the process ended: {self._api.init_error or self.text('stderr')}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {DEADLINE_SECONDS:.0f} s; {self.text('stderr')}")
        if invocation.failed:
            raise FunctionError(f"{invocation.result['errorType']}: {invocation.result.get('errorMessage')}")
        return invocation.request_id, invocation.result

    def request(self, event: object) -> HttpAnswer:
        """Send the process an HTTP event of version 1 or 2."""
        request_id, answer = self.invoke(event)
        headers = {name: ", ".join(values) for name, values in answer.get("multiValueHeaders", {}).items()}
        body = answer["body"]
        return HttpAnswer(
            request_id,
            answer["statusCode"],
            {name.lower(): value for name, value in {**headers, **answer.get("headers", {})}.items()},
            base64.b64decode(body) if answer["isBase64Encoded"] else body.encode(),
            answer["isBase64Encoded"],
        )

    def text(self, stream: str) -> str:
        """The text that the process has written to `stdout` or `stderr`."""
        return (self._folder / stream).read_text()

    def logged(self, stream: str, request_id: str) -> list[dict[str, Any]]:
        """The JSON lines about a request."""
        lines = (json.loads(line) for line in self.text(stream).splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("request_id") == request_id]

    def init_error(self) -> dict[str, Any]:
        """The error that the process reports when it cannot start."""
        until(lambda: self._process.poll() is not None, "the end of a process that cannot start")
        assert self._api.init_error is not None, self.text("stderr")
        return self._api.init_error

    def freeze(self) -> None:
        """Stop the process where it is, as Lambda does between two requests."""
        self._process.send_signal(signal.SIGSTOP)
        # waitid reports the process once every thread has stopped.
        until(lambda: os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG) is not None, "a stopped process")

    def thaw(self) -> None:
        """Resume the process."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process and its API."""
        self._process.kill()
        self._process.wait()
        self._api.close()


def _lambda_environ(address: str, temporary: Path) -> dict[str, str]:
    """The variables that Lambda sets; this memory size gives the function one thread."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(temporary),
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "lookalike",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SESSION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
