"""The release whose model is used again: an archive, a folder with its files, or a release of a store."""

import re
import shutil
from pathlib import Path

from lambda_app.errors import DamagedFileError, MissingObjectError
from lambda_app.release.archive import REPORT, unpack
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest, read_manifest, verify_file
from lambda_app.store.contract import RELEASES, Store
from lambda_app.store.opening import existing_store, open_store
from training.errors import WeightsError
from training.pipeline.output_folder import atomic_folder

_OF_A_STORE = re.compile(rf"(.+)/{RELEASES}([a-z0-9-]{{8,64}})/?")


def fetch(source: str, folder: Path) -> Manifest:
    """Copy the manifest, the model, the weights and the report of a release into a folder, which is made or replaced.

    Args:
        source: path of an archive; folder with `manifest.json` and the files that it names, or with such a folder
            `release` in it; a store, which is its live release; or `STORE/releases/ID`.

    Raises:
        WeightsError: there is no such release, or it lacks its model.
        ReleaseError: the archive or the manifest is damaged.
        StoreError: the store cannot be read.
    """
    with atomic_folder(folder) as new:
        manifest = _fetched(source, new)
        needed = _entries(manifest)
        for entry in needed:
            try:
                verify_file(new / entry.file, entry)
            except DamagedFileError as exc:
                raise WeightsError(f"--reuse-model {source}: {exc}") from exc
        kept = {MANIFEST, REPORT, *(entry.file for entry in needed)}
        for path in list(new.iterdir()):
            if path.name not in kept:
                path.unlink()
    return manifest


def _fetched(source: str, into: Path) -> Manifest:
    """The manifest of a release, whose files are then in `into`, perhaps with others."""
    path = Path(source)
    if path.is_file():
        return unpack(path, into)
    named = _OF_A_STORE.fullmatch(source)
    places = [] if named else [path, path / "release"]
    if found := next((place for place in places if (place / MANIFEST).is_file()), None):
        return _from_folder(found, into)
    if named is None and "://" not in source and not path.is_dir():
        raise WeightsError(
            f"--reuse-model {source}: no such file or folder. It is a release archive, a folder with {MANIFEST}, a "
            f"store (its live release), or STORE/{RELEASES}ID"
        )
    store = open_store(named[1]) if named else existing_store(source)
    try:
        return _from_store(store, named[2] if named else _live(store), into)
    except MissingObjectError as exc:
        raise WeightsError(f"--reuse-model {source}: {exc}") from exc


def _live(store: Store) -> str:
    found = store.read_pointer()
    if found is None:  # only with `unless`
        raise MissingObjectError(f"nothing is live in {store}")
    return found.pointer.release


def _from_folder(folder: Path, into: Path) -> Manifest:
    manifest = read_manifest((folder / MANIFEST).read_bytes())
    for name in (MANIFEST, *(entry.file for entry in _entries(manifest))):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, into / name)
    if (folder / REPORT).is_dir():
        shutil.copytree(folder / REPORT, into / REPORT)
    return manifest


def _from_store(store: Store, release: str, into: Path) -> Manifest:
    place = f"{RELEASES}{release}/"
    store.download(place + MANIFEST, into / MANIFEST)
    manifest = read_manifest((into / MANIFEST).read_bytes())
    for entry in _entries(manifest):
        shutil.copyfile(store.local_file(entry), into / entry.file)
    for key in store.keys(f"{place}{REPORT}/"):
        target = into / key.removeprefix(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        store.download(key, target)
    return manifest


def _entries(manifest: Manifest) -> list[FileEntry]:
    """What is used of a release: model and weights."""
    return [manifest.model, *filter(None, [manifest.weights])]
