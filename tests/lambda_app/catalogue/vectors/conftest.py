"""A release in a folder store, and releases that follow it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lambda_app.release.catalog import Catalog, CatalogItem
from lambda_app.release.manifest import Manifest
from lambda_app.store.folder import FolderStore
from tests.lambda_app.catalogue.vectors.indexed import keep
from tests.releases import build_release
from tests.segments import Added, added_products, extend_release


@dataclass
class Kept:
    """A store with a first release of 40 photos.

    Attributes:
        base: the folder of its files.
    """

    base: Path
    store: FolderStore
    first: Manifest
    folders: dict[str, Path] = field(default_factory=dict)

    def follow(self, parent: Manifest, *, segments: Sequence[Added] = (), dead: Sequence[int] = ()) -> Manifest:
        """Store a release with further rows and dead rows."""
        folder = self.base.parent / f"release-{len(self.folders)}"
        before = self.folders.get(parent.release, self.base)
        made = extend_release(folder, before, parent, segments=segments, dead=dead, smoke=())
        self.folders[made.release] = folder
        keep(self.store, made, lambda entry: folder / entry.file)
        return made

    def new(self, products: int, prefix: str) -> Added:
        """Rows of new products with two photos each."""
        return added_products(self.base / f"photos-{prefix}", self.base / "model.onnx", products, seed=9, prefix=prefix)

    def item(self, row: int) -> CatalogItem:
        """An item of the first release."""
        return Catalog(self.base / "catalog.sqlite").items([row])[0]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("release") / "first"
    return folder, build_release(folder, printed=True, smoke=())


@pytest.fixture
def kept(built: tuple[Path, Manifest], tmp_path: Path) -> Kept:
    """The release in a store of its own."""
    folder, manifest = built
    (tmp_path / "first").symlink_to(folder)
    store = FolderStore(tmp_path / "store")
    keep(store, manifest, lambda entry: folder / entry.file)
    return Kept(tmp_path / "first", store, manifest)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Batches of eight, so that 40 items are five."""
    for name in ("MOST_PUT", "MOST_DELETED"):
        monkeypatch.setattr(f"lambda_app.catalogue.vectors.sending.{name}", 8)
    return 8
