"""What people do with a release archive: publish it with its photos, drop it, ask what became of it."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.promotion import Promotion, located, manifest_key, promote_unpacked
from lambda_app.release.archive import unpack
from lambda_app.release.catalog import Catalog
from lambda_app.settings import Settings
from lambda_app.store.contract import DROPS, REJECTED, Store

_PARALLEL = 16


@dataclass(frozen=True)
class PhotoUpload:
    """How many photos of a catalog were copied, were there already, or were found nowhere."""

    copied: int
    present: int
    missing: int


@dataclass(frozen=True)
class Drop:
    """An archive that was put under drops/.

    Attributes:
        earlier_rejection: the note about an earlier drop of that name, which is not about this one.
    """

    key: str
    release: str
    created_at: datetime
    earlier_rejection: bytes | None


def publish(store: Store, archive: Path, photos: Path | None, settings: Settings) -> tuple[Promotion, PhotoUpload]:
    """Copy the photos that the store lacks, then promote the archive.

    Photos go first, so that the release's results have their photos from its first answer on.

    Raises:
        ReleaseError: the archive is refused; `rejected/<archive>.json` in the store says why.
    """
    drop = DROPS + archive.name
    try:
        with tempfile.TemporaryDirectory(prefix="lookalike-publish-") as scratch:
            manifest = unpack(archive, Path(scratch))
            upload = upload_photos(store, located(store, Path(scratch), manifest.catalog), photos)
            promotion = promote_unpacked(store, Path(scratch), manifest, settings)
    except ReleaseError as exc:
        reject(store, drop, exc)
        raise
    store.delete(rejection_key(drop))
    return promotion, upload


def drop(store: Store, archive: Path, photos: Path | None) -> tuple[Drop, PhotoUpload]:
    """Copy the photos that the store lacks, then put the archive under drops/, where the promoter takes it up.

    Raises:
        ReleaseError: the archive is not readable.
        StoreError: a photo or the archive cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="lookalike-publish-") as scratch:
        manifest = unpack(archive, Path(scratch))
        upload = upload_photos(store, located(store, Path(scratch), manifest.catalog), photos)
    key = DROPS + archive.name
    dropped = Drop(key, manifest.release, manifest.created_at, _rejection(store, key))
    store.upload(key, archive)
    return dropped, upload


def outcome(store: Store, dropped: Drop) -> Promotion | None:
    """What the promoter has made of a drop so far; None while it has not ended.

    Raises:
        RefusedReleaseError: it was refused; the message says why.
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
            f"{dropped.release} is stored but not live: live is {live.pointer.release}, and a later one was promoted"
        )
        return Promotion(dropped.release, "superseded", detail)
    return None


def upload_photos(store: Store, catalog_file: Path, photos: Path | None) -> PhotoUpload:
    """Copy the photos that a catalog names and the store lacks.

    Args:
        photos: the data folder that the catalog's photo keys are relative to, after `datasets/<name>/`.

    Raises:
        ReleaseError: `photos` is no folder, or the catalog is not readable.
    """
    if photos is not None and not photos.is_dir():
        raise ReleaseError(f"the photo folder {photos} does not exist")
    catalog = Catalog(catalog_file)
    try:
        keys = list(_photo_keys(catalog))
    finally:
        catalog.close()
    # One listing for each dataset instead of one question for each photo.
    folders = {"/".join(key.split("/")[:2]) + "/" for key in keys}
    present = {key for folder in folders for key in store.keys(folder)}
    lacking = [(key, source) for key in keys if key not in present and (source := _source(key, photos)) is not None]
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        for copied in [pool.submit(store.upload, key, source) for key, source in lacking]:
            copied.result()
    found = sum(key in present for key in keys)
    return PhotoUpload(copied=len(lacking), present=found, missing=len(keys) - found - len(lacking))


def reject(store: Store, drop: str, reason: Exception) -> None:
    """Leave word in the store of why a drop was refused."""
    note = {"drop": drop, "reason": str(reason), "rejected_at": datetime.now(UTC).isoformat()}
    store.write(rejection_key(drop), json.dumps(note, indent=1).encode())


def rejection_key(drop: str) -> str:
    """Where the note about a refused drop lies: `rejected/<drop>.json`."""
    return f"{REJECTED}{drop.removeprefix(DROPS)}.json"


def _photo_keys(catalog: Catalog, batch: int = 1000) -> Iterator[str]:
    for start in range(0, catalog.count, batch):
        for item in catalog.items(range(start, min(start + batch, catalog.count))):
            yield item.photo


def _source(key: str, photos: Path | None) -> Path | None:
    """Where a catalog photo lies in the data folder: `datasets/<name>/photos/x.jpg` at `photos/x.jpg`."""
    relative = PurePosixPath(*PurePosixPath(key).parts[2:])
    if photos is None or ".." in relative.parts or not (photos / relative).is_file():
        return None
    return photos / relative


def _rejection(store: Store, key: str) -> bytes | None:
    try:
        return store.read(rejection_key(key))
    except MissingObjectError:
        return None
