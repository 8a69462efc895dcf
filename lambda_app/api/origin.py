"""Refuses requests that do not come through the front door, which adds a secret header to each request."""

import hmac
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from lambda_app.api.messages.problems import problem, problem_response

# CloudFront replaces this header if a client sends it, so only the front door and whoever knows the secret can set it.
ORIGIN_HEADER = "X-Lookalike-Origin"
REFUSAL = "this address takes requests of the front door only; use the public address of the service"


class OriginMiddleware:
    """Answers 403 on every route, preflights and the health check included, unless a request carries a secret."""

    def __init__(self, app: ASGIApp, secrets: Sequence[str]) -> None:
        """Wrap an ASGI application.

        Args:
            secrets: the header's valid values; more than one while the secret is replaced.
        """
        self._app = app
        self._secrets = tuple(secret.encode() for secret in secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or self._known(scope):
            await self._app(scope, receive, send)
            return
        await problem_response(problem(403, REFUSAL))(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        name = ORIGIN_HEADER.lower().encode()
        given = [value for header, value in scope["headers"] if header == name]
        if len(given) != 1:
            return False
        # A comparison takes the same time however many characters are right. The first valid value ends the search:
        # that tells only those who know it already.
        return any(hmac.compare_digest(given[0], secret) for secret in self._secrets)
