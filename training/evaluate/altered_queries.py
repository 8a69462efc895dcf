"""How well the catalogue is searched with altered photos of its own: the block `alterations` of `metrics.json`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.likeness import copies
from lambda_app.likeness.descriptor import DescriptorTable, descriptors_of, descriptors_of_views
from lambda_app.likeness.fingerprint import fingerprint_of, views
from training.dataset import Dataset
from training.evaluate.alterations import ALTERATIONS, Alteration, Photo, as_sent, without_bars
from training.metrics.intervals import mean_interval
from training.network.forward import Outputs

# At most this many test photos are altered; five forward passes for each take a second or two on two cores at size 64.
QUERIES = 500
_BATCH = 64
_FIRST = 4
_SEED = 0
Rows = npt.NDArray[np.int64]


def search_with_altered(
    forward: Callable[[npt.NDArray[np.uint8]], Outputs],
    dataset: Dataset,
    outputs: Outputs,
    limit: float | None = None,
    most: int = QUERIES,
    seed: int = _SEED,
) -> dict[str, Any]:
    """Search the whole catalogue with altered photos of the test split, by exact search on the embedding.

    Args:
        forward: the network: uint8 (n, size, size, 3), at most 64 photos, to its outputs.
        outputs: outputs of the network for all photos, unaltered.
        limit: the largest distance of photos that are the same; None: copies are not looked for.
        most: at most this many photos, drawn with the seed.

    Returns:
        `n` and, by the name of the alteration, `found_first`: share of the altered photos whose own photo is the first
        result (or as good as the first, for equal photos); `as_served`: the same after a copy was looked for, as
        serving does if the first result does not show the same photo; `recall@4`: share that have another photo of
        their product among the first 4 results besides their own, of `paired` photos whose product has another one;
        `accuracy`: share in the right category. "untouched" has them without alteration. Each has `intervals`. What
        cannot be measured is null.
    """
    test = dataset.rows("test")
    rows = np.sort(np.random.default_rng(seed).permutation(test)[:most])
    photos_of = np.bincount(dataset.product, minlength=1)
    paired = photos_of[dataset.product[rows]] > 1
    figures: dict[str, Any] = {"n": len(rows), "paired": int(paired.sum())}
    listed = None if limit is None else ListedPhotos.of(dataset, rows, limit)
    batches = [part for part in np.split(rows, range(_BATCH, len(rows), _BATCH)) if len(part)]
    parts = [Outputs(outputs.logits[part], outputs.embedding[part], outputs.pooled[part]) for part in batches]
    figures["untouched"] = _figures(dataset, outputs.embedding, parts, rows, paired, listed, lambda photo: photo)
    for name, alter in ALTERATIONS.items():
        sent = (as_sent(dataset.photos[part], alter, dataset.preprocessing) for part in batches)
        parts = [forward(photos) for photos in sent]
        figures[name] = _figures(dataset, outputs.embedding, parts, rows, paired, listed, alter)
    return figures


def altered_photos(dataset: Dataset, most: int = QUERIES) -> int:
    """The number of photos that `search_with_altered` gives to the network."""
    return min(most, len(dataset.rows("test"))) * len(ALTERATIONS)


@dataclass(frozen=True)
class ListedPhotos:
    """The photos of a catalogue by their fingerprints, as serving looks for copies in them.

    Attributes:
        prints: uint8 (n, 197).
        descriptors: of these.
        limit: the largest distance of photos that are the same.
    """

    prints: npt.NDArray[np.uint8]
    descriptors: DescriptorTable
    limit: float

    @classmethod
    def of(cls, dataset: Dataset, rows: Rows, limit: float) -> "ListedPhotos | None":
        """Those of a dataset; None if it has no fingerprints.

        Args:
            rows: of the photos that are altered. The cache has them without the borders that were trimmed, so here
                they are listed without these.
        """
        known = dataset.fingerprints()
        if known is None:
            return None
        prints = np.array(known)
        for row in rows:
            prints[row] = fingerprint_of(Image.fromarray(np.ascontiguousarray(without_bars(dataset.photos[row]))))
        return cls(prints, DescriptorTable(descriptors_of(prints)), limit)

    def knows(self, photo: Photo, row: int) -> bool:
        """Whether a photo, (height, width, 3), is taken for a copy of the photo of a row, or of an equal one."""
        asked = views(Image.fromarray(np.ascontiguousarray(photo)))
        rows = self.descriptors.nearest_photos(descriptors_of_views(asked), copies.CANDIDATES, copies.LEAST_COSINE).rows
        found = copies.nearest_copy(asked, self.prints[rows], self.limit)
        return found is not None and bool((self.prints[rows[found]] == self.prints[row]).all())


def _figures(
    dataset: Dataset,
    gallery: npt.NDArray[np.float32],
    parts: list[Outputs],
    rows: Rows,
    paired: npt.NDArray[np.bool_],
    listed: ListedPhotos | None,
    alter: Alteration,
) -> dict[str, Any]:
    """The figures of altered photos.

    Args:
        gallery: float32 (n, d), embeddings of all photos.
        parts: outputs for the altered photos, in batches.
        rows: int64 (q,), their rows.
        paired: bool (q,), whether their product has another photo.
        listed: where copies are looked for; None: they are not.
        alter: what was done to the photos.
    """
    values: dict[str, npt.NDArray[np.bool_]] = {"found_first": np.empty(0, bool), "recall@4": np.empty(0, bool)}
    values["accuracy"] = np.empty(0, bool)
    start = 0
    for part in parts:
        own = rows[start : start + len(part.logits)]
        start += len(own)
        first, recalled = hits(part.embedding, gallery, own, dataset.product)
        right = part.logits.argmax(axis=1) == dataset.category[own]
        for name, found in zip(values, (first, recalled, right), strict=True):
            values[name] = np.append(values[name], found)
    products = dataset.product[rows]
    if listed is not None:
        found = [
            first or listed.knows(alter(without_bars(dataset.photos[row])), int(row))
            for first, row in zip(values["found_first"], rows, strict=True)
        ]
        values["as_served"] = np.array(found, bool)
    values["recall@4"] = values["recall@4"][paired]
    groups = {"found_first": products, "as_served": products, "recall@4": products[paired], "accuracy": products}
    figures: dict[str, Any] = {"as_served": None}
    figures |= {name: float(v.mean()) if len(v) else None for name, v in values.items()}
    figures["intervals"] = {"as_served": None}
    figures["intervals"] |= {name: mean_interval(found, groups[name]) for name, found in values.items()}
    return figures


def hits(
    queries: npt.NDArray[np.float32], gallery: npt.NDArray[np.float32], own: Rows, products: Rows
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each query has the best score with its own photo, and has its product among the 4 best others.

    Args:
        queries: float32 (q, d), embeddings of altered photos.
        gallery: float32 (n, d), embeddings of all photos.
        own: int64 (q,), the row of each query's own photo.
        products: int64 (n,), product of each photo.

    Returns:
        Two of bool (q,).
    """
    scores = queries @ gallery.T  # (q, n)
    each = np.arange(len(own))
    first = scores[each, own] >= scores.max(axis=1)
    scores[each, own] = -np.inf
    found = np.argsort(-scores, axis=1, kind="stable")[:, :_FIRST]
    recalled: npt.NDArray[np.bool_] = (products[found] == products[own][:, None]).any(axis=1)
    return first, recalled
