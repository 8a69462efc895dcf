"""The S3 client, and its errors as the store's own.

Botocore's client alone: boto3 adds 0.1 s to a cold start and nothing that serving calls. It is imported at the first
use: what never speaks to S3 does not pay for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lambda_app.errors import MissingObjectError, StoreError

_ABSENT = {"404", "NoSuchKey", "NotFound"}


class Patience(NamedTuple):
    """How long a client waits: seconds to connect, seconds between two bytes, attempts in all."""

    connect: int
    read: int
    attempts: int


def make_client(patience: Patience, connections: int) -> Any:
    """An S3 client with the environment's credentials and region, for so many requests at once."""
    from botocore.config import Config
    from botocore.session import Session

    config = Config(
        max_pool_connections=connections,
        connect_timeout=patience.connect,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        signature_version="s3v4",
    )
    return Session().create_client("s3", config=config)


def upload_file(client: Any, source: Path, bucket: str, key: str) -> None:
    """Put a file, a large one in parallel parts."""
    from s3transfer.manager import TransferManager

    with TransferManager(client) as manager:
        manager.upload(str(source), bucket, key).result()


def download_file(client: Any, bucket: str, key: str, target: Path) -> None:
    """Get a file, a large one in parallel parts; `target` appears when it is whole.

    Raises:
        StoreError: the connection broke too often.
    """
    from s3transfer.exceptions import RetriesExceededError
    from s3transfer.manager import TransferManager

    with TransferManager(client) as manager:
        try:
            manager.download(bucket, key, str(target)).result()
        except RetriesExceededError as exc:
            raise StoreError(f"{key}: {exc}") from exc


@contextmanager
def store_errors(key: str, store: object) -> Iterator[None]:
    """Turn what the client raises while it works on `key` into the store's errors.

    Raises:
        MissingObjectError: no such object.
        StoreError: anything else.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        if code in _ABSENT:
            raise MissingObjectError(f"{store} holds no {key}") from exc
        raise StoreError(f"{key} of {store}: {exc}") from exc
    except (BotoCoreError, HTTPClientError) as exc:
        raise StoreError(f"{key} of {store}: {exc}") from exc
