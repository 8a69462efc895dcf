"""The client of Amazon S3 Vectors, and what its errors say. Searches and loads share it."""

from typing import Any

from lambda_app.settings import aws_region

_PASSING = (408, 429)


def make_client(*, connect_seconds: float, read_seconds: float, connections: int, checked: bool = True) -> Any:
    """A client of botocore, with the credentials, region and endpoint that it finds.

    It imports botocore and reads the model of the service, which takes a tenth of a second or two. It sends a request
    once: who uses it decides whether it is sent again.

    Args:
        connect_seconds, read_seconds: limits of one try.
        connections: that are kept open.
        checked: whether requests are validated. That looks at every value of every vector.
    """
    from botocore.config import Config
    from botocore.session import Session

    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        max_pool_connections=connections,
        parameter_validation=checked,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
    )
    return Session().create_client("s3vectors", aws_region(), config=config)


def passes(error: Exception) -> bool:
    """Whether the reason of a failure may pass: throttling, a timeout, a fault of the service or of the connection."""
    from botocore.exceptions import ClientError, HTTPClientError

    if isinstance(error, ClientError):
        status = status_of(error)
        return status in _PASSING or status >= 500
    return isinstance(error, HTTPClientError)


def status_of(error: Exception) -> int:
    """The status of the service's answer; 0 if there was none."""
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def reason_of(error: Exception) -> str:
    """The error code of the service, or the name of an error of the connection."""
    return str(_response(error).get("Error", {}).get("Code") or type(error).__name__)


def _response(error: Exception) -> dict[str, Any]:
    # Errors of the connection have the attribute too, but it is None.
    return getattr(error, "response", None) or {}
