"""Why a photo was not downloaded."""

from typing import Literal, get_args

Reason = Literal[
    "bad_url",
    "not_https",
    "refused_port",
    "private_address",
    "no_such_host",
    "no_connection",
    "tls_error",
    "too_many_redirects",
    "http_status",
    "throttled",
    "too_slow",
    "too_large",
    "truncated",
    "bad_answer",
    "not_a_photo",
    "host_down",
    "too_many_photos",
    "too_many_bytes",
    "out_of_time",
]
REASONS: tuple[Reason, ...] = get_args(Reason)
# Another attempt may succeed.
PASSING: frozenset[Reason] = frozenset({"no_such_host", "no_connection", "throttled", "too_slow", "truncated"})
# The host did not serve the request. It gets a pause, and after many of these in a row it is not asked again.
UNSERVED: frozenset[Reason] = frozenset({"no_such_host", "no_connection", "tls_error", "throttled", "too_slow"})
# What people can do, for the reasons at which the name of the reason does not say it.
HINTS: dict[str, str] = {
    "not_https": "not_https: only https URLs are downloaded; --http-as-https asks for http URLs by https",
    "private_address": "private_address: only public addresses are asked, so a server on this machine or in a private "
    "network cannot be; copy its photos into a data folder instead",
}


class FetchFailedError(Exception):
    """One attempt to download one photo failed.

    Attributes:
        reason: for the table of failures, and for counting.
        detail: for people; holds no user name, password or query string of a URL.
        status: HTTP status of the answer; None if there was none.
        passing: whether another attempt may succeed.
        wait: seconds that the server asked to wait (`Retry-After`); None if it did not.
    """

    def __init__(self, reason: Reason, detail: str, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.status = status
        self.passing = reason in PASSING or (reason == "http_status" and status is not None and status >= 500)
        self.wait = wait
