"""Sends requests, again if the API asks for it, and reads their answers."""

import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests
from pydantic import BaseModel, ValidationError
from requests.auth import AuthBase

from client.errors import ClientError

# Timeouts in seconds: to connect, and for the answer. API Gateway waits 30 s for the function.
TIMEOUT = (5, 35)
# Too many requests; and: nothing is live yet, or there is no room now. The request was not carried out.
AGAIN = (429, 503)
FIRST_PAUSE = 1.0  # seconds, where the answer does not say how long; doubled from try to try
LONGEST_PAUSE = 30.0

AnyAnswer = TypeVar("AnyAnswer", bound=BaseModel)


class Transport:
    """Calls the routes of one deployment."""

    def __init__(
        self,
        url: str,
        session: requests.Session,
        auth: AuthBase | None,
        retries: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Call the API at `url` (with scheme), with up to `retries` more tries; `auth` replaces that of the session."""
        self.url = url.rstrip("/")
        self._session = session
        self._auth = auth
        self._retries = retries
        self._sleep = sleep

    def ask(self, model: type[AnyAnswer], method: str, route: str, **request: Any) -> AnyAnswer:
        """The answer of a route.

        Raises:
            ClientError: there is no usable one.
        """
        response = self.send(method, route, **request)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as exc:
            error = exc.errors()[0]
            where = ".".join(str(part) for part in error["loc"]) or "the body"
            raise ClientError(
                f"{response.url} is no Lookalike API: its answer is invalid at {where}: {error['msg']}"
            ) from exc

    def send(self, method: str, address: str, **request: Any) -> requests.Response:
        """The response of a route, or of another address. It is not an error.

        Raises:
            ClientError: there is none.
        """
        pause = FIRST_PAUSE
        for tried in range(self._retries + 1):
            try:
                return self._once(method, address, request)
            except ClientError as exc:
                if exc.status not in AGAIN or tried == self._retries:
                    raise
                self._sleep(min(LONGEST_PAUSE, pause if exc.retry_after is None else exc.retry_after))
                pause *= 2
        raise AssertionError("unreachable")

    def _once(self, method: str, address: str, request: dict[str, Any]) -> requests.Response:
        # Routes are below the path of the deployment; the URL of a photo can be anywhere.
        url = self.url + address if address.startswith("/") else urljoin(self.url + "/", address)
        auth = {} if self._auth is None else {"auth": self._auth}
        try:
            response = self._session.request(method, url, timeout=TIMEOUT, **auth, **request)  # type: ignore[arg-type]
        except requests.Timeout as exc:
            raise ClientError(f"{url} did not answer within {TIMEOUT[1]} s") from exc
        except requests.ConnectionError as exc:
            raise ClientError(f"nothing answers at {self.url}; is the service running?") from exc
        except (requests.exceptions.InvalidSchema, requests.exceptions.MissingSchema) as exc:
            raise ClientError(f"{url} is no address; it takes one such as https://search.shop.example") from exc
        except requests.RequestException as exc:
            raise ClientError(f"{url} cannot be called: {exc}") from exc
        if not response.ok:
            raise _error_of(response, url)
        return response


def _error_of(response: requests.Response, url: str) -> ClientError:
    """`detail` of a problem (RFC 9457), else `message` of a gateway, else the reason phrase of the status."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    fields = body if isinstance(body, dict) else {}
    detail = str(fields.get("detail") or fields.get("message") or "")
    after = response.headers.get("Retry-After", "")
    return ClientError(
        f"{url} answered {response.status_code}: {detail or response.reason}",
        response.status_code,
        detail=detail,
        request_id=response.headers.get("X-Request-Id"),
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
    )
