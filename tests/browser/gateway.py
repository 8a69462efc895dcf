"""What API Gateway's JWT authorizer does before a request reaches the application, for the tests."""

from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cdk.serving.api import IMAGES, OPEN_PATHS


class JwtGateway:
    """Answers 401 unless a request has a valid token of the issuer, or its path is open in the stack's template.

    Attributes:
        audience: whom the tokens must be for.
        refused: tokens that are refused although they are valid, as if they had expired.
        accepted: the tokens of the requests that were let through, in order.
    """

    def __init__(self, app: ASGIApp, issuer: str, audience: str) -> None:
        """Wrap an application. Reads the issuer's keys once; API Gateway keeps them too."""
        self._app, self._issuer = app, issuer
        self.audience = audience
        self._keys = KeySet.import_key_set(requests.get(f"{issuer}/jwks", timeout=10).json())
        self.refused: set[str] = set()
        self.accepted: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        token = Headers(scope=scope).get("authorization", "").removeprefix("Bearer ")
        if not self._is_open(scope["path"]):
            if token in self.refused or not self._is_valid(token):
                await JSONResponse({"message": "Unauthorized"}, 401)(scope, receive, send)
                return
            self.accepted.append(token)
        await self._app(scope, receive, send)

    @staticmethod
    def _is_open(path: str) -> bool:
        prefixes = tuple(one.removesuffix("{proxy+}") for one in (*OPEN_PATHS, IMAGES) if one.endswith("{proxy+}"))
        return path in OPEN_PATHS or path.startswith(prefixes)

    def _is_valid(self, token: str) -> bool:
        """As API Gateway: RS256, issuer, expiry; `aud`, or without one `client_id`, is the audience."""
        try:
            claims: dict[str, Any] = jwt.decode(token, self._keys, algorithms=["RS256"]).claims
            jwt.JWTClaimsRegistry(iss={"essential": True, "value": self._issuer}, exp={"essential": True}).validate(
                claims
            )
        except (JoseError, ValueError):
            return False
        audience = claims.get("aud", claims.get("client_id"))
        return self.audience in (audience if isinstance(audience, list) else [audience])
