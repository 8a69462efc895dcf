"""One index of Amazon S3 Vectors, asked with retries. Errors of the service become `SearchUnavailableError`."""

import logging
import math
import random
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lambda_app.errors import SearchUnavailableError
from lambda_app.search.s3vectors import service
from lambda_app.search.s3vectors.deadline import deadline
from lambda_app.search.s3vectors.schema import MOST_GOT, MOST_KEY_CHARACTERS
from lambda_app.telemetry.vector_calls import calls

# For all calls of a request, with all their tries.
SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
# Of one try. A query takes about 0.1 s, and below a second if the index was not asked for long.
_CONNECT_SECONDS, _READ_SECONDS = 1.0, 2.5
_LONGEST_TRY = _CONNECT_SECONDS + _READ_SECONDS
# Calls of all requests at once; each has a connection.
_PARALLEL = 16
# Of these, and of a timeout, what an alarm counts: the service has too many requests.
_THROTTLED = (429, 503)
# No image id of a catalogue, most likely. If it is one, no harm is done.
_PROBE = "-"

log = logging.getLogger(__name__)


class MissingIndexError(SearchUnavailableError):
    """There is no such index, or no such vector bucket."""


class ForbiddenIndexError(SearchUnavailableError):
    """The process has no right to ask the index."""


class UnreadableAnswerError(Exception):
    """An answer of status 200 that is none of the service, such as the page of a proxy."""


class ExpiredPageError(SearchUnavailableError):
    """The service does not know the token of a page any more; the query must be sent again."""


def make_client() -> Any:
    """A client for searches: `SearchedIndex` sends again, within its own limit of time."""
    return service.make_client(connect_seconds=_CONNECT_SECONDS, read_seconds=_READ_SECONDS, connections=_PARALLEL + 16)


