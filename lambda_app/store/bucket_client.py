"""A bucket as obstore sees it (object_store, in Rust), and its errors as the store's own.

obstore makes a client in milliseconds and waits for S3 without Python's lock, so that a cold start imports while it
fetches. Botocore, whose client alone costs a quarter of a second, is imported where obstore does not reach: for
credentials and regions that the environment does not name, and for the forms of presigned uploads.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.settings import names_aws_account

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

# Botocore renews what it hands out once less than 10 minutes are left of it.
_CREDENTIALS_LAST = timedelta(minutes=10)


class Patience(NamedTuple):
    """How long a client waits: seconds to connect, seconds between two bytes, attempts in all."""

    connect: int
    read: int
    attempts: int


def find_account(config: "S3Config | None") -> dict[str, Any]:
    """What a client is told of endpoint, credentials and region, as arguments of obstore's store.

    Args:
        config: by obstore's names; None: the environment's, else those of a profile, a container, an instance or a
            single sign-on, which botocore finds and may ask a person a code for.

    Raises:
        StoreError: there are no credentials, or they were refused.
    """
    if config is not None:
        return {"config": config}
    return {} if names_aws_account() else _found_by_botocore()


def _found_by_botocore() -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import Session

    session = Session()

    def current() -> "S3Credential":
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _CREDENTIALS_LAST,
        }

    try:
        region = session.get_config_variable("region")
        credentials = session.get_credentials()
        if credentials is None:
            raise StoreError("no AWS credentials: the environment, profile, container or instance has none")
        current()  # asks for a code here, not within a request
    except (BotoCoreError, ClientError) as exc:
        raise StoreError(f"AWS credentials cannot be had: {exc}") from exc
    return {"credential_provider": current, **({"region": region} if region else {})}


def open_bucket(name: str, prefix: str, patience: Patience, account: dict[str, Any]) -> Bucket:
    """A client of what lies under a prefix of a bucket, for what `find_account` gave; asks nothing of S3 yet."""
    return Bucket(
        name,
        prefix=prefix or None,
        client_options={
            # An endpoint decides by its scheme; S3's own is https.
            "allow_http": True,
            "connect_timeout": timedelta(seconds=patience.connect),
            "read_timeout": timedelta(seconds=patience.read),
            # obstore would end a large object after 30 s, however well its bytes flow.
            "timeout": timedelta(hours=1),
        },
        retry_config={"max_retries": patience.attempts - 1},
        # Single deletes need no form of request beyond the others'.
        disable_bulk_delete=True,
        **account,
    )


def post_client(config: "S3Config | None") -> Any:
    """Botocore's S3 client, which signs upload forms: obstore signs addresses alone."""
    from botocore.config import Config
    from botocore.session import Session

    known = config or {}
    return Session().create_client(
        "s3",
        endpoint_url=known.get("endpoint"),
        region_name=known.get("region"),
        aws_access_key_id=known.get("access_key_id"),
        aws_secret_access_key=known.get("secret_access_key"),
        config=Config(signature_version="s3v4"),
    )


@contextmanager
def store_errors(key: str, store: object) -> Iterator[None]:
    """Turn what obstore raises while it works on `key` into the store's errors.

    Raises:
        MissingObjectError: no such object.
        StoreError: anything else.
    """
    try:
        yield
    except FileNotFoundError as exc:
        # A bucket that is missing is a fault of the deployment, not an object that may come.
        if "NoSuchBucket" in str(exc):
            raise StoreError(f"{key} of {store}: {_reason(exc)}") from exc
        raise MissingObjectError(f"{store} holds no {key}") from exc
    except (BaseError, ValueError) as exc:  # a ValueError: object_store takes no empty, `.` or `..` part of a key
        raise StoreError(f"{key} of {store}: {_reason(exc)}") from exc


def _reason(error: Exception) -> str:
    """What obstore says of an error, on a line: not its dump of Rust's structures, but what that says of the kind."""
    text, _, dump = str(error).partition("\n\nDebug source:")
    kind = re.search(r"\bkind: (\w+)", dump)
    return " ".join(text.split()) + (f" ({kind[1]})" if kind else "")
