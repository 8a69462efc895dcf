"""The queries of a loaded release: classify and embed a photo, find similar items, recommend. Independent of HTTP."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lambda_app.errors import QueryError, UndecodablePhotoError, UnknownItemError
from lambda_app.photo.memory import DecodingMemory
from lambda_app.photo.preprocessing import load_photo, normalise
from lambda_app.photo.rules import WHOLE_PHOTO, PhotoLimits, PhotoPart
from lambda_app.recommendation.analysis import Analysis
from lambda_app.recommendation.finder import Finder
from lambda_app.recommendation.parts import Parts, open_parts
from lambda_app.recommendation.query import Match, Selection, SimilarQuery, check_k, check_references, shortened
from lambda_app.recommendation.same_photo import SamePhotos
from lambda_app.release.catalog import CatalogItem
from lambda_app.release.manifest import FileEntry, Manifest
from lambda_app.search.engine import Engine, Stored
from lambda_app.search.vectors import preference, softmax
from lambda_app.settings import Settings
from lambda_app.store.blocked import NOTHING_BLOCKED, BlockedItems
from lambda_app.telemetry.timings import Timings

# Weight of the disliked items, relative to the liked: gamma / beta = 0.15 / 0.75 (Manning, Raghavan and Schuetze 2008,
# section 9.1.1).
DISLIKE_WEIGHT = 0.2
_T = TypeVar("_T")


class Recommender:
    """A loaded release: immutable and thread-safe."""

    def __init__(
        self,
        parts: Parts,
        limits: PhotoLimits,
        max_k: int,
        *,
        blocked: BlockedItems = NOTHING_BLOCKED,
        like: "Recommender | None" = None,
    ) -> None:
        """Combine the parts of one release. Use `load`, which opens and checks them.

        Args:
            parts: what is open of the release.
            limits: of photos.
            max_k: largest number of results.
            blocked: items that are not in any answer.
            like: another release; what is cached for rows that both have in common is shared.
        """
        self.manifest = parts.manifest
        self.parts = parts
        self.blocked = blocked
        known = None if like is None else like.engine
        self.engine: Engine = parts.source.without(blocked.image_ids, blocked.product_ids, known)
        self._finder = Finder(self.engine)
        self.same = SamePhotos.of(self.engine, self.manifest.same_photo)
        self._limits = limits
        self._max_k = max_k

    def analyse(
        self,
        photo: bytes,
        timings: Timings | None = None,
        memory: DecodingMemory | None = None,
        part: PhotoPart = WHOLE_PHOTO,
    ) -> Analysis:
        """Decode a photo and run one forward pass.

        Args:
            photo: the file's bytes.
            timings: gets the durations.
            memory: what all photos that are decoded at once may take; None for no limit.
            part: what of the photo is analysed.

        Raises:
            PhotoError: the photo cannot be used.
            BusyError: there is no memory for the photo now.
        """
        timings = timings or Timings()
        preprocessing = self.manifest.preprocessing
        with timings.measure("decode"):
            loaded = load_photo(photo, preprocessing, self._limits, memory, part)
            images = normalise(loaded.square[np.newaxis], preprocessing)
        with timings.measure("forward"):
            output = self.parts.model.run(images)
        logits, embedding = output.logits[0], output.embedding[0]
        if not (np.isfinite(logits).all() and np.isfinite(embedding).all()):
            raise UndecodablePhotoError("the network's output for the photo is not finite")
        probabilities = softmax(logits, self.manifest.model.temperature).astype(np.float32)
        return Analysis(logits, probabilities, embedding, self.same.views(loaded.overview))

    def check(self, query: SimilarQuery) -> None:
        """Check the parameters of a search. Called before the photo is decoded, so that bad requests fail early.

        Raises:
            QueryError: a parameter of the query is out of range.
            NotSupportedError: it has words, and the release has no index of them.
        """
        query.check(self._max_k, self.manifest.categories)
        if query.words:
            self.engine.require_words()

    def top(self, analysis: Analysis, k: int) -> list[int]:
        """Indices of the k most probable categories, the most probable first. All if there are fewer than k.

        Raises:
            QueryError: k is out of range.
        """
        check_k(k, self._max_k)
        return [int(index) for index in np.argsort(-analysis.probabilities, kind="stable")[:k]]

    def similar(
        self,
        embedding: npt.NDArray[np.float32],
        query: SimilarQuery,
        timings: Timings | None = None,
        probabilities: npt.NDArray[np.float32] | None = None,
    ) -> list[Match]:
        """The items nearest to an embedding, in the order asked for: fewer than `query.k` only if fewer qualify.

        Args:
            embedding: float32 (d,), L2-normalised.
            query: number of results, filter, minimum score and order.
            probabilities: float32 (classes,), of the categories; None: the order is that of the cosine.

        Raises:
            QueryError, NotSupportedError: as `check`.
        """
        weight = self.manifest.ranking.category_weight
        # With a filter by category all results get the same bonus.
        by_category = query.rank == "category" and weight > 0 and query.where.category is None
        if probabilities is None or not by_category:
            return self._search(embedding, query, (), timings or Timings())
        self.check(query)
        bonuses = dict(zip(self.manifest.categories, (weight * probabilities).tolist(), strict=True))
        with (timings or Timings()).measure("search"):
            return self._finder.ranked(embedding, Selection(query), bonuses)

    def similar_to(self, image_id: str, query: SimilarQuery, timings: Timings | None = None) -> list[Match]:
        """The items nearest to an item's stored vector, without the item itself.

        If `query.distinct` is "product", all photos of its product are excluded too.

        Raises:
            QueryError, UnknownItemError: a parameter is out of range; the live release has no such image id.
        """
        (found,) = self._stored([image_id])
        return self._search(found.vector, query, [found], timings or Timings())

    def search(self, query: SimilarQuery, timings: Timings | None = None) -> list[Match]:
        """The items that have the words of a query, best first; raises as `check`. Their scores are NaN."""
        self.check(query)
        with (timings or Timings()).measure("search"):
            return self._finder.by_words(Selection(query))

    def recommend(
        self, liked: Sequence[str], disliked: Sequence[str], query: SimilarQuery, timings: Timings | None = None
    ) -> list[Match]:
        """Items similar to the liked items and dissimilar to the disliked items, without these items themselves.

        If `query.distinct` is "product", all photos of their products are excluded too. The query vector is the mean of
        the liked vectors minus `DISLIKE_WEIGHT` times the mean of the disliked vectors, normalised.

        Raises:
            QueryError: a parameter is out of range, no id is liked, too many, one in both lists, or they cancel out.
            UnknownItemError: the live release has no such image id.
        """
        check_references(liked, disliked)
        found = self._stored([*liked, *disliked])
        vectors, likes = [one.vector for one in found], len(set(liked))
        direction = preference(vectors[:likes], vectors[likes:], DISLIKE_WEIGHT)
        length = float(np.linalg.norm(direction))
        if length < 1e-6:
            raise QueryError("the vectors of the liked and disliked items cancel out; change either list")
        return self._search(direction / length, query, found, timings or Timings())

    def item(self, image_id: str) -> CatalogItem:
        """One item of the catalog.

        Raises:
            UnknownItemError: the live release has no such image id.
        """
        return self._found(self.engine.items, [image_id])[0]

    def cosine(self, embedding: npt.NDArray[np.float32], image_id: str) -> float:
        """The cosine of an embedding, float32 (d,), and an item's stored vector; raises as `item`."""
        return float(self._stored([image_id])[0].vector @ embedding)

    def try_model(self) -> None:
        """Run the network once, on a black photo; raises as `Model.try_size`."""
        self.parts.model.try_size(self.manifest.preprocessing.size)

    def without(self, blocked: BlockedItems, like: "Recommender | None" = None) -> "Recommender":
        """The same release, with these items in no answer; those that are blocked now are not, if they are not named.

        Args:
            blocked: the items. What the release does not have is left out.
            like: as for the constructor.
        """
        if blocked == self.blocked:
            return self
        return Recommender(self.parts, self._limits, self._max_k, blocked=blocked, like=like or self)

    def close(self) -> None:
        """Close the catalogs now, also for releases that share them.

        Otherwise each is closed when the last release that uses it is garbage-collected.
        """
        self.engine.close()

    def _stored(self, image_ids: Sequence[str]) -> list[Stored]:
        return self._found(self.engine.stored, image_ids)

    def _found(self, look_up: Callable[[list[str]], dict[str, _T]], image_ids: Sequence[str]) -> list[_T]:
        """What is found for these ids, each once."""
        wanted = list(dict.fromkeys(image_ids))
        found = look_up(wanted)
        if (unknown := next((image_id for image_id in wanted if image_id not in found), None)) is not None:
            raise UnknownItemError(f"release {self.manifest.release} has no item {shortened(unknown)}")
        return [found[image_id] for image_id in wanted]

    def _search(
        self, embedding: npt.NDArray[np.float32], query: SimilarQuery, excluded: Sequence[Stored], timings: Timings
    ) -> list[Match]:
        """A search without these items; if products are to differ, without all photos of their products."""
        self.check(query)
        products = () if query.distinct == "image" else (one.item.product_id for one in excluded)
        selection = Selection(query, frozenset(one.row for one in excluded), frozenset(products))
        with timings.measure("search"):
            return self._finder.nearest(embedding, selection)


def load(
    manifest: Manifest,
    files: Callable[[FileEntry], Path],
    settings: Settings,
    previous: Recommender | None = None,
    read: Callable[[str], bytes] | None = None,
) -> Recommender:
    """Open a release, and check that its parts match each other and the manifest.

    Args:
        manifest: the release's manifest.
        files: returns the verified local path of a file, as a store's `local_file` does. It is not asked for a file
            that `previous` has open.
        settings: threads and limits.
        previous: a loaded release, with the same settings. What both have in common is shared, with all caches.
        read: as for `open_parts`, whose errors it raises.
    """
    parts = open_parts(manifest, files, settings, None if previous is None else previous.parts, read)
    return Recommender(parts, settings.photo_limits, settings.max_k, like=previous)
