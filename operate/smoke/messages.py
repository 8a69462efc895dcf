"""A request of a check and its answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambda_app.errors import LookalikeError

SHOWN = 200  # characters of an answer in a message


class CheckFailedError(LookalikeError):
    """A route gave no answer, or not the one that it must give. The message is written for people."""


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        path: with its query, percent-encoded.
        media_type: of the body; empty without one.
    """

    method: str
    path: str
    body: bytes = b""
    media_type: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        headers: by name in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            CheckFailedError: it is none.
        """
        try:
            found = json.loads(self.body)
        except ValueError as exc:
            raise CheckFailedError(f"the answer is no JSON: {self.start()}") from exc
        if not isinstance(found, dict):
            raise CheckFailedError(f"the answer is no JSON object: {self.start()}")
        return found

    def start(self) -> str:
        """The first characters of the body, in one line."""
        return " ".join(self.body[: SHOWN * 4].decode("utf-8", "replace").split())[:SHOWN]

    def reason(self) -> str:
        """The status, and what the answer says about it: the `detail` of a problem, the `message` of API Gateway."""
        try:
            fields = self.json()
        except CheckFailedError:
            return f"{self.status} {self.start()}".strip()
        said = fields.get("detail") or fields.get("message") or fields.get("Message")
        return f"{self.status} {said or self.start()}".strip()


# Sends a request. Raises CheckFailedError if there is no answer at all.
Send = Callable[[Request], Answer]


def form(field: str, files: Mapping[str, bytes], boundary: str = "lookalike-smoke") -> tuple[bytes, str]:
    """A multipart form with JPEG files by name, all in one field; the body and its media type."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"
