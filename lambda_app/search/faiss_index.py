"""Vector search: cosine neighbours from a FAISS index, with filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.row_set import RowSet
from lambda_app.search.first_pass import FirstPass
from lambda_app.search.neighbours import Neighbours as Neighbours
from lambda_app.search.ranking import ranked, ranked_by_query
from lambda_app.search.vector_file import open_vectors
from lambda_app.search.vectors import unit

# If a filter leaves at most this many rows, or at most one row in this many, exact search over them is faster.
_EXACT_ROWS, _EXACT_ONE_IN = 200, 5_000
# Candidates are found for at least this many neighbours, because the manifest's recall was measured for ten.
MIN_DEPTH = 10
# Candidates of a flat index whose dead rows are dropped, for each neighbour.
_FLAT_FACTOR = 2
# A filter reduces the number of candidates for each neighbour, but not below this (or `factor`, if that is smaller).
_MIN_FACTOR = 8
# With a filter, nprobe is multiplied by these powers of concentration and dilution (see `_candidates`). Measured with
# filters that pass 50 %, 1 % and one category, on catalogues of one million and of ten million rows.
_CONCENTRATION_POWER, _DILUTION_POWER = 0.85, 0.3
# A filter that passes at least this share of all rows is searched without a selector, if at least this share of the
# candidates remains.
_DENSE_SHARE, _DENSE_REMAINDER = 0.6, 0.7
# If the searched lists have too few candidates, nprobe is multiplied by this.
_NPROBE_GROWTH = 4


def small_enough(passing: int, count: int) -> bool:
    """Whether a filter leaves so few of `count` rows that exact search over them is faster."""
    return passing <= max(_EXACT_ROWS, count // _EXACT_ONE_IN)


@dataclass(frozen=True)
class _Distribution:
    """How a set of rows is distributed over the lists of an inverted file.

    Attributes:
        lists: the lists that contain at least one row of the set.
        share: share of a list's rows that are in the set, averaged over the rows of the set; in (0, 1].
    """

    lists: RowSet
    share: float


class VectorIndex:
    """A loaded index. Search settings are passed with each call; the index is never changed after loading.

    An inverted file is searched in two steps. The lists nearest to the query give candidates, `factor` for each
    neighbour, compared by a few dimensions. They are ranked by the cosine of their stored vectors. So the score of a
    row does not depend on how the row was found.
    """

    def __init__(self, path: Path, entry: IndexEntry, *, threads: int = 0) -> None:
        """Map the index into memory. Pages are read from disk when a search needs them.

        Args:
            path: the FAISS file.
            entry: its manifest entry; type, count and search settings come from there.
            threads: number of threads for one search; 0: FAISS uses all cores.

        Raises:
            ReleaseError: not a FAISS index, or it does not match the entry.
        """
        self._file = open_vectors(path)
        searched = self._file.searched
        if self._file.type != entry.type or searched.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ReleaseError(
                f"{path.name} is a {self._file.type} index with metric {searched.metric_type}; "
                f"it must be {entry.type} with inner_product"
            )
        for part in (searched, self._file.stored):
            if part.ntotal != entry.count:
                raise ReleaseError(f"{path.name} holds {part.ntotal} vectors; the manifest says {entry.count}")
        self._nprobe = min(entry.search.get("nprobe", 1), max(1, self._file.lists))
        self._unfiltered = self._file.parameters(self._nprobe)  # most searches have no filter: made once
        self._first_pass = FirstPass.of(self._file, self._nprobe)
        self._factor = entry.search.get("factor", 1)
        self._distributions: WeakKeyDictionary[RowSet, _Distribution] = WeakKeyDictionary()
        self._threads = threads
        self.count: int = entry.count
        self.dim: int = searched.d
        self.type = entry.type

    def search(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet | None = None) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: float32 (q, d), L2-normalised.
            k: number of neighbours.
            allowed: the rows that may be returned; None: all.

        Returns:
            k neighbours of each query, or all allowed rows if there are fewer than k.
        """
        if self._threads:
            faiss.omp_set_num_threads(self._threads)  # OpenMP stores it for each calling thread
        queries = np.ascontiguousarray(queries, np.float32)
        passing = self.count if allowed is None else len(allowed)
        k = min(k, max(1, passing))
        if allowed is not None and small_enough(passing, self.count):
            return self.search_exactly(queries, k, allowed)
        if self._file.lists == 0:
            parameters = self._unfiltered if allowed is None else self._file.parameters(0, allowed)
            scores, rows = self._file.first.search(queries, k, params=parameters)
            return Neighbours(rows, scores)
        depth = max(k, MIN_DEPTH)
        candidates = self._dense_candidates(queries, depth, allowed) if allowed is not None else None
        if candidates is None:
            candidates = self._candidates(queries, depth, allowed)
        return ranked_by_query(self._file, queries, candidates, k)

    def quick_search(
        self, query: npt.NDArray[np.float32], depth: int, live: npt.NDArray[np.bool_] | None, count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]] | None:
        """The live rows that are nearest to a query, best first, and their cosines.

        Dead rows are found, too, and then dropped.

        Args:
            query: float32 (1, d), L2-normalised.
            depth: number of neighbours.
            live: bool (rows,); None: all rows are live.
            count: the number of live rows.

        Returns:
            `depth` rows and scores; None if the quick search does not find as many, or finds fewer candidates than
            recall was measured with. Then `search` does.
        """
        share = count / self.count
        if share < _DENSE_SHARE:
            return None
        if self._threads:
            faiss.omp_set_num_threads(self._threads)
        wanted = depth * (self._factor if self._file.lists else _FLAT_FACTOR)
        # A few more because of dead rows: the mean between none and as many as are dead has nearly all recall.
        fetched = min(self.count, int(wanted / share**0.5))
        if self._file.lists:
            rows = self._found(query, fetched)[0]
            if rows[-1] < 0:  # the nearest neighbours may be in lists that were not searched
                return None
        else:
            rows = self._file.first.search(query, fetched, params=self._unfiltered)[1][0]
        if live is not None:
            kept = live[rows]
            rows = rows[kept]
        if len(rows) < max(depth, _DENSE_REMAINDER * wanted if self._file.lists else 0):
            return None
        return ranked(self._file, query[0], rows, depth)

    def search_exactly(self, queries: npt.NDArray[np.float32], k: int, allowed: RowSet) -> Neighbours:
        """As `search`, by the cosine of each of the allowed rows. It takes long if there are many."""
        candidates = np.broadcast_to(allowed.rows, (len(queries), len(allowed)))
        return ranked_by_query(self._file, queries, candidates, min(k, max(1, len(allowed))))

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The stored vector of a row: float32 (d,), L2-normalised."""
        vector: npt.NDArray[np.float32] = self._vectors(np.array([row], np.int64))[0]
        return vector

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """The stored vectors of rows: float32 (m, d), L2-normalised."""
        return self._vectors(np.array(rows, np.int64))

    def decoded(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The stored vectors of rows, rounded as they are stored, so not quite of length 1: float32 (m, d)."""
        return self._file.decoded(rows)

    def _candidates(
        self, queries: npt.NDArray[np.float32], depth: int, allowed: RowSet | None
    ) -> npt.NDArray[np.int64]:
        """Candidate rows of each query, best first by their codes: int64 (q, m), padded with -1."""
        lists: RowSet | None = None
        nprobe, parameters, wanted = self._nprobe, self._unfiltered, self._factor * depth
        if allowed is not None:
            distribution = self._distribution_of(allowed)
            lists = distribution.lists
            # Concentration: how many times denser the allowed rows are in their lists than in the catalogue. It is high
            # for a category. If the query is far from these rows, its neighbours are in more of their lists.
            concentration = max(1.0, self.count / len(allowed) * distribution.share)
            # Dilution: rows of a list for each allowed one. It is high for a price range, which leaves a few rows in
            # every list. Then more lists are searched, for fewer candidates, because fewer rows compete.
            dilution = 1 / distribution.share
            scaled = nprobe * concentration**_CONCENTRATION_POWER * dilution**_DILUTION_POWER
            nprobe = min(self._file.lists, int(np.ceil(scaled)))
            wanted = min(len(allowed), max(int(wanted / dilution**0.5), min(self._factor, _MIN_FACTOR) * depth))
            parameters = self._file.parameters(nprobe, allowed, lists)
        wanted = min(wanted, self.count)
        rows: npt.NDArray[np.int64]
        if allowed is None:
            rows = self._found(queries, wanted)
        else:
            _, rows = self._file.first.search(queries, wanted, params=parameters)
        # With fewer candidates than wanted, the nearest neighbours may be in lists that were not searched.
        while nprobe < self._file.lists and (few := rows[:, -1] < 0).any():
            nprobe = min(self._file.lists, _NPROBE_GROWTH * nprobe)
            parameters = self._file.parameters(nprobe, allowed, lists)
            _, rows[few] = self._file.first.search(queries[few], wanted, params=parameters)
        return rows

    def _found(self, queries: npt.NDArray[np.float32], wanted: int) -> npt.NDArray[np.int64]:
        """What the lists of a search without a filter have, best first: int64 (q, wanted), padded with -1."""
        if self._first_pass is not None and len(queries) == 1:
            return self._first_pass.candidates(queries, wanted)
        rows: npt.NDArray[np.int64] = self._file.first.search(queries, wanted, params=self._unfiltered)[1]
        return rows

    def _dense_candidates(
        self, queries: npt.NDArray[np.float32], depth: int, allowed: RowSet
    ) -> npt.NDArray[np.int64] | None:
        """As `_candidates`, for a set of nearly all rows: a search in all rows, of whose result the others are dropped.

        This is faster than a selector, which is asked for each row of the lists. None if the set leaves out more rows,
        or if it leaves out more near a query than elsewhere, so that too few candidates remain.
        """
        share = len(allowed) / self.count
        if share < _DENSE_SHARE:
            return None
        wanted = self._factor * depth
        fetched = min(self.count, int(wanted / share))
        rows = self._found(queries, fetched)
        passing = allowed.holds(rows)
        if passing.sum(axis=1).min() < _DENSE_REMAINDER * min(wanted, len(allowed)):
            return None
        # Those that pass first, in their order.
        order = np.argsort(~passing, axis=1, kind="stable")[:, : max(depth, wanted)]
        rows = np.take_along_axis(rows, order, axis=1)
        kept: npt.NDArray[np.int64] = np.where(np.take_along_axis(passing, order, axis=1), rows, -1)
        return kept

    def _distribution_of(self, allowed: RowSet) -> _Distribution:
        """How the allowed rows are distributed over the lists. Cached as long as the set of rows exists.

        Lists near the query may have none of them, for example if the photo shows a sofa and the filter is phones.
        """
        if allowed not in self._distributions:
            passing = np.bincount(self._file.list_of_row[allowed.mask(self.count)], minlength=self._file.lists)
            shares = passing / np.maximum(self._file.list_sizes, 1)
            share = float(passing @ shares / len(allowed))
            self._distributions[allowed] = _Distribution(RowSet.of_mask(passing > 0), share)
        return self._distributions[allowed]

    def _vectors(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Stored vectors: float32 (m, d). Normalised again, which removes most of the rounding error of cosines."""
        return unit(self.decoded(rows))
