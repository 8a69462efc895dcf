"""Operations on a release archive: publish it with its photos, drop it for the promoter, read the outcome of a drop."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.promotion import Promotion, located, manifest_key, promote_unpacked
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.release.archive import unpack
from lambda_app.release.catalog import Catalog
from lambda_app.release.photo_key import is_photo_key
from lambda_app.settings import Settings
from lambda_app.store.contract import DROPS, REJECTED, Store

_PARALLEL = 16


@dataclass(frozen=True)
class PhotoUpload:
    """How many photos of a catalog were copied, were already in the store, or were not found anywhere."""

    copied: int
    present: int
    missing: int


@dataclass(frozen=True)
class Drop:
    """An archive that was copied to drops/, where the promoter finds it.

    Attributes:
        key: key of the archive in the store.
        release: id of the release in it.
        created_at: when that release was made.
        earlier_rejection: the rejection note of an earlier drop with the same name, to tell a new note from an old one.
    """

    key: str
    release: str
    created_at: datetime
    earlier_rejection: bytes | None


def publish(store: Store, archive: Path, photos: Path | None, settings: Settings) -> tuple[Promotion, PhotoUpload]:
    """Copy the catalog photos that the store lacks, then promote the archive.

    Photos are copied first, so that clients can load them as soon as the release is live.

    Raises:
        ReleaseError: the archive is refused; `rejected/<archive>.json` in the store has the reason.
    """
    drop = DROPS + archive.name
    try:
        with scratch_folder("publish") as scratch:
            manifest = unpack(archive, scratch)
            upload = upload_photos(store, located(store, scratch, manifest.catalog), photos)
            promotion = promote_unpacked(store, scratch, manifest, settings)
    except ReleaseError as exc:
        reject(store, drop, exc)
        raise
    store.delete(rejection_key(drop))
    return promotion, upload


def drop(store: Store, archive: Path, photos: Path | None) -> tuple[Drop, PhotoUpload]:
    """Copy the catalog photos that the store lacks, then copy the archive to drops/, which triggers the promoter.

    Raises:
        ReleaseError: the archive cannot be read.
        StoreError: a photo or the archive cannot be copied.
    """
    with scratch_folder("publish") as scratch:
        manifest = unpack(archive, scratch)
        upload = upload_photos(store, located(store, scratch, manifest.catalog), photos)
    key = DROPS + archive.name
    dropped = Drop(key, manifest.release, manifest.created_at, _rejection(store, key))
    store.upload(key, archive)
    return dropped, upload


def outcome(store: Store, dropped: Drop) -> Promotion | None:
    """The promoter's outcome for a drop; None if the promoter has not finished.

    Raises:
        RefusedReleaseError: the promoter refused the drop; the message has the reason.
    """
    note = _rejection(store, dropped.key)
    if note is not None and note != dropped.earlier_rejection:
        raise RefusedReleaseError(f"{dropped.key} was refused: {json.loads(note)['reason']}")
    try:
        live = store.read_pointer()
    except MissingObjectError:
        return None
    if live is None or not store.exists(manifest_key(dropped.release)):
        return None
    if live.pointer.release == dropped.release:
        return Promotion(dropped.release, "live", f"{dropped.release} is live")
    if live.pointer.high_water >= dropped.created_at:
        detail = (
            f"{dropped.release} is stored but not live, because a later release was promoted; "
            f"live is {live.pointer.release}"
        )
        return Promotion(dropped.release, "superseded", detail)
    return None


def upload_photos(store: Store, catalog_file: Path, photos: Path | None) -> PhotoUpload:
    """Copy the photos of a catalog that the store lacks.

    Args:
        store: the store to copy to.
        catalog_file: the catalog.
        photos: the data folder. The photo with key `datasets/<name>/<path>` is the file <path> in it. None: copy
            nothing, only count.

    Raises:
        ReleaseError: the folder `photos` does not exist, or the catalog cannot be read.
    """
    if photos is not None and not photos.is_dir():
        raise ReleaseError(f"the photo folder {photos} does not exist")
    catalog = Catalog(catalog_file)
    try:
        keys = list(_photo_keys(catalog))
    finally:
        catalog.close()
    # List each dataset once, instead of sending one request per photo.
    folders = {"/".join(key.split("/")[:2]) + "/" for key in keys}
    present = {key for folder in folders for key in store.keys(folder)}
    to_copy = [(key, source) for key in keys if key not in present and (source := _source(key, photos)) is not None]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        for copied in [pool.submit(store.upload, key, source) for key, source in to_copy]:
            copied.result()
    found = sum(key in present for key in keys)
    return PhotoUpload(copied=len(to_copy), present=found, missing=len(keys) - found - len(to_copy))


def reject(store: Store, drop: str, reason: Exception) -> None:
    """Write the reason why a drop was refused to the store, as a rejection note."""
    note = {"drop": drop, "reason": str(reason), "rejected_at": datetime.now(UTC).isoformat()}
    store.write(rejection_key(drop), json.dumps(note, indent=1).encode())


def rejection_key(drop: str) -> str:
    """Key of the rejection note of a drop: `rejected/<drop>.json`."""
    return f"{REJECTED}{drop.removeprefix(DROPS)}.json"


def _photo_keys(catalog: Catalog, batch: int = 1000) -> Iterator[str]:
    for start in range(0, catalog.count, batch):
        for item in catalog.items(range(start, min(start + batch, catalog.count))):
            if not is_photo_key(item.photo):
                raise ReleaseError(
                    f"the catalog names photo {item.photo[:80]!r}; a photo has a key datasets/<name>/<path>"
                )
            yield item.photo


def _source(key: str, photos: Path | None) -> Path | None:
    """The file of a catalog photo in the data folder: `photos/x.jpg` for `datasets/<name>/photos/x.jpg`."""
    relative = PurePosixPath(*PurePosixPath(key).parts[2:])
    if photos is None or ".." in relative.parts or not (photos / relative).is_file():
        return None
    return photos / relative


def _rejection(store: Store, key: str) -> bytes | None:
    try:
        return store.read(rejection_key(key))
    except MissingObjectError:
        return None
