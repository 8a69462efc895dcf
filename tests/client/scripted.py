"""A service of answers that a test has written down."""

import json
from typing import Any

import requests
from requests.adapters import BaseAdapter

Written = tuple[int, object, dict[str, str]]


class Scripted(BaseAdapter):
    """Gives written answers in turn, each a status, a body and headers; and keeps the requests."""

    def __init__(self, answers: list[Written]) -> None:
        """Give these answers."""
        super().__init__()
        self._answers = answers
        self.requests: list[Any] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """The next answer."""
        self.requests.append(request)
        status, body, headers = self._answers.pop(0)
        response = requests.Response()
        response.status_code, response.reason, response.url = status, "In words", str(request.url)
        response.headers.update(headers)
        response._content = json.dumps(body).encode()
        return response

    def close(self) -> None:
        """Do nothing: no connection is open."""
