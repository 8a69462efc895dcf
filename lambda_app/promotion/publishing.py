"""Operations on a release archive: publish it with its photos, drop it for the promoter, read the outcome of a drop."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from lambda_app.catalogue.beginning import comes_from
from lambda_app.errors import MissingObjectError, RefusedReleaseError, ReleaseError
from lambda_app.promotion.drop_names import check_name, rejection_key
from lambda_app.promotion.promotion import Promotion, promote_unpacked
from lambda_app.promotion.refusal import refusing
from lambda_app.promotion.scratch import scratch_folder
from lambda_app.promotion.stored import located, manifest_key
from lambda_app.promotion.succession import Clock, is_newer, utc_now
from lambda_app.promotion.words import is_live
from lambda_app.release.archive import unpack
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import Manifest
from lambda_app.release.photo_key import is_photo_key
from lambda_app.settings import Settings
from lambda_app.store.contract import DROPS, Store

_PARALLEL = 16
_MOST_WORDS = 2000


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


def publish(
    store: Store,
    archive: Path,
    photos: Path | None,
    settings: Settings,
    now: Clock = utc_now,
    *,
    force: bool = False,
) -> tuple[Promotion, PhotoUpload]:
    """Copy the catalog photos that the store lacks, then promote the archive.

    Photos are copied first, so that clients can load them as soon as the release is live. With `force`, it goes live
    whatever the comparison with the live one says, as if its manifest said so.

    Raises:
        ReleaseError: the release is refused; `rejected/<archive>.json` in the store has the reason. If the archive's
            name is not one of an archive, if it cannot be unpacked, or if `photos` is no folder, nothing is written.
    """
    _check_paths(archive, photos)
    drop = DROPS + archive.name
    with scratch_folder("publish") as scratch:
        manifest = _unpacked(archive, scratch)
        try:
            upload = upload_photos(store, _catalogs(store, scratch, manifest), photos)
            promotion = promote_unpacked(store, scratch, manifest, settings, now, force)
        except ReleaseError as exc:
            reject(store, drop, exc)
            raise
    store.delete(rejection_key(drop))
    return promotion, upload


def drop(store: Store, archive: Path, photos: Path | None) -> tuple[Drop, PhotoUpload]:
    """Copy the catalog photos that the store lacks, then copy the archive to drops/, which triggers the promoter.

    Raises:
        ReleaseError: the promoter would not take the name, the archive cannot be unpacked, or `photos` is no folder;
            nothing is written.
        StoreError: a photo or the archive cannot be copied.
    """
    _check_paths(archive, photos)
    with scratch_folder("publish") as scratch:
        manifest = _unpacked(archive, scratch)
        upload = upload_photos(store, _catalogs(store, scratch, manifest), photos)
    key = DROPS + archive.name
    dropped = Drop(key, manifest.release, manifest.created_at, _rejection(store, key))
    store.upload(key, archive)
    return dropped, upload


def outcome(store: Store, dropped: Drop, now: Clock = utc_now) -> Promotion | None:
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
    if not is_newer(dropped.created_at, live, now()):
        if comes_from(store, live.pointer.release, dropped.release):
            return Promotion(dropped.release, "live", is_live(dropped.release, live.pointer.release))
        detail = (
            f"{dropped.release} is stored but not live, because a later release was promoted or an operator decided "
            f"since; live is {live.pointer.release}. To make it live anyway, use scripts/releases promote "
            f"{dropped.release}"
        )
        return Promotion(dropped.release, "superseded", detail)
    return None


def upload_photos(store: Store, catalog_files: Sequence[Path], photos: Path | None) -> PhotoUpload:
    """Copy the photos of catalogs that the store lacks.

    Args:
        store: the store to copy to.
        catalog_files: the catalogs of all segments.
        photos: the data folder. The photo with key `datasets/<name>/<path>` is the file <path> in it. None: copy
            nothing, only count.

    Raises:
        ReleaseError: a catalog cannot be read.
    """
    named: dict[str, None] = {}  # once, also if several segments name it
    for file in catalog_files:
        with refusing(file.name):
            named |= dict.fromkeys(_photo_keys(file))
    keys = list(named)
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
    note = {"drop": drop, "reason": str(reason)[:_MOST_WORDS], "rejected_at": datetime.now(UTC).isoformat()}
    store.write(rejection_key(drop), json.dumps(note, indent=1).encode())


def _catalogs(store: Store, folder: Path, manifest: Manifest) -> list[Path]:
    return [located(store, folder, segment.catalog) for segment in manifest.all_segments]


def _check_paths(archive: Path, photos: Path | None) -> None:
    check_name(archive.name)
    if not archive.is_file():
        raise ReleaseError(f"the archive {archive} does not exist")
    if photos is not None and not photos.is_dir():
        raise ReleaseError(f"the photo folder {photos} does not exist")


def _unpacked(archive: Path, into: Path) -> Manifest:
    with refusing(archive.name):
        return unpack(archive, into)


def _photo_keys(catalog_file: Path, batch: int = 1000) -> list[str]:
    keys = []
    catalog = Catalog(catalog_file)
    try:
        for start in range(0, catalog.count, batch):
            for item in catalog.items(range(start, min(start + batch, catalog.count)), described=False):
                if not is_photo_key(item.photo):
                    raise ReleaseError(
                        f"the catalog names photo {item.photo[:80]!r}; a photo has a key datasets/<name>/<path>"
                    )
                keys.append(item.photo)
    finally:
        catalog.close()
    return keys


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
