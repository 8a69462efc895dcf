"""Reads a release, wherever it is: in an archive, a folder or a store."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lambda_app.errors import MissingObjectError, ReleaseError, SettingsError
from lambda_app.release.archive import REPORT, unpack
from lambda_app.release.manifest import MANIFEST, FileEntry, Manifest, read_manifest, verify_file
from lambda_app.store.contract import RELEASES, Store
from lambda_app.store.opening import existing_store, open_store
from training.errors import TrainingError

# Whether a file of a release is wanted, by its name.
Wanted = Callable[[str], bool]
_OF_A_STORE = re.compile(rf"(.+)/{RELEASES}([a-z0-9-]{{8,64}})/?")


@dataclass(frozen=True)
class Released:
    """A release that can be copied.

    Attributes:
        place: its archive, the folder with its files, or its store.
        release: its id in a store; empty elsewhere.
    """

    place: Path | Store
    release: str = ""

    @classmethod
    def find(cls, source: str) -> "Released":
        """The release that a text names.

        Args:
            source: path of an archive; folder with `manifest.json` and the files that it names, or with such a folder
                `release` in it; a store, which is its live release; or `STORE/releases/ID`.

        Raises:
            SettingsError: there is no such file, folder or store.
            MissingObjectError: nothing is live in the store.
            StoreError: the store cannot be read.
        """
        path = Path(source)
        if path.is_file():
            return cls(path)
        named = _OF_A_STORE.fullmatch(source)
        places = [] if named else [path, path / "release"]
        if found := next((place for place in places if (place / MANIFEST).is_file()), None):
            return cls(found)
        if named:
            return cls(open_store(named[1]), named[2])
        if "://" not in source and not path.is_dir():
            raise SettingsError(
                f"no such file or folder. It is a release archive, a folder with {MANIFEST}, a store (its live "
                f"release), or STORE/{RELEASES}ID"
            )
        try:
            store = existing_store(source)
        except SettingsError as exc:
            raise SettingsError(f"it holds no {MANIFEST} and no release/{MANIFEST}, and {exc}") from exc
        return cls(store, _live(store))

    def state(self) -> list[int | str]:
        """What changes if another release comes to this place: its id, or size and time of the archive or manifest."""
        if not isinstance(self.place, Path):
            return [self.release]
        found = (self.place / MANIFEST if self.place.is_dir() else self.place).stat()
        return [found.st_size, found.st_mtime_ns]

    def copy(self, into: Path, wanted: Wanted) -> Manifest:
        """Copy its manifest and those of its model, weights and report that are wanted into an empty folder.

        Raises:
            MissingObjectError, StoreError: the store lacks the release or a file of it, or cannot be read.
            ReleaseError: the archive, the manifest or a file is damaged or missing.
        """
        if not isinstance(self.place, Path):
            manifest = self._from_store(self.place, into, wanted)
        elif self.place.is_dir():
            manifest = _from_folder(self.place, into, wanted)
        else:
            manifest = unpack(self.place, into, wanted=wanted)
        for entry in _network(manifest):
            if wanted(entry.file):
                verify_file(into / entry.file, entry)
        return manifest

    def _from_store(self, store: Store, into: Path, wanted: Wanted) -> Manifest:
        place = f"{RELEASES}{self.release}/"
        store.download(place + MANIFEST, into / MANIFEST)
        manifest = read_manifest((into / MANIFEST).read_bytes())
        for entry in _network(manifest):
            if wanted(entry.file):
                shutil.copyfile(store.local_file(entry), into / entry.file)
        for key in store.keys(f"{place}{REPORT}/"):
            if wanted(key.removeprefix(place)):
                target = into / key.removeprefix(place)
                target.parent.mkdir(parents=True, exist_ok=True)
                store.download(key, target)
        return manifest


@contextmanager
def told_of(option: str, source: str, error: type[TrainingError]) -> Iterator[None]:
    """Inside the block, a release that cannot be read raises `error`, which names the option and its value."""
    try:
        yield
    except (SettingsError, MissingObjectError, ReleaseError) as exc:
        raise error(f"{option} {source}: {exc}") from exc


def _live(store: Store) -> str:
    found = store.read_pointer()
    if found is None:  # only with `unless`
        raise MissingObjectError(f"nothing is live in {store}")
    return found.pointer.release


def _network(manifest: Manifest) -> list[FileEntry]:
    """What is used of a release: model and weights. Their names end in `.onnx` and `.safetensors`."""
    return [manifest.model, *filter(None, [manifest.weights])]


def _from_folder(folder: Path, into: Path, wanted: Wanted) -> Manifest:
    manifest = read_manifest((folder / MANIFEST).read_bytes())
    shutil.copyfile(folder / MANIFEST, into / MANIFEST)
    for entry in _network(manifest):
        if wanted(entry.file) and (folder / entry.file).is_file():
            shutil.copyfile(folder / entry.file, into / entry.file)
    if wanted(f"{REPORT}/") and (folder / REPORT).is_dir():
        shutil.copytree(folder / REPORT, into / REPORT)
    return manifest
