"""The reference of the release: held-out photos as queries, and the centroids of the catalogue's embeddings."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.model.session import ModelOutput
from lambda_app.release.catalog import Catalog
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.reference import MOST_PHOTOS, Reference, most_centroids
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.reference import derived
from lambda_app.search.vectors import unit
from training.dataset import Dataset

# k-means runs on at most so many photos per centroid; more would change the centroids little.
_SAMPLED = 256
# A small catalogue gets fewer centroids, because a cell with few photos says little.
_FEWEST_PHOTOS = 16


def make_reference(dataset: Dataset, outputs: ModelOutput, release: Path, entry: IndexEntry) -> Reference | None:
    """The reference of the index and the catalog in a folder.

    Args:
        outputs: outputs of the served model for all rows of the dataset.
        release: folder of the index and of `catalog.sqlite`.
        entry: the index.

    Returns:
        None if no photo is held out.
    """
    seed = int(dataset.summary["seed"])
    image_ids = dataset.image_ids
    held_out = ((image_ids[row], int(outputs.logits[row].argmax())) for row in held_out_rows(dataset, seed))
    catalog = Catalog(release / "catalog.sqlite")
    try:
        return derived(
            VectorIndex(release / entry.file, entry), catalog, held_out, centroids_of(outputs.embedding, seed)
        )
    finally:
        catalog.close()


def held_out_rows(dataset: Dataset, seed: int, most: int = MOST_PHOTOS) -> list[int]:
    """Up to `most` rows that no network was fitted on: test photos, and then validation photos, at random."""
    random = np.random.default_rng(seed)
    rows = np.concatenate([random.permutation(dataset.rows(split)) for split in ("test", "validation")])
    return [int(row) for row in rows[:most]]


def centroids_of(vectors: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    """Centroids of embeddings by spherical k-means (Dhillon and Modha 2001): float32 (c, d), L2-normalised.

    Args:
        vectors: float32 (n, d), L2-normalised; may be memory-mapped.
    """
    count = max(1, min(most_centroids(vectors.shape[1]), len(vectors) // _FEWEST_PHOTOS))
    sampled = np.random.default_rng(seed).permutation(len(vectors))[: _SAMPLED * count]
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=20, nredo=3, seed=seed, spherical=True, min_points_per_centroid=1
    )
    means.train(np.ascontiguousarray(vectors[np.sort(sampled)], np.float32))
    # As a reader gets them: rounded to float16.
    return unit(means.centroids.astype(np.float16))
