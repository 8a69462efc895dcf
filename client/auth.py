"""Who calls: a bearer token, or a signature with AWS credentials, on every request to one API."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from requests import PreparedRequest
from requests.auth import AuthBase

TOKEN_VARIABLE = "LOOKALIKE_TOKEN"  # noqa: S105
SERVICE = "execute-api"
_OF_GATEWAY = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")


class AuthError(ValueError):
    """There is no usable token, or no AWS credentials or region. The message is one line, for people."""


class Bearer(AuthBase):
    """Sends a token with each request to the API, and to nobody else."""

    def __init__(self, url: str, token: str) -> None:
        """Send `token` to the API at `url`."""
        self._origin = _origin(url)
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header. Photos lie at other addresses, which must not get the token."""
        if _origin(request.url) == self._origin:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Signature(AuthBase):
    """Signs each request to the API with AWS credentials (Signature Version 4), body included."""

    def __init__(self, url: str, credentials: Credentials, region: str) -> None:
        """Sign for the API at `url`, which is in `region`."""
        self._origin = _origin(url)
        self._credentials = credentials
        self._region = region

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the headers. A photo's own address is signed already, and a second signature would be refused."""
        if _origin(request.url) != self._origin:
            return request
        # A blank may be "+" in a query, but is "%20" in what AWS signs.
        request.url = "?".join(part.replace("+", "%20") if at else part for at, part in enumerate(_parts(request.url)))
        kept = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
        signed = AWSRequest(request.method, request.url, headers=kept, data=request.body or b"")
        SigV4Auth(self._credentials.get_frozen_credentials(), SERVICE, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--token`, `--sigv4` and `--region`, which `chosen_auth` reads."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--token",
        metavar="TOKEN|@FILE",
        help=f"send this bearer token, for auth=cognito and auth=jwt; default: ${TOKEN_VARIABLE}",
    )
    ways.add_argument("--sigv4", action="store_true", help="sign requests with AWS credentials, for auth=iam")
    parser.add_argument("--region", help="region of the API, for --sigv4; default: that of its URL, else AWS_REGION")


def chosen_auth(args: argparse.Namespace, environ: Mapping[str, str]) -> AuthBase | None:
    """The auth that the options of `add_options` choose for the API at `args.url`; None: none.

    Raises:
        AuthError: the token is not usable, or there are no AWS credentials or no region.
    """
    if args.sigv4:
        return aws_signature(args.url, args.region or "", environ.get("AWS_REGION", ""))
    token = args.token if args.token is not None else environ.get(TOKEN_VARIABLE)
    return Bearer(args.url, read_token(token)) if token is not None else None


def read_token(text: str) -> str:
    """A token, or with `@` before it the name of a file with one.

    Raises:
        AuthError: the file cannot be read, or this cannot be a token (RFC 6750, 2.1).
    """
    source = "the token"
    if text.startswith("@"):
        source = text[1:]
        try:
            text = Path(source).read_text(encoding="ascii", errors="replace")
        except OSError as exc:
            raise AuthError(f"{source}: {exc.strerror}") from exc
    token = text.strip().removeprefix("Bearer ")
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise AuthError(
            f"{source} is no bearer token: it has {len(token)} characters, and takes letters, digits and ._~+/-="
        )
    return token


def aws_signature(url: str, region: str = "", fallback: str = "") -> Signature:
    """Sign for the API at `url` with the AWS credentials of this machine.

    Args:
        region: of the API; empty: that in its URL, else `fallback`, else that of the AWS configuration.

    Raises:
        AuthError: there are no credentials, or no region.
    """
    session = botocore.session.get_session()
    try:
        credentials = session.get_credentials()
        found = _OF_GATEWAY.fullmatch(urlsplit(url).hostname or "")
        region = region or (found[1] if found else fallback) or session.get_config_variable("region")
    except BotoCoreError as exc:
        raise AuthError(f"no AWS credentials: {exc}") from exc
    if credentials is None:
        raise AuthError("there are no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not region:
        raise AuthError(f"{url} names no region; give --region")
    return Signature(url, credentials, region)


def _parts(url: str | None) -> list[str]:
    return (url or "").split("?", 1)


def _origin(url: str | None) -> tuple[str, str]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.netloc
