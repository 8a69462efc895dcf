"""What a release answers: classify and embed a photo, find similar items, recommend from likes. Knows no HTTP."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lambda_app.errors import QueryError, ReleaseError, UndecodablePhotoError, UnknownItemError
from lambda_app.model import Model
from lambda_app.photo.preprocessing import load_rgb, normalise
from lambda_app.photo.rules import PhotoLimits
from lambda_app.recommendation.query import Match, Selection, SimilarQuery, check_k, check_references, shortened
from lambda_app.release.catalog import Catalog, CatalogItem
from lambda_app.release.manifest import FileEntry, Manifest
from lambda_app.search.faiss_index import VectorIndex
from lambda_app.search.vectors import softmax
from lambda_app.settings import Settings
from lambda_app.telemetry.timings import Timings

# Weight of the disliked against the liked, gamma / beta = 0.15 / 0.75 (Manning, Raghavan and Schuetze 2008, 9.1.1).
DISLIKE_WEIGHT = 0.2


@dataclass(frozen=True)
class Analysis:
    """What one decode and one forward pass tell about a photo.

    Attributes:
        logits: float32 (classes,).
        probabilities: float32 (classes,), the softmax of the logits divided by the release's temperature.
        embedding: float32 (d,), L2-normalised.
    """

    logits: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


class Recommender:
    """A loaded release. Every method may be called from several threads at once; nothing changes after loading."""

    def __init__(
        self, manifest: Manifest, model: Model, index: VectorIndex, catalog: Catalog, limits: PhotoLimits, max_k: int
    ) -> None:
        """Compose the parts of one release; `load` opens and checks them."""
        self.manifest = manifest
        self._model = model
        self._index = index
        self._catalog = catalog
        self._limits = limits
        self._max_k = max_k
        # The last request that holds a release gives its files back, whichever thread that is.
        self._finalizer = weakref.finalize(self, catalog.close)

    def analyse(self, photo: bytes, timings: Timings | None = None) -> Analysis:
        """Decode a photo and run the network, once each.

        Raises:
            PhotoError: the photo cannot be taken.
        """
        timings = timings or Timings()
        preprocessing = self.manifest.preprocessing
        with timings.measure("decode"):
            images = normalise(load_rgb(photo, preprocessing, self._limits)[np.newaxis], preprocessing)
        with timings.measure("forward"):
            output = self._model.run(images)
        logits, embedding = output.logits[0], output.embedding[0]
        if not (np.isfinite(logits).all() and np.isfinite(embedding).all()):
            raise UndecodablePhotoError("the network gives no finite answer for the photo")
        probabilities = softmax(logits, self.manifest.model.temperature).astype(np.float32)
        return Analysis(logits, probabilities, embedding)

    def check(self, query: SimilarQuery) -> None:
        """Check a search before the photo that it is for is decoded.

        Raises:
            QueryError: a parameter of the query is out of its range.
        """
        query.check(self._max_k, self.manifest.categories)

    def top(self, analysis: Analysis, k: int) -> list[int]:
        """Indices of the k most probable categories, best first; all where there are fewer.

        Raises:
            QueryError: k is out of its range.
        """
        check_k(k, self._max_k)
        return [int(index) for index in np.argsort(-analysis.probabilities, kind="stable")[:k]]

    def similar(
        self, embedding: npt.NDArray[np.float32], query: SimilarQuery, timings: Timings | None = None
    ) -> list[Match]:
        """The items nearest to an embedding.

        Args:
            embedding: float32 (d,), L2-normalised.
            query: how many, and which may answer.

        Returns:
            Matches by falling score; fewer than `query.k` only where fewer exist.

        Raises:
            QueryError: a parameter of the query is out of its range.
        """
        return self._search(embedding, query, frozenset(), timings or Timings())

    def similar_to(self, image_id: str, query: SimilarQuery, timings: Timings | None = None) -> list[Match]:
        """The items nearest to an item's stored vector, without itself (and, by product, without its product).

        Raises:
            QueryError, UnknownItemError.
        """
        row = self._row(image_id)
        return self._search(self._index.vector(row), query, frozenset([row]), timings or Timings())

    def recommend(
        self, liked: Sequence[str], disliked: Sequence[str], query: SimilarQuery, timings: Timings | None = None
    ) -> list[Match]:
        """Items near the liked and away from the disliked, excluding both (and, by product, their products).

        The query vector is the mean of the liked minus `DISLIKE_WEIGHT` times the mean of the disliked, normalised:
        relevance feedback after Rocchio (1971), "Relevance feedback in information retrieval", without a first query.

        Raises:
            QueryError: nothing liked, too many ids, an id on both sides, vectors that cancel out.
            UnknownItemError.
        """
        check_references(liked, disliked)
        likes, dislikes = self._rows(liked), self._rows(disliked)
        direction = self._mean_vector(likes)
        if dislikes:
            direction = direction - DISLIKE_WEIGHT * self._mean_vector(dislikes)
        length = float(np.linalg.norm(direction))
        if length < 1e-6:
            raise QueryError("the liked and disliked items cancel out; no direction is left to search in")
        return self._search(direction / length, query, frozenset(likes + dislikes), timings or Timings())

    def item(self, image_id: str) -> CatalogItem:
        """An item of the catalog.

        Raises:
            UnknownItemError: the live release has no such image id.
        """
        return self._catalog.items([self._row(image_id)])[0]

    def cosine(self, embedding: npt.NDArray[np.float32], image_id: str) -> float:
        """The cosine of an embedding, float32 (d,), and an item's stored vector.

        Raises:
            UnknownItemError.
        """
        return float(self._index.vector(self._row(image_id)) @ embedding)

    def close(self) -> None:
        """Give the files back now; otherwise that happens with the last reference."""
        self._finalizer()

    def _row(self, image_id: str) -> int:
        row = self._catalog.find(image_id)
        if row is None:
            raise UnknownItemError(f"release {self.manifest.release} has no item {shortened(image_id)}")
        return row

    def _rows(self, image_ids: Iterable[str]) -> list[int]:
        return [self._row(image_id) for image_id in dict.fromkeys(image_ids)]

    def _mean_vector(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        mean: npt.NDArray[np.float32] = np.mean([self._index.vector(row) for row in rows], axis=0, dtype=np.float32)
        return mean

    def _search(
        self, embedding: npt.NDArray[np.float32], query: SimilarQuery, excluded: frozenset[int], timings: Timings
    ) -> list[Match]:
        self.check(query)
        with timings.measure("search"):
            allowed = None if query.where.empty else self._catalog.passing(query.where)
            available = self._index.count if allowed is None else len(allowed)
            if available == 0:
                return []
            taken = Selection(query, excluded, self._products(excluded, query))
            # Twice as many as wanted covers two photos a product; what repeats more is found by widening.
            fetch = min(available, (2 if query.distinct == "product" else 1) * query.k + len(excluded))
            while True:
                found = self._index.search(embedding[np.newaxis], fetch, allowed)
                rows = [int(row) for row in found.rows[0] if row >= 0]
                matches = taken.pick(rows, found.scores[0, : len(rows)].tolist(), self._catalog.items(rows))
                if len(matches) == query.k or fetch == available or found.scores[0, -1] < query.min_score:
                    return matches
                fetch = min(available, 4 * fetch)

    def _products(self, rows: frozenset[int], query: SimilarQuery) -> frozenset[str]:
        if query.distinct == "image" or not rows:
            return frozenset()
        return frozenset(item.product_id for item in self._catalog.items(sorted(rows)))


def load(manifest: Manifest, files: Callable[[FileEntry], Path], settings: Settings) -> Recommender:
    """Open a release, checking that its parts fit each other and the manifest.

    Args:
        manifest: of the release.
        files: gives the local path of a serving file and has verified its sha256, as a store's `local_file` does.
        settings: threads, limits.

    Raises:
        ReleaseError: parts that do not open, or disagree.
        StoreError: from `files`.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="model-opener") as beside:
        # The model is the largest file and the slowest to open; the others arrive while it does.
        opening = beside.submit(_open_model, manifest, files, settings)
        index = VectorIndex(files(manifest.index), manifest.index, threads=settings.threads)
        catalog_path = files(manifest.catalog)
        model = opening.result()
    _check_dimensions(manifest, model, index)
    catalog = Catalog(catalog_path)
    if catalog.count != manifest.catalog.count:
        catalog.close()
        raise ReleaseError(f"the catalog holds {catalog.count} items; the manifest says {manifest.catalog.count}")
    return Recommender(manifest, model, index, catalog, settings.photo_limits, settings.max_k)


def _open_model(manifest: Manifest, files: Callable[[FileEntry], Path], settings: Settings) -> Model:
    model = Model(files(manifest.model), threads=settings.threads)
    size = manifest.preprocessing.size
    if model.input_shape[1:] == (3, size, size):
        return model  # no pass to see whether photos fit: a twentieth of a second of a cold start
    try:
        model.run(np.zeros((1, 3, size, size), np.float32))
    except Exception as exc:  # onnxruntime's errors share no base class but Exception
        raise ReleaseError(f"the model does not take photos of {size} x {size} pixels: {exc}") from exc
    return model


def _check_dimensions(manifest: Manifest, model: Model, index: VectorIndex) -> None:
    if not model.embedding_dim == index.dim == manifest.model.embedding_dim:
        raise ReleaseError(
            f"embedding dimensions disagree: the model has {model.embedding_dim}, the index {index.dim}, "
            f"the manifest {manifest.model.embedding_dim}"
        )
    if model.classes != len(manifest.categories):
        raise ReleaseError(f"the model has {model.classes} classes; the manifest names {len(manifest.categories)}")
