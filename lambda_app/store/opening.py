"""Opens the store at an address."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from lambda_app.errors import SettingsError
from lambda_app.store.contract import OBJECTS, POINTER, RELEASES, Store
from lambda_app.store.folder import FolderStore


def existing_store(url: str) -> Store:
    """As `open_store`, but a folder must be a store already, so that a mistyped path does not become one.

    Raises:
        SettingsError: the folder does not exist, or contains no pointer, objects or releases.
    """
    store = open_store(url)
    if isinstance(store, FolderStore) and not any((store.root / key).exists() for key in (POINTER, OBJECTS, RELEASES)):
        found = "the folder contains no release" if store.root.is_dir() else "the folder does not exist"
        if store.root.is_file():
            raise SettingsError(f"{store} is not a store: it is a file, and a store is a folder")
        raise SettingsError(
            f"{store} is not a store: {found}. If the path is correct, create the store with scripts/publish --create"
        )
    return store


def open_store(url: str, photos_url: str = "") -> Store:
    """The store at `s3://bucket[/prefix]`, a folder path or a `file://` URL.

    Args:
        photos_url: public address of the bucket's photos; empty: clients get presigned URLs. A folder has none.

    Raises:
        SettingsError: the address has another scheme, no bucket name, or a prefix that no key can have.
    """
    scheme, separator, rest = url.partition("://")
    if not separator and url.startswith("s3:"):
        raise SettingsError(f"the store {url!r} lacks a slash; write s3://bucket[/prefix]")
    if not separator or scheme == "file":
        return FolderStore(Path(unquote(urlsplit(url).path) if separator else url))
    if scheme != "s3":
        raise SettingsError(f"the store {url!r} has scheme {scheme!r}; a store is s3://bucket[/prefix] or a folder")
    bucket, _, prefix = rest.partition("/")
    if not bucket:
        raise SettingsError(f"the store {url!r} names no bucket; expected s3://bucket[/prefix]")
    # Imported here, so that a folder store does not load the S3 client.
    from lambda_app.store.bucket import S3Store
    from lambda_app.store.fronted import FrontedStore

    if any(part in ("", ".", "..") for part in prefix.strip("/").split("/")) and prefix.strip("/"):
        raise SettingsError(f"the store {url!r} has a prefix with an empty part, '.' or '..'")
    return FrontedStore(bucket, prefix, photos_url=photos_url) if photos_url else S3Store(bucket, prefix)
