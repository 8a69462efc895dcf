"""Sends requests to S3 Vectors again if they failed for a reason that passes, and says what other failures mean."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.search.s3vectors.service import passes, status_of

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds
SECONDS = 45.0

# A request that is wrong, or too large.
_REFUSED = (400, 413)

log = logging.getLogger(__name__)


class RefusedRequestError(StoreError):
    """The service refuses what a request holds. Another try would be refused too."""


def _always() -> None:
    """A request may always be sent."""


@dataclass
class Retries:
    """Back-off with full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter", 2015).

    Attributes:
        seconds: a request is not sent again after this time.
        clock, sleep: seconds.
        jitter: a random number from 0 to 1.
        sent_again: requests that were sent again so far.
    """

    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    sent_again: int = 0

    def call(
        self, send: Callable[..., dict[str, Any]], action: str, ready: Callable[[], None] = _always, /, **arguments: Any
    ) -> dict[str, Any]:
        """The answer to a request.

        Args:
            send: a method of the client.
            action: the name of the permission that it needs, such as PutVectors.
            ready: called before each try; what it raises ends the call.
            arguments: of the request.

        Raises:
            MissingObjectError: there is no such vector bucket or index.
            RefusedRequestError: the service refuses what the request holds.
            StoreError: it failed otherwise, again and again if the reason could pass.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        end, pause = self.clock() + self.seconds, _FIRST_PAUSE
        while True:
            ready()
            try:
                return send(**arguments)
            except (ClientError, BotoCoreError) as exc:
                if not passes(exc):
                    raise failure(exc, action, arguments) from exc
                wait = pause * self.jitter()
                if self.clock() + wait > end:
                    raise StoreError(
                        f"S3 Vectors does not take {action} for {_where(arguments)}: tried for {self.seconds:g} s; "
                        f"the last answer: {exc}"
                    ) from exc
                log.debug("%s is sent again in %.2f s: %s", action, wait, exc)
            self.sent_again += 1
            self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)


def failure(error: Exception, action: str, arguments: dict[str, Any]) -> StoreError:
    """What a failure that does not pass means, in words."""
    status, where = status_of(error), _where(arguments)
    if status == 404:
        return MissingObjectError(f"S3 Vectors has no {where}")
    if status == 403:
        return StoreError(f"no right to s3vectors:{action} on {where}: {error}")
    kind = RefusedRequestError if status in _REFUSED else StoreError
    return kind(f"S3 Vectors refused {action} for {where}: {error}")


def _where(arguments: dict[str, Any]) -> str:
    bucket, index = arguments.get("vectorBucketName"), arguments.get("indexName")
    return f"index {index} in vector bucket {bucket}" if index else f"vector bucket {bucket}"
