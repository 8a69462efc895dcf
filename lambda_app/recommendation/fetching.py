"""Fetches the release that a pointer names from its store, and opens it."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_app.errors import DamagedFileError
from lambda_app.recommendation.shown import Live
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest, Pointer, read_manifest
from lambda_app.settings import Settings
from lambda_app.store.contract import RELEASES, Store

if TYPE_CHECKING:
    from lambda_app.recommendation.recommender import Recommender


def fetch_release(
    store: Store, settings: Settings, pointer: Pointer, previous: "Recommender | None" = None
) -> "Recommender":
    """Fetch and open a release.

    Args:
        store: where it is.
        settings: threads and limits.
        pointer: names the release.
        previous: a loaded release. Files that both have in common are not fetched, and stay open for both.

    Raises:
        DamagedFileError: the manifest or a file is not what was promoted.
        ReleaseError: the files do not form a release.
        StoreError: the store cannot be read.
    """
    manifest = _read_manifest(store, pointer)
    open_already = set() if previous is None else {entry.sha256 for entry in previous.parts.files}
    wanted = manifest.serving_files(manifest.searched_by(settings.search))
    files = [entry for entry in wanted if entry.sha256 not in open_already]
    with ThreadPoolExecutor(max(1, len(files)), thread_name_prefix="release-fetcher") as fetching:
        fetched: dict[str, Future[Path]] = {entry.sha256: fetching.submit(store.local_file, entry) for entry in files}
        # Imported only now: when a process starts, numpy, FAISS and ONNX Runtime are imported during the download.
        from lambda_app.recommendation.recommender import load

        def locate(entry: FileEntry) -> Path:
            # What is open already is needed again if it is opened in another way, such as with other search settings.
            return fetched[entry.sha256].result() if entry.sha256 in fetched else store.local_file(entry)

        return load(manifest, locate, settings, previous, store.read)


def _read_manifest(store: Store, pointer: Pointer) -> Manifest:
    data = store.read(f"{RELEASES}{pointer.release}/{MANIFEST}")
    if (digest := hashlib.sha256(data).hexdigest()) != pointer.manifest_sha256:
        raise DamagedFileError(
            f"the manifest of {pointer.release} has sha256 {digest}; the pointer says {pointer.manifest_sha256}"
        )
    return read_manifest(data)


def load_live(store: Store, settings: Settings, pointer: Pointer, before: Live | None) -> Live:
    """Load the release of a pointer in place of the one loaded before, whose parts it takes if they are the same.

    Raises:
        LookalikeError: as `fetch_release`; or a forward pass takes too long.
    """
    if before is not None and before.pointer.manifest_sha256 == pointer.manifest_sha256:
        return Live(before.recommender, pointer, before.loaded_at)
    loaded = fetch_release(store, settings, pointer, None if before is None else before.recommender)
    if before is not None and loaded.parts.model is not before.recommender.parts.model:
        # A release that hangs must not replace one that answers. At a cold start nothing is to be protected: there
        # the first photo's own run has the same deadline, and the start is not delayed by a run without a photo.
        loaded.try_model()
    # The old release has its files open or in memory, so their cached copies can be deleted.
    store.keep_local(loaded.parts.files)
    return Live(loaded, pointer, datetime.now(UTC))
