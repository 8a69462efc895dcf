"""Brings a store in a bucket back to a moment, from the versions that the bucket keeps for 30 days.

Nothing is deleted, and each key is written whole or not at all: what was deleted or overwritten since then is copied
from its old version. Releases and photos that are newer stay. `live.json` moves last, by a conditional write, after the
release has passed the same trial as a promotion. So the service goes on answering, and a restore can be repeated.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from lambda_app.errors import LookalikeError, ReleaseError
from lambda_app.promotion.stored import PRUNING, manifest_key
from lambda_app.release.manifest import Manifest, Pointer, read_manifest
from lambda_app.store.contract import CHANGES, OBJECTS, POINTER, RELEASES
from operate.versions import KeyHistory, Version, histories

DATASETS = "datasets/"
# Files before the manifests that name them: whoever sees a manifest finds its files.
ORDER = (OBJECTS, DATASETS, CHANGES, RELEASES)
# S3 keeps user metadata with an object. A copy of a large object has another ETag than its source.
MARK = "restored-version"
# S3 copies up to 5 GiB in one request.
_MOST_AT_ONCE = 5 << 30
_PARALLEL = 8  # botocore keeps ten connections
_BATCH = 1000


# Of an old version, by the life-cycle rule of the bucket (`cdk/storage.py`).
KEPT = timedelta(days=30)


class RestoreError(LookalikeError):
    """The store cannot be brought back, or not fully; the message says what is missing."""


@dataclass(frozen=True)
class Place:
    """A store in a bucket: a boto3 client, the name of the bucket, and the prefix of all keys."""

    s3: Any
    bucket: str
    prefix: str = ""

    def history(self, key: str) -> KeyHistory | None:
        """The versions of one key; None if it never existed."""
        found = histories(self.s3, self.bucket, self.prefix + key)
        return next((one for one in found if one.key == self.prefix + key), None)

    def read(self, key: str, version: str) -> bytes:
        """The bytes of a version."""
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)["Body"].read())


@dataclass(frozen=True)
class Restored:
    """What a restore did, or in a dry run would do.

    Attributes:
        copied: for each prefix of `ORDER`, the keys whose old version is current again.
        lost: keys that were there and whose content has expired.
        pointer: the release that is live again; None if `live.json` did not have to change.
    """

    copied: dict[str, list[str]]
    lost: list[str]
    pointer: str | None


def restore(
    place: Place, at: datetime, check: Callable[[Manifest], None], *, dry_run: bool = False, now: datetime | None = None
) -> Restored:
    """Bring the store back to what it was at a moment.

    Args:
        at: with a time zone.
        check: raises a LookalikeError if the release that was live then cannot answer; called after its files are back.
        dry_run: change nothing, and do not check.

    Raises:
        RestoreError: nothing was live at that moment, a file of that release has expired, or AWS refused a request.
            `live.json` is then as it was.
        LookalikeError: the check failed; `live.json` is as it was.
    """
    moment = now or datetime.now(UTC)
    if at > moment:
        raise RestoreError(f"{at.isoformat()} lies in the future; now it is {moment.isoformat(timespec='seconds')}")
    with _aws(place):
        known = place.history(POINTER)
        then = known.at(at) if known else None
        if known is None or then is None:
            raise RestoreError(f"nothing was live in s3://{place.bucket}/{place.prefix} at {at.isoformat()}")
        pointer = _pointer(place.read(POINTER, then.id))
        manifest = _manifest(place, pointer, at)
        copied, lost = _copy_all(place, at, dry_run)
        _check_files(place, manifest, at, lost)
        moves = _differs(place, known.now, pointer)
        if moves and not dry_run:
            check(manifest)
            _move(place, known.now, pointer, moment)
    return Restored(copied, lost, pointer.release if moves else None)


def _pointer(data: bytes) -> Pointer:
    try:
        return Pointer.model_validate_json(data)
    except ValidationError as exc:
        raise RestoreError(f"{POINTER} was damaged at that moment already; name an earlier one") from exc


def _manifest(place: Place, pointer: Pointer, at: datetime) -> Manifest:
    """The manifest of the release that was live."""
    known = place.history(manifest_key(pointer.release))
    version = known.at(at) if known else None
    if version is None:
        raise RestoreError(f"the bucket no longer has {manifest_key(pointer.release)}, which was live at that moment")
    try:
        return read_manifest(place.read(manifest_key(pointer.release), version.id))
    except ReleaseError as exc:
        raise RestoreError(f"{pointer.release}, which was live at that moment, cannot be read: {exc}") from exc


def _copy_all(place: Place, at: datetime, dry_run: bool) -> tuple[dict[str, list[str]], list[str]]:
    """Copy what differs, prefix by prefix. Returns the copied keys of each prefix, and the lost keys."""
    copied: dict[str, list[str]] = {}
    lost: list[str] = []
    for prefix in ORDER:
        copied[prefix] = []
        for batch in _batches(_of_the_store(place, prefix)):
            lost += [one.key.removeprefix(place.prefix) for one in batch if one.now is None and one.lost(at)]
            with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
                done = pool.map(lambda one: _bring_back(place, one, at, dry_run), batch)
                copied[prefix] += [key.removeprefix(place.prefix) for key in done if key]
    return copied, lost


def _of_the_store(place: Place, prefix: str) -> Iterator[KeyHistory]:
    left_out = place.prefix + PRUNING  # what a running prune writes for itself
    found = histories(place.s3, place.bucket, place.prefix + prefix)
    return (one for one in found if not one.key.startswith(left_out))


def _batches(found: Iterator[KeyHistory]) -> Iterator[list[KeyHistory]]:
    batch: list[KeyHistory] = []
    for one in found:
        batch.append(one)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _bring_back(place: Place, history: KeyHistory, at: datetime, dry_run: bool) -> str | None:
    """Copy the old version over the current one if they differ. Returns the key if they do."""
    then, current = history.at(at), history.now
    if then is None or (current is not None and _same(place, history.key, then, current)):
        return None
    if not dry_run:
        source = {"Bucket": place.bucket, "Key": history.key, "VersionId": then.id}
        head = place.s3.head_object(**source)
        extra = {
            "ContentType": head.get("ContentType", "binary/octet-stream"),
            "Metadata": {**head["Metadata"], MARK: then.id},
            "MetadataDirective": "REPLACE",
        }
        if then.size <= _MOST_AT_ONCE:
            place.s3.copy_object(Bucket=place.bucket, Key=history.key, CopySource=source, **extra)
        else:  # in parts; the object appears when the last one is there
            place.s3.copy(source, place.bucket, history.key, ExtraArgs=extra)
    return history.key


def _same(place: Place, key: str, then: Version, current: Version) -> bool:
    if then.id == current.id or then.etag == current.etag:
        return True
    if then.size != current.size:
        return False
    # An object in parts: its ETag says nothing of its content, but an earlier restore left its mark.
    marks = place.s3.head_object(Bucket=place.bucket, Key=key, VersionId=current.id)["Metadata"]
    return bool(marks.get(MARK) == then.id)


def _check_files(place: Place, manifest: Manifest, at: datetime, lost: list[str]) -> None:
    """Check that every file of the release is there, or was there at that moment."""
    missing = []
    for entry in manifest.files():
        known = place.history(OBJECTS + entry.sha256)
        if known is None or (known.now is None and known.at(at) is None):
            missing.append(f"{entry.file} ({OBJECTS}{entry.sha256})")
    if missing:
        raise RestoreError(
            f"the bucket no longer has {', '.join(missing)} of {manifest.release}, which was live at that moment; "
            f"old versions are kept for 30 days. All else is restored, {len(lost):,} keys are lost, and {POINTER} is "
            "as it was. To go on, make another release live: scripts/releases list and promote ID"
        )


def _differs(place: Place, current: Version | None, pointer: Pointer) -> bool:
    """Whether `live.json` names another release, or none."""
    if current is None:
        return True
    try:
        live = Pointer.model_validate_json(place.read(POINTER, current.id))
    except ValidationError:
        return True
    return (live.release, live.manifest_sha256) != (pointer.release, pointer.manifest_sha256)


def _move(place: Place, current: Version | None, pointer: Pointer, now: datetime) -> None:
    """Make the release live, unless `live.json` has changed since it was read.

    As after any decision of an operator, events of what was created before now cannot undo it.
    """
    moved = pointer.model_copy(update={"promoted_at": now, "high_water": now})
    condition = {"IfNoneMatch": "*"} if current is None else {"IfMatch": str(current.etag)}
    try:
        place.s3.put_object(
            Bucket=place.bucket,
            Key=place.prefix + POINTER,
            Body=moved.model_dump_json(indent=1).encode(),
            ContentType="application/json",
            **condition,
        )
    except ClientError as exc:
        if exc.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            raise
        raise RestoreError(f"{POINTER} has changed during the restore; the files are back, so run it again") from exc


@contextmanager
def _aws(place: Place) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        raise RestoreError(f"s3://{place.bucket}/{place.prefix}: {exc}") from exc
