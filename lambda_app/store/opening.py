"""Opens the store at an address."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from lambda_app.errors import SettingsError
from lambda_app.store.contract import Store
from lambda_app.store.folder import FolderStore


def open_store(url: str) -> Store:
    """The store at `s3://bucket[/prefix]`, a folder path or a `file://` URL.

    Raises:
        SettingsError: the address has another scheme, or no bucket name.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        return FolderStore(Path(unquote(urlsplit(url).path) if separator else url))
    if scheme != "s3":
        raise SettingsError(f"the store {url!r} has scheme {scheme!r}; a store is s3://bucket[/prefix] or a folder")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise SettingsError(f"the store {url!r} names no bucket; expected s3://bucket[/prefix]")
    # Imported here, so that a folder store does not load the S3 client.
    from lambda_app.store.bucket import S3Store

    return S3Store(bucket, prefix)
