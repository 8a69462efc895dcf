"""S3 clients: obstore (object_store, in Rust) for objects, botocore for the rest. Maps their errors to store errors.

obstore creates a client in milliseconds and releases Python's GIL while it waits for S3, so a cold start can import
modules during a download. Creating a botocore client takes a quarter of a second. So botocore is imported only for what
obstore cannot do: find credentials and a region outside the environment, and sign POST forms for uploads.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from lambda_app.errors import MissingObjectError, StoreError
from lambda_app.settings import aws_region, names_aws_account

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

# Botocore refreshes credentials that expire within 10 minutes: what it returns is valid for at least that long.
_CREDENTIALS_VALID_FOR = timedelta(minutes=10)


class Timeouts(NamedTuple):
    """Timeouts of a client: seconds to connect, seconds to wait for the next bytes; and how often a request is sent."""

    connect: int
    read: int
    attempts: int


def find_account(config: "S3Config | None") -> dict[str, Any]:
    """Endpoint, credentials and region of the AWS account, as keyword arguments of obstore's `S3Store`.

    Args:
        config: these values, with obstore's key names. None: obstore reads them from the environment. If the
            environment lacks them, botocore looks for a profile, a container, an instance or a single sign-on; it may
            prompt for an MFA code.

    Raises:
        StoreError: there are no credentials, or they were refused.
    """
    if config is not None:
        return {"config": config}
    return {} if names_aws_account() else _botocore_account()


def _botocore_account() -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import Session

    session = Session()

    def current_credentials() -> "S3Credential":
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _CREDENTIALS_VALID_FOR,
        }

    try:
        region = aws_region() or session.get_config_variable("region")
        credentials = session.get_credentials()
        if credentials is None:
            raise StoreError(
                "no AWS credentials: the environment, profile, container or instance has none; set AWS_PROFILE"
            )
        current_credentials()  # any prompt for an MFA code appears now, not during a later request
    except EOFError as exc:
        raise StoreError("the AWS profile asks for an MFA code, and there is no terminal to ask on") from exc
    except (BotoCoreError, ClientError) as exc:
        raise StoreError(f"cannot get AWS credentials: {exc}") from exc
    return {"credential_provider": current_credentials, **({"region": region} if region else {})}


def open_bucket(name: str, prefix: str, timeouts: Timeouts, account: dict[str, Any]) -> Bucket:
    """A client of one bucket, which adds `prefix` to every key. No request is sent yet.

    Args:
        account: the result of `find_account`.
    """
    return Bucket(
        name,
        prefix=prefix or None,
        client_options={
            # For custom endpoints with an http:// address. The endpoints of AWS use https.
            "allow_http": True,
            "connect_timeout": timedelta(seconds=timeouts.connect),
            "read_timeout": timedelta(seconds=timeouts.read),
            # The default of obstore is 30 s for a whole request: too short for a large object on a slow connection.
            "timeout": timedelta(hours=1),
        },
        retry_config={"max_retries": timeouts.attempts - 1},
        # Objects are deleted one at a time, so a plain DELETE request is enough.
        disable_bulk_delete=True,
        **account,
    )


def post_client(config: "S3Config | None") -> Any:
    """A botocore S3 client, to sign POST forms for uploads: obstore can sign URLs only.

    By default, botocore signs for the endpoint of all regions. It redirects young buckets, which a browser's form does
    not follow, and knows no region opened after March 2019. So the form names the endpoint of the bucket's region.
    """
    client = _botocore_client(config, {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})
    # Another service than AWS, such as an emulator, may not answer under <bucket>.<host>.
    return client if ".amazonaws." in client.meta.endpoint_url else _botocore_client(config, {})


def _botocore_client(config: "S3Config | None", options: dict[str, str]) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    known = config or {}
    return Session().create_client(
        "s3",
        endpoint_url=known.get("endpoint"),
        region_name=known.get("region") or aws_region(),
        aws_access_key_id=known.get("access_key_id"),
        aws_secret_access_key=known.get("secret_access_key"),
        config=Config(signature_version="s3v4", s3=options),
    )


@contextmanager
def store_errors(key: str, store: object) -> Iterator[None]:
    """Convert obstore's exceptions about `key` to store errors.

    Raises:
        MissingObjectError: there is no such object.
        StoreError: any other failure.
    """
    try:
        yield
    except FileNotFoundError as exc:
        # A missing bucket is a deployment error. Do not report it as a missing object, which may still be written.
        if "NoSuchBucket" in str(exc):
            raise StoreError(f"{key} of {store}: {_reason(exc)}") from exc
        raise MissingObjectError(f"{store} holds no {key}") from exc
    except (BaseError, ValueError) as exc:  # ValueError: a key has an empty, `.` or `..` part
        raise StoreError(f"{key} of {store}: {_reason(exc)}") from exc


def _reason(error: Exception) -> str:
    """The message of an obstore error, on one line. Of its long debug dump, only the error's `kind` is kept."""
    text, _, dump = str(error).partition("\n\nDebug source:")
    kind = re.search(r"\bkind: (\w+)", dump)
    return " ".join(text.split()) + (f" ({kind[1]})" if kind else "")
