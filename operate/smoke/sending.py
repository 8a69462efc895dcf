"""Sends the requests of a check over HTTP."""

from collections.abc import Iterable, Mapping

import requests

from operate.smoke.messages import Answer, CheckFailedError, Request, Send
from operate.smoke.running import Outcome

# Seconds to connect, and for the answer. API Gateway waits 30 s for the function.
TIMEOUT = (5, 35)
CONFIG = "/config.json"
# What API Gateway answers if something is missing, and which option of scripts/smoke sends it.
_HINTS = {
    "401": "401: a token is missing or not valid: --token",
    "403": "403: a signature is missing or not valid, or its owner may not call this API: --sigv4",
}


def sender(url: str, session: requests.Session) -> Send:
    """Ask the service at `url` (with scheme). The session holds the auth that the service requires.

    Redirects are not followed: where a photo lies is another service's matter.
    """
    base = url.rstrip("/")

    def send(request: Request) -> Answer:
        headers: Mapping[str, str] = {"Content-Type": request.media_type} if request.media_type else {}
        try:
            got = session.request(
                request.method,
                base + request.path,
                data=request.body or None,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.Timeout as exc:
            raise CheckFailedError(f"no answer within {TIMEOUT[1]} s") from exc
        except requests.ConnectionError as exc:
            raise CheckFailedError(f"nothing answers at {base}") from exc
        except requests.RequestException as exc:
            raise CheckFailedError(f"{base} cannot be called: {exc}") from exc
        return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)

    return send


def who_may_call(send: Send) -> str:
    """What the service says at /config.json about its callers: none, iam, jwt or cognito.

    Raises:
        CheckFailedError: it does not answer, or says something else.
    """
    answer = send(Request("GET", CONFIG))
    if answer.status != 200:
        raise CheckFailedError(f"{CONFIG}: {answer.reason()}")
    return str(answer.json().get("auth"))


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """A line for each outcome: result, milliseconds, route, note. Ends with hints on what to do."""
    found = list(outcomes)
    width = max((len(one.route) for one in found), default=0)
    lines = [
        f"{'ok' if one.passed else 'FAILED':7}{_time(one):>8}  {one.route:{width}}  {_plain(one.note)}" for one in found
    ]
    statuses = {one.note[:3] for one in found if not one.passed}
    return [*lines, *(hint for status, hint in _HINTS.items() if status in statuses)]


def _time(outcome: Outcome) -> str:
    return f"{outcome.milliseconds:,.0f} ms" if outcome.milliseconds is not None else ""


def _plain(text: str) -> str:
    """Text without characters that control a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
