"""Vector search: cosine neighbours from a FAISS index, with filters."""

from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.row_set import RowSet
from lambda_app.search.vector_file import open_vectors
from lambda_app.search.vectors import unit

# Up to so many rows, or one row in so many, reading all that pass is quicker than finding the near ones among them.
_FEW_ROWS, _ONE_ROW_IN = 200, 5_000
# Candidates are found for at least this many neighbours: the recall of the manifest is that of ten.
_LEAST_DEPTH = 10
# Of the candidates, the best by codes are scored by whole vectors: so many for each neighbour wanted.
_RANKED = 2
# So many candidates for each neighbour are looked for even where a filter leaves them little to compete with.
_LEAST_FACTOR = 8
# Lists that are looked into grow with these powers of how much of the catalogue lies where nothing passes, and of how
# many rows lie beside each that passes: measured at 50 %, 1 % and one category of a million and of ten million.
_ELSEWHERE, _THINNED = 0.85, 0.3
# Where lists near the query hold too few candidates, so many times as many lists are looked into.
_WIDENING = 4


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each query, best first.

    Attributes:
        rows: int64 (q, k); -1 where fewer than k rows pass.
        scores: float32 (q, k), cosine; -inf where rows is -1.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Place:
    """Where in an inverted file a set of rows lies.

    Attributes:
        lists: those that hold any of it.
        share: of the rows in the list of one of them, those that are of the set too, on average; in (0, 1].
    """

    lists: RowSet
    share: float


class VectorIndex:
    """A loaded index. Search settings travel with each call: the index itself is never changed after loading.

    An inverted file is searched in steps. Its lists near the query give candidates by a few dimensions, `factor` for
    each neighbour wanted; FAISS orders them by their codes of all dimensions; and the best are ranked by the cosine of
    their stored vectors. A score does not depend on how its row was found.
    """

    def __init__(self, path: Path, entry: IndexEntry, *, threads: int = 0) -> None:
        """Map the index into memory; its pages are read when they are first needed.

        Args:
            path: the FAISS file.
            entry: its manifest entry; type, count and search settings come from there.
            threads: of one search; 0 leaves the number to FAISS (all cores).

        Raises:
            ReleaseError: not a FAISS index, or not the one that the entry describes.
        """
        self._file = open_vectors(path)
        found = self._file.searched
        if self._file.type != entry.type or found.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ReleaseError(
                f"{path.name} is a {self._file.type} index of metric {found.metric_type}; "
                f"not a {entry.type} inner_product"
            )
        for part in (found, self._file.stored):
            if part.ntotal != entry.count:
                raise ReleaseError(f"{path.name} holds {part.ntotal} vectors; the manifest says {entry.count}")
        self._nprobe = min(entry.search.get("nprobe", 1), max(1, self._file.lists))
        self._unfiltered = self._file.parameters(self._nprobe)  # what most searches ask, made once
        self._factor = entry.search.get("factor", 1)
        self._places: WeakKeyDictionary[RowSet, _Place] = WeakKeyDictionary()
        self._threads = threads
        self.count: int = entry.count
        self.dim: int = found.d

    def search(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet | None = None) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: float32 (q, d), L2-normalised.
            k: neighbours wanted.
            allowed: the rows that may answer; None for all.

        Returns:
            At most as many neighbours as there are rows that may answer, and never fewer than k where k may.
        """
        if self._threads:
            faiss.omp_set_num_threads(self._threads)  # OpenMP keeps the number for each calling thread apart
        queries = np.ascontiguousarray(queries, np.float32)
        passing = self.count if allowed is None else len(allowed)
        k = min(k, max(1, passing))
        if allowed is not None and passing <= max(_FEW_ROWS, self.count // _ONE_ROW_IN):
            return self._rank(queries, np.broadcast_to(allowed.rows, (len(queries), passing)), k)
        if self._file.lists == 0:
            parameters = self._unfiltered if allowed is None else self._file.parameters(0, allowed)
            scores, rows = self._file.searched.search(queries, k, params=parameters)
            return Neighbours(rows, scores)
        depth = max(k, _LEAST_DEPTH)
        candidates = self._candidates(queries, depth, allowed)
        return self._rank(queries, candidates[:, : _RANKED * depth], k)

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The stored vector of a row: float32 (d,), L2-normalised."""
        vector: npt.NDArray[np.float32] = self._vectors(np.array([row], np.int64))[0]
        return vector

    def _candidates(
        self, queries: npt.NDArray[np.float32], depth: int, allowed: RowSet | None
    ) -> npt.NDArray[np.int64]:
        """Rows near each query by their codes, best first: int64 (q, m), -1 where there is none."""
        lists: RowSet | None = None
        nprobe, parameters, wanted = self._nprobe, self._unfiltered, self._factor * depth
        if allowed is not None:
            place = self._place_of(allowed)
            lists, thinned = place.lists, 1 / place.share
            # Where what passes lies together, as a category does, and elsewhere than the query, the near ones lie in
            # more of those lists. Where it is strewn over all lists, as by a price, more of them are looked through for
            # fewer candidates, which compete the less.
            elsewhere = max(1.0, self.count / len(allowed) * place.share)
            nprobe = min(self._file.lists, int(np.ceil(nprobe * elsewhere**_ELSEWHERE * thinned**_THINNED)))
            wanted = min(len(allowed), max(int(wanted / thinned**0.5), min(self._factor, _LEAST_FACTOR) * depth))
            parameters = self._file.parameters(nprobe, allowed, lists)
        wanted = min(wanted, self.count)
        rows: npt.NDArray[np.int64]
        _, rows = self._file.searched.search(queries, wanted, params=parameters)
        # Lists that hold fewer than wanted may hold none of the nearest.
        while nprobe < self._file.lists and (few := rows[:, -1] < 0).any():
            nprobe = min(self._file.lists, _WIDENING * nprobe)
            parameters = self._file.parameters(nprobe, allowed, lists)
            _, rows[few] = self._file.searched.search(queries[few], wanted, params=parameters)
        return rows

    def _place_of(self, allowed: RowSet) -> _Place:
        """Where the rows that may answer lie: near the query there may be none, as where the photo of a sofa is asked
        for phones. Kept as long as the set of rows is.
        """
        if allowed not in self._places:
            passing = np.bincount(self._file.list_of_row[allowed.mask(self.count)], minlength=self._file.lists)
            beside = passing / np.maximum(self._file.list_sizes, 1)
            self._places[allowed] = _Place(RowSet.of_mask(passing > 0), float(passing @ beside / len(allowed)))
        return self._places[allowed]

    def _rank(self, queries: npt.NDArray[np.float32], candidates: npt.NDArray[np.int64], k: int) -> Neighbours:
        """The k best of each query's candidates, int64 (q, m), -1 where there is none, by their stored vectors."""
        rows = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        for number, query in enumerate(queries):
            found = np.sort(candidates[number])  # ascending: equal scores in the order of rows, memory read forwards
            found = found[np.searchsorted(found, 0) :]
            # einsum and not @: BLAS would take more threads than it was given.
            cosines = np.einsum("ij,j->i", self._vectors(found), query)
            best = np.argsort(-cosines, kind="stable")[:k]
            rows[number, : len(best)] = found[best]
            scores[number, : len(best)] = cosines[best]
        return Neighbours(rows, scores)

    def _vectors(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Stored vectors: float32 (m, d). Normalised again, which undoes much of what rounding did to their cosines."""
        return unit(self._file.stored.reconstruct_batch(rows))
