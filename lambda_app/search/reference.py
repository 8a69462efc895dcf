"""Derives the reference of a release from its index and catalog, without photos and without the network."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lambda_app.release.catalog import Catalog
from lambda_app.release.reference import MOST_ID_LENGTH, MOST_PHOTOS, Reference, cell_of, encoded
from lambda_app.release.segments.segmented_catalog import SegmentedCatalog
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.segmented_index import SegmentedIndex

_BATCH = 256  # queries of one search
Index = VectorIndex | SegmentedIndex
Items = Catalog | SegmentedCatalog


def derived(
    index: Index, catalog: Items, held_out: Iterable[tuple[str, int]], centroids: npt.NDArray[np.float32]
) -> Reference | None:
    """The reference of a catalogue: each held-out photo is a query, whose own row is no result.

    Args:
        index: its vectors are the queries and what they are compared with.
        catalog: the rows of the index.
        held_out: image id and index of the predicted category of photos that the network was not trained on. Those that
            the catalog lacks, that are named twice or that have a very long id are left out; of the others the first
            `MOST_PHOTOS` count.
        centroids: float32 (c, d), L2-normalised.

    Returns:
        None if no photo is left, or if the catalogue has a single photo.
    """
    kept: dict[str, tuple[int, int]] = {}
    for image_id, category in held_out:
        if len(kept) == MOST_PHOTOS:
            break
        row = catalog.find(image_id) if len(image_id) <= MOST_ID_LENGTH else None
        if row is not None:
            kept.setdefault(image_id, (row, category))
    if not kept or index.count < 2:
        return None
    rows = [row for row, _ in kept.values()]
    product_ids = [item.product_id for item in catalog.items(rows, described=False)]
    numbers = {product_id: number for number, product_id in enumerate(dict.fromkeys(product_ids))}
    known = {product_id: int(len(catalog.product_rows(product_id)) > 1) for product_id in numbers}
    vectors = np.stack([index.vector(row) for row in rows])  # (q, d)
    return Reference(
        dim=index.dim,
        centroids=encoded(centroids),
        photos=tuple(kept),
        products=tuple(numbers[product_id] for product_id in product_ids),
        categories=tuple(category for _, category in kept.values()),
        cells=tuple(cell_of(vector, centroids) for vector in vectors),
        scores=tuple(round(score, 4) for score in _best_others(index, vectors, rows)),
        known=tuple(known[product_id] for product_id in product_ids),
    )


def rederived(old: Reference, index: Index, catalog: Items, added: Sequence[tuple[str, int]] = ()) -> Reference | None:
    """The reference of a changed catalogue with the same model. The centroids stay, so cells can be compared.

    Args:
        old: the reference of the release that the catalogue was made from.
        index: all vectors of the new catalogue; removed items must not be found.
        catalog: its rows.
        added: image id and index of the predicted category of all items that came since. The network was not trained
            on them, so they are held out. They get their share of the catalogue, and all places that are free.

    Few items have a share below one place. So chance decides about each, by its id: over many small changes, they get
    what they would get at once.
    """
    kept = [pair for pair in zip(old.photos, old.categories, strict=True) if catalog.find(pair[0]) is not None]
    drawn = [pair for pair in added if _chance(pair[0]) < MOST_PHOTOS / max(index.count, 1)][:MOST_PHOTOS]
    free = MOST_PHOTOS - len(kept)
    new = drawn if len(drawn) >= free else _spread(added, free)
    return derived(index, catalog, [*_spread(kept, MOST_PHOTOS - len(new)), *new], old.centroid_vectors)


def _chance(image_id: str) -> float:
    """A number from 0 to 1 that an image id always has."""
    return int.from_bytes(hashlib.sha256(image_id.encode()).digest()[:4], "big") / (1 << 32)


def _spread(pairs: Sequence[tuple[str, int]], most: int) -> list[tuple[str, int]]:
    """At most so many of the pairs, evenly spread."""
    if len(pairs) <= most:
        return list(pairs)
    return [pairs[place * len(pairs) // most] for place in range(most)]


def _best_others(index: Index, vectors: npt.NDArray[np.float32], rows: Sequence[int]) -> list[float]:
    """The highest cosine of each query, (q, d), to another row than its own."""
    best: list[float] = []
    for start in range(0, len(rows), _BATCH):
        found = index.search(vectors[start : start + _BATCH], 2)
        own = found.rows == np.array(rows[start : start + _BATCH])[:, np.newaxis]  # (b, 2)
        best += np.where(own, -np.inf, found.scores).max(axis=1).tolist()
    return best
