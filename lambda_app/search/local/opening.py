"""Opens the files of a release's catalogue. Releases that have a file in common share what was opened."""

from collections.abc import Callable
from pathlib import Path

from lambda_app.errors import ReleaseError
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import CatalogEntry, FileEntry, IndexEntry, Manifest
from lambda_app.release.segments.live_rows import read_dead_rows
from lambda_app.search.engine import Source
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.local.engine import Segments

_Files = Callable[[FileEntry], Path]


def open_segments(
    manifest: Manifest, files: _Files, threads: int, previous: tuple[Manifest, Source] | None = None
) -> Segments:
    """Open the indexes and catalogs of a release, and check that they match the manifest.

    Args:
        manifest: the release's manifest.
        files: returns the verified local path of a file. It is not asked for a file that is open already.
        threads: of one search; 0: all cores.
        previous: another release and its source.

    Raises:
        ReleaseError: a file cannot be opened, or does not match the manifest.
        StoreError: raised by `files`.
    """
    opened = _Opened(previous)
    segments = manifest.all_segments
    indexes = tuple(opened.index(segment.index) or _index(segment.index, files, threads) for segment in segments)
    # All files are fetched before the first catalog is opened.
    found = [(segment.catalog, _known_or_path(segment.catalog, files, opened)) for segment in segments]
    dead = None if manifest.dead is None else read_dead_rows(files(manifest.dead), manifest.dead, manifest.rows)
    catalogs = tuple(_catalog(entry, known) for entry, known in found)
    return Segments(indexes, catalogs, dead, tuple(segment.index.file for segment in segments))


class _Opened:
    """What another release has open."""

    def __init__(self, release: tuple[Manifest, Source] | None) -> None:
        self._indexes: list[tuple[IndexEntry, VectorIndex]] = []
        self._catalogs: dict[str, Catalog] = {}
        if release is None:
            return
        manifest, source = release
        if isinstance(source, Segments):
            entries = manifest.all_segments
            self._indexes = [(one.index, index) for one, index in zip(entries, source.indexes, strict=True)]
            self._catalogs = {one.catalog.sha256: each for one, each in zip(entries, source.catalogs, strict=True)}

    def index(self, entry: IndexEntry) -> VectorIndex | None:
        """The index with this content and these search settings, if it is open."""
        wanted = (entry.sha256, entry.type, entry.count, entry.search)
        for own, index in self._indexes:
            if (own.sha256, own.type, own.count, own.search) == wanted:
                return index
        return None

    def catalog(self, entry: CatalogEntry) -> Catalog | None:
        """The catalog with this content, if it is open."""
        return self._catalogs.get(entry.sha256)


def _index(entry: IndexEntry, files: _Files, threads: int) -> VectorIndex:
    return VectorIndex(files(entry), entry, threads=threads)


def _known_or_path(entry: CatalogEntry, files: _Files, opened: _Opened) -> Path | Catalog:
    known = opened.catalog(entry)
    return files(entry) if known is None else known


def _catalog(entry: CatalogEntry, found: Path | Catalog) -> Catalog:
    catalog = found if isinstance(found, Catalog) else Catalog(found)
    if catalog.count != entry.count:
        raise ReleaseError(f"{entry.file} holds {catalog.count} items; the manifest says {entry.count}")
    return catalog