@dataclass(frozen=True, eq=False)
class SearchedIndex:
    """Asks one index. Thread-safe.

    Attributes:
        bucket: name of the vector bucket.
        name: of the index.
        client: of botocore.
        pool: runs calls that need not wait for each other.
        late: runs tries that may take longer than there is time.
        seconds: for all calls of a request, with all their tries.
        clock, sleep: seconds; `jitter`: a random number from 0 to 1.
    """

    bucket: str
    name: str
    client: Any = field(repr=False)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_PARALLEL, thread_name_prefix="s3vectors"), repr=False
    )
    late: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_PARALLEL, thread_name_prefix="s3vectors-late"), repr=False
    )
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def until(self) -> float:
        """When the calls of the present request must have ended, by `clock`.

        Outside of requests, each call has its own time. Only the thread of a request knows it; others must be told.
        """
        return deadline(self.clock, self.seconds)

    def query(self, arguments: Mapping[str, Any], until: float | None = None) -> dict[str, Any]:
        """The answer of QueryVectors to these arguments.

        Args:
            arguments: but for the names.
            until: when all tries must have ended; None: as the method `until` says.

        Raises:
            ExpiredPageError: the arguments have a token that the service refuses.
            SearchUnavailableError: it does not answer in time, or refuses.
        """
        end = self.until() if until is None else until
        return self._call("QueryVectors", self.client.query_vectors, arguments, end)

    def get(self, keys: Collection[str], *, vectors: bool) -> dict[str, dict[str, Any]]:
        """What is stored under these keys, by key, in their order. Unknown keys are left out.

        Args:
            keys: each once.
            vectors: whether with `data`, beside `metadata`.

        Raises:
            SearchUnavailableError: the service does not answer, or refuses.
        """
        possible = [key for key in keys if 0 < len(key) <= MOST_KEY_CHARACTERS]
        until = self.until()
        batches = [possible[start : start + MOST_GOT] for start in range(0, len(possible), MOST_GOT)]

        def got(batch: list[str]) -> list[dict[str, Any]]:
            arguments = {"keys": batch, "returnData": vectors, "returnMetadata": True}
            found: list[dict[str, Any]] = self._call("GetVectors", self.client.get_vectors, arguments, until)["vectors"]
            return found

        answers = self.pool.map(got, batches) if len(batches) > 1 else map(got, batches)
        found = {vector["key"]: vector for answer in answers for vector in answer}
        return {key: found[key] for key in possible if key in found}

    def check(self) -> None:
        """Check that the index exists and may be read. A service that is busy is no reason not to load a release.

        Raises:
            MissingIndexError, ForbiddenIndexError: it does not, or may not.
        """
        try:
            self._call("GetVectors", self.client.get_vectors, {"keys": [_PROBE]}, None)
        except (MissingIndexError, ForbiddenIndexError):
            raise
        except SearchUnavailableError as exc:
            log.warning("index %s of vector bucket %s could not be checked: %s", self.name, self.bucket, exc)

    def _call(
        self, action: str, send: Callable[..., dict[str, Any]], arguments: Mapping[str, Any], until: float | None
    ) -> dict[str, Any]:
        """Send a request until it is answered or the time is over: back-off with full jitter.

        `until`: None: it is sent once. See "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015).
        """
        from botocore.exceptions import BotoCoreError, ClientError

        pause, longest = _FIRST_PAUSE, 0.0
        while True:
            sent = self.clock()
            try:
                return self._sent(action, send, arguments, math.inf if until is None else until - sent)
            except (ClientError, BotoCoreError, UnreadableAnswerError) as exc:
                longest = max(longest, self.clock() - sent)
                wait = pause * self.jitter()
                # A try that would end too late, if it took as long as the longest one so far, is not begun.
                over = until is None or self.clock() + wait + longest > until
                if over or not _passes(exc):
                    raise self._failure(action, exc, arguments) from exc
                log.debug("%s is sent again in %.2f s: %s", action, wait, exc)
                if service.status_of(exc) in _THROTTLED:
                    calls.throttled(action, self.name, service.reason_of(exc))
            self.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _sent(
        self, action: str, send: Callable[..., dict[str, Any]], arguments: Mapping[str, Any], left: float
    ) -> dict[str, Any]:
        """The answer to one try, which may take so many seconds."""
        names = {"vectorBucketName": self.bucket, "indexName": self.name}
        if left >= _LONGEST_TRY:
            return _read(send, **names, **arguments)
        try:
            if left > 0:  # another thread waits for it, because the client's own limit comes too late
                return self.late.submit(_read, send, **names, **arguments).result(left)
        except TimeoutError:
            pass
        calls.failed(action, self.name, "TooLate")
        log.warning("a request was given up after %.1f s in all; it waited for s3vectors:%s", self.seconds, action)
        raise SearchUnavailableError("S3 Vectors takes too long for the search")

    def _failure(self, action: str, exc: Exception, arguments: Mapping[str, Any]) -> SearchUnavailableError:
        """What a failure means: in the log with all names, in the answer without."""
        status, where = service.status_of(exc), f"index {self.name} of vector bucket {self.bucket}"
        expired = status == 400 and "nextToken" in arguments
        if not expired:  # the query is sent again
            calls.failed(action, self.name, service.reason_of(exc))
        if status == 404:
            log.error("%s does not exist; load it with scripts/vectors load: %s", where, exc)
            return MissingIndexError("the index of S3 Vectors is not loaded")
        if status == 403:
            also = " Metadata, filters and words also need s3vectors:GetVectors." if action == "QueryVectors" else ""
            log.error("no right to s3vectors:%s on %s: %s.%s", action, where, exc, also)
            return ForbiddenIndexError("S3 Vectors refuses the search; the log names the missing right")
        if expired:
            return ExpiredPageError("the search took too long between two of its pages")
        if _passes(exc):
            log.warning("s3vectors:%s on %s failed after all its tries: %s", action, where, exc)
            return SearchUnavailableError("S3 Vectors does not answer, or is too busy")
        log.error("s3vectors:%s on %s was refused: %s", action, where, exc)
        return SearchUnavailableError("S3 Vectors refuses the search; the log says why")


def _read(send: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
    """Send a request; the answer, which has a list of vectors."""
    from botocore.parsers import ResponseParserError

    try:
        answer = send(**arguments)
        vectors = answer["vectors"]
    except (ResponseParserError, KeyError, AttributeError, TypeError) as exc:  # as botocore fails on other JSON
        raise UnreadableAnswerError(f"the answer has no vectors: {exc!r}") from exc
    needed = {"key", "distance"} if arguments.get("returnDistance") else {"key"}
    if any(not needed <= vector.keys() for vector in vectors):
        raise UnreadableAnswerError(f"the answer has vectors without {' or '.join(sorted(needed))}")
    return answer


def _passes(error: Exception) -> bool:
    return isinstance(error, UnreadableAnswerError) or service.passes(error)
