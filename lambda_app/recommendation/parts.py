"""The opened files of a release. Releases that have a file in common share what was opened."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.model.session import Model
from lambda_app.recommendation.searched import Index, Items
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import CatalogEntry, FileEntry, IndexEntry, Manifest
from lambda_app.release.row_set import RowSet
from lambda_app.release.segments.live_rows import LiveRows, read_dead_rows
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex
from lambda_app.settings import Settings
from lambda_app.store.blocked import BlockedItems


@dataclass(frozen=True, eq=False)
class Parts:
    """The opened files of one release, and the manifest that names them.

    Attributes:
        indexes, catalogs: one of each for each segment.
        dead: the rows of all segments that are not in the catalogue; None: none.
    """

    manifest: Manifest
    model: Model
    indexes: tuple[VectorIndex, ...]
    catalogs: tuple[Catalog, ...]
    dead: RowSet | None

    @property
    def has_words(self) -> bool:
        """Whether items can be searched by words: every segment has an index of them."""
        return all(catalog.word_index is not None for catalog in self.catalogs)

    def searched(self, blocked: BlockedItems, before: Items | None = None) -> tuple[Index, Items]:
        """The index and the catalog of all segments, without dead rows and blocked items.

        Of one segment in which nothing is hidden: its own, which are searched faster.

        Args:
            blocked: the items. What the release does not have is left out.
            before: a catalog that was searched before; what is cached for rows that both have in common is shared.
        """
        hidden = self._hidden(blocked)
        if hidden is None and len(self.indexes) == 1:
            return self.indexes[0], self.catalogs[0]
        known = before if isinstance(before, SegmentedCatalog) else None
        live = LiveRows.without([index.count for index in self.indexes], hidden, None if known is None else known.live)
        return SegmentedIndex(self.indexes, live), SegmentedCatalog(self.catalogs, live, known)

    def _hidden(self, blocked: BlockedItems) -> npt.NDArray[np.bool_] | None:
        """Which rows of all segments are dead or blocked: bool (rows,); None if none is."""
        found, start = [], 0
        for catalog in self.catalogs:
            found += [start + row for row in catalog.rows_of(blocked.image_ids, blocked.product_ids)]
            start += catalog.count
        if self.dead is None and not found:
            return None
        hidden = np.zeros(start, np.bool_) if self.dead is None else self.dead.mask(start)
        hidden[found] = True
        return hidden

    def open_model(self, manifest: Manifest) -> Model | None:
        """The model, if the other release has the same."""
        own = self.manifest
        same = (own.model.sha256, own.preprocessing.size) == (manifest.model.sha256, manifest.preprocessing.size)
        return self.model if same else None

    def open_index(self, entry: IndexEntry) -> VectorIndex | None:
        """The index with this content and these search settings, if it is open."""
        wanted = (entry.sha256, entry.type, entry.count, entry.search)
        for segment, index in zip(self.manifest.all_segments, self.indexes, strict=True):
            own = segment.index
            if (own.sha256, own.type, own.count, own.search) == wanted:
                return index
        return None

    def open_catalog(self, entry: CatalogEntry) -> Catalog | None:
        """The catalog with this content, if it is open."""
        for segment, catalog in zip(self.manifest.all_segments, self.catalogs, strict=True):
            if segment.catalog.sha256 == entry.sha256:
                return catalog
        return None


def open_parts(
    manifest: Manifest, files: Callable[[FileEntry], Path], settings: Settings, previous: Parts | None = None
) -> Parts:
    """Open the files of a release, and check that they match each other and the manifest.

    Args:
        manifest: the release's manifest.
        files: returns the verified local path of a file. It is not asked for a file that `previous` has open.
        settings: threads and limits.
        previous: the parts of another release, opened with the same settings.

    Raises:
        ReleaseError: a part cannot be opened, or does not match the others or the manifest.
        StoreError: raised by `files`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="model-opener") as pool:
        # The model is the largest file and takes longest to open. The other files are downloaded meanwhile.
        opening = pool.submit(_open_model, manifest, files, settings, previous)
        segments = manifest.all_segments
        indexes = tuple(_open_index(segment.index, files, settings, previous) for segment in segments)
        catalog_paths = [_to_open(segment.catalog, files, previous) for segment in segments]
        dead = None if manifest.dead is None else read_dead_rows(files(manifest.dead), manifest.dead, manifest.rows)
        model = opening.result()
    for segment, index in zip(segments, indexes, strict=True):
        _check_dimensions(manifest, model, index, segment.index.file)
    catalogs = tuple(
        _open_catalog(segment.catalog, path) for segment, path in zip(segments, catalog_paths, strict=True)
    )
    return Parts(manifest, model, indexes, catalogs, dead)


def _open_model(
    manifest: Manifest, files: Callable[[FileEntry], Path], settings: Settings, previous: Parts | None
) -> Model:
    if previous is not None and (known := previous.open_model(manifest)) is not None:
        return known
    model = Model(files(manifest.model), threads=settings.threads, seconds=settings.forward_seconds)
    size = manifest.preprocessing.size
    if model.input_shape[1:] == (3, size, size):
        return model  # the input size is fixed and fits; a trial pass would add 0.05 s to a cold start
    model.try_size(size)
    return model


def _open_index(
    entry: IndexEntry, files: Callable[[FileEntry], Path], settings: Settings, previous: Parts | None
) -> VectorIndex:
    if previous is not None and (known := previous.open_index(entry)) is not None:
        return known
    return VectorIndex(files(entry), entry, threads=settings.threads)


def _to_open(entry: CatalogEntry, files: Callable[[FileEntry], Path], previous: Parts | None) -> Path | Catalog:
    """The catalog, if it is open already, or the path of its file."""
    known = None if previous is None else previous.open_catalog(entry)
    return files(entry) if known is None else known


def _open_catalog(entry: CatalogEntry, found: Path | Catalog) -> Catalog:
    catalog = found if isinstance(found, Catalog) else Catalog(found)
    if catalog.count != entry.count:
        raise ReleaseError(f"{entry.file} holds {catalog.count} items; the manifest says {entry.count}")
    return catalog


def _check_dimensions(manifest: Manifest, model: Model, index: VectorIndex, file: str) -> None:
    if not model.embedding_dim == index.dim == manifest.model.embedding_dim:
        raise ReleaseError(
            f"embedding dimensions disagree: the model has {model.embedding_dim}, the index {index.dim}, "
            f"the manifest {manifest.model.embedding_dim} ({file})"
        )
    if model.classes != len(manifest.categories):
        raise ReleaseError(f"the model has {model.classes} classes; the manifest names {len(manifest.categories)}")
