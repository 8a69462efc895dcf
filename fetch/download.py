"""One attempt to download one photo: redirects, the answer's status, its body."""

import hashlib
import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from fetch.connections import Connection, Connections
from fetch.failure import FetchFailedError, Reason
from fetch.settings import MIB, FetchSettings
from fetch.urls import Target, parse_url
from lambda_app.photo.kinds import media_type
from lambda_app.version import VERSION

MOST_REDIRECTS = 5
CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_HEADERS = {
    "User-Agent": f"Lookalike/{VERSION} (scripts/fetch)",
    # Some hosts convert photos to what the client accepts.
    "Accept": "image/jpeg, image/png, image/webp, image/avif, image/*;q=0.5",
    # A compressed answer could grow without limit when it is unpacked, and photos do not get smaller.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True)
class Downloaded:
    """A photo that was downloaded: its bytes, their SHA-256 in hex, its media type by its first bytes."""

    data: bytes
    sha256: str
    content_type: str


class Allowance:
    """Bytes that the run may still download. Thread-safe."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._left = total
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        """Count bytes that arrived.

        Raises:
            FetchFailedError: `too_many_bytes`, if there was not enough left.
        """
        with self._lock:
            self._left -= count
        self.check(0)

    def check(self, needed: int = 1) -> None:
        """Check that so many bytes are left.

        Raises:
            FetchFailedError: `too_many_bytes`.
        """
        if self._left < needed:
            raise FetchFailedError("too_many_bytes", f"the run has downloaded {self.total:,} bytes, its limit")


class Downloader:
    """Downloads photos; several threads may use it at once."""

    def __init__(self, settings: FetchSettings, connections: Connections, *, http_as_https: bool = False) -> None:
        self._settings = settings
        self._connections = connections
        self._allowance = Allowance(settings.total_bytes)
        self._http_as_https = http_as_https

    def target(self, url: str) -> Target:
        """What to ask for a URL: see `parse_url`."""
        return parse_url(url, self._settings.extra_port, self._http_as_https)

    def download(self, url: str) -> Downloaded:
        """Make one attempt, following redirects; each hop is checked like the first URL.

        Raises:
            FetchFailedError: the attempt failed.
        """
        self._allowance.check()
        deadline = time.monotonic() + self._settings.photo_seconds
        for _ in range(MOST_REDIRECTS + 1):
            with self._answer(self.target(url), deadline) as answer:
                if answer.status not in _REDIRECTS:
                    return self._read(answer)
                url = _next_hop(url, answer)
                self._allowance.spend(len(answer.read(CHUNK)))  # a short body is read, so that the connection is kept
        raise FetchFailedError("too_many_redirects", f"more than {MOST_REDIRECTS} redirects")

    @contextmanager
    def _answer(self, target: Target, deadline: float) -> Iterator[http.client.HTTPResponse]:
        """Ask, and turn the errors of the connection into failures; afterwards keep the connection or drop it."""
        connection: Connection | None = None
        answer: http.client.HTTPResponse | None = None
        try:
            connection, answer = self._asked(target, deadline)
            yield answer
        except TimeoutError as exc:
            raise FetchFailedError("too_slow", "the answer took too long") from exc
        except http.client.IncompleteRead as exc:
            raise FetchFailedError("truncated", "the answer ended early") from exc
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError) as exc:
            reason: Reason = "no_connection" if answer is None else "truncated"
            raise FetchFailedError(reason, f"{target.host} ended the connection") from exc
        except http.client.HTTPException as exc:
            raise FetchFailedError("bad_answer", f"the answer is not HTTP: {type(exc).__name__}") from exc
        except OSError as exc:
            raise FetchFailedError("no_connection", f"the connection to {target.host} broke: {exc}") from exc
        finally:
            if connection:
                finished = answer is not None and answer.isclosed() and not answer.will_close
                (self._connections.keep if finished else self._connections.drop)(connection)

    def _asked(self, target: Target, deadline: float) -> tuple[Connection, http.client.HTTPResponse]:
        """Ask on an idle connection, or on a new one if there is none or the server has closed it meanwhile."""
        idle = self._connections.take(target)
        if idle:
            try:
                return idle, self._ask(idle, target, deadline)
            except (ConnectionError, ssl.SSLError):
                pass
        opened = self._connections.open(target, deadline)
        return opened, self._ask(opened, target, deadline)

    def _ask(self, connection: Connection, target: Target, deadline: float) -> http.client.HTTPResponse:
        try:
            return connection.ask(target, _HEADERS, deadline)
        except BaseException:
            self._connections.drop(connection)
            raise

    def _read(self, answer: http.client.HTTPResponse) -> Downloaded:
        declared = self._checked_head(answer)
        chunks: list[bytes] = []
        digest, count, content_type = hashlib.sha256(), 0, ""
        while chunk := answer.read(CHUNK):
            count += len(chunk)
            self._check_length(count)
            self._allowance.spend(len(chunk))
            content_type = content_type or _photo_type(chunk, answer)
            digest.update(chunk)
            chunks.append(chunk)
        if declared is not None and count != declared:
            raise FetchFailedError("truncated", f"{count:,} of {declared:,} bytes arrived", answer.status)
        if not count:
            raise FetchFailedError("not_a_photo", "the answer is empty", answer.status)
        return Downloaded(b"".join(chunks), digest.hexdigest(), content_type)

    def _checked_head(self, answer: http.client.HTTPResponse) -> int | None:
        """Check status and headers; the declared length of the body, if there is one."""
        status = answer.status
        if status in _BUSY:
            wait = retry_after(answer.getheader("Retry-After", ""))
            raise FetchFailedError("throttled", f"the host is busy (status {status})", status, wait)
        if status != 200:
            raise FetchFailedError("http_status", f"status {status}", status)
        encoding = answer.getheader("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise FetchFailedError("bad_answer", f"the answer has the content encoding {encoding[:40]!r}", status)
        if answer.length is not None:
            self._check_length(answer.length)
        return answer.length

    def _check_length(self, count: int) -> None:
        limit = self._settings.photo_bytes
        if count > limit:
            raise FetchFailedError(
                "too_large", f"the photo has {count:,} bytes or more; the limit is {limit / MIB:g} MiB"
            )


def retry_after(text: str) -> float | None:
    """The seconds of a `Retry-After` header, which holds seconds or a date (RFC 9110); None if it is neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _next_hop(url: str, answer: http.client.HTTPResponse) -> str:
    """The absolute URL that a redirect names.

    Raises:
        FetchFailedError: `bad_url`.
    """
    # http.client reads headers as Latin-1; servers that do not encode the location write UTF-8.
    location = answer.getheader("Location", "").encode("latin-1").decode("utf-8", "replace").strip()
    if not location:
        raise FetchFailedError("bad_answer", "the redirect names no location", answer.status)
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise FetchFailedError("bad_url", "the redirect names a malformed URL", answer.status) from exc


def _photo_type(start: bytes, answer: http.client.HTTPResponse) -> str:
    """The media type by the first bytes.

    Raises:
        FetchFailedError: `not_a_photo`.
    """
    found = media_type(start)
    if found is None:
        declared = ascii(answer.getheader("Content-Type", "nothing"))[1:60].rstrip("'")
        raise FetchFailedError(
            "not_a_photo", f"the bytes are no photo of a supported format; declared as {declared}", answer.status
        )
    return found
