"""Groups of listings of the live release that show the same photo."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lambda_app.errors import MissingObjectError, PhotoError
from lambda_app.likeness.comparison import distances, stored_views
from lambda_app.likeness.fingerprint import Cells, views
from lambda_app.likeness.table import Fingerprint
from lambda_app.photo.preprocessing import load_photo
from lambda_app.recommendation.fetching import fetch_release
from lambda_app.recommendation.recommender import Recommender
from lambda_app.release.catalog import CatalogFilter, CatalogItem
from lambda_app.search.local.engine import FaissEngine
from lambda_app.settings import Settings
from lambda_app.store.blocked import read_blocked
from lambda_app.store.contract import Store
from operate.catalogue.photos import CatalogueError
from training.pipeline.progress import track

# Nearest photos by the embedding that each photo is compared with. More copies of a photo than that are found through
# each other.
NEIGHBOURS = 12
# Photos are read only of those whose fingerprints are at most this far from each other.
_ALIKE = 0.45
_BLOCK = 256


@dataclass(frozen=True)
class Member:
    """A photo of a group: its catalog entry, and how far it is from the first one, 0 for the same picture."""

    item: CatalogItem
    distance: float


def live_release(store: Store, settings: Settings) -> Recommender:
    """The live release without blocked items, opened as serving does.

    Raises:
        CatalogueError: nothing is live.
        StoreError, ReleaseError: it cannot be read or opened.
    """
    try:
        found = store.read_pointer()
    except MissingObjectError as exc:
        raise CatalogueError(f"nothing is live in {store}; publish a release first") from exc
    if found is None:  # only if asked for a newer version
        raise CatalogueError(f"nothing is live in {store}")
    # In its files, whatever it is served from: all rows are compared, which a service would be asked for one by one.
    release = fetch_release(store, replace(settings, search="faiss"), found.pointer)
    blocked = read_blocked(store)
    return release if blocked is None else release.without(blocked.items)


def duplicate_groups(release: Recommender, store: Store) -> list[list[Member]]:
    """The groups of photos that are the same, each in the order of its rows, by their first row.

    Each photo is compared with its nearest ones by the embedding, so the time grows with the number of photos. Photos
    are read from the store only if their fingerprints are alike.

    Raises:
        NotSupportedError: the release has no fingerprints.
    """
    engine = _engine(release)
    rows = engine.catalog.passing(CatalogFilter()).rows
    first = {int(row): int(row) for row in rows}
    far: dict[int, float] = {}
    for one, other, distance in _pairs(release, store, rows):
        low, high = sorted((_root(first, one), _root(first, other)))
        first[high] = low
        far[max(one, other)] = min(distance, far.get(max(one, other), distance))
    groups: dict[int, list[int]] = {}
    for row in sorted(first):
        groups.setdefault(_root(first, row), []).append(row)
    return [
        [Member(item, far.get(row, 0.0)) for row, item in zip(group, engine.catalog.items(group), strict=True)]
        for group in groups.values()
        if len(group) > 1
    ]


def _engine(release: Recommender) -> FaissEngine:
    """What is searched. All rows are compared, which a service would be asked for one by one.

    Raises:
        NotSupportedError: the release has no fingerprints.
    """
    release.same.require()
    if not isinstance(release.engine, FaissEngine):
        raise CatalogueError("duplicates are found in the files of a release; open it with the FAISS engine")
    return release.engine


def _pairs(release: Recommender, store: Store, rows: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows that show the same photo, with their distance; each once or twice."""
    engine = _engine(release)
    threshold = release.same.threshold or 0.0
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    for block in track(blocks, len(blocks), "compare", "block"):
        numbers = [int(row) for row in block]
        near = engine.index.search(engine.index.vectors(numbers), min(NEIGHBOURS + 1, len(rows)), None).rows
        own = engine.catalog.fingerprints(numbers)
        for place, row in enumerate(numbers):
            # A pair is compared once, unless only one of both has the other among its nearest.
            others = [int(other) for other in near[place] if other >= 0 and other != row]
            prints = engine.catalog.fingerprints(others)
            if own is None or prints is None or not others:
                continue
            alike = np.flatnonzero(distances(stored_views(own[place]), prints) <= _ALIKE)
            if len(alike):
                found = distances(_views(release, store, row, own[place]), prints[alike])
                for number, distance in zip(alike.tolist(), found.tolist(), strict=True):
                    if distance <= threshold:
                        yield row, others[number], distance


def _views(release: Recommender, store: Store, row: int, prints: Fingerprint) -> tuple[Cells, ...]:
    """What is compared of a photo; without the file, what its fingerprint tells."""
    (item,) = _engine(release).catalog.items([row])
    try:
        return views(load_photo(store.read(item.photo), release.manifest.preprocessing).overview)
    except (MissingObjectError, PhotoError):
        return stored_views(prints)


def _root(first: dict[int, int], row: int) -> int:
    """The first row of the group of a row, by halving the path (Tarjan and van Leeuwen 1984)."""
    while first[row] != row:
        first[row] = first[first[row]]
        row = first[row]
    return row
