"""Vector search: cosine neighbours from a FAISS index, with filters."""

from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release import IndexEntry


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each query, best first.

    Attributes:
        rows: int64 (q, k); -1 where fewer than k rows pass.
        scores: float32 (q, k), cosine; -inf where rows is -1.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


class VectorIndex:
    """A loaded index. Search settings travel with each call: the index itself is never changed after loading."""

    def __init__(self, path: Path, entry: IndexEntry, *, threads: int = 0) -> None:
        """Read the index.

        Args:
            path: the FAISS file.
            entry: its manifest entry; type, count and search settings come from there.
            threads: of one search; 0 leaves the number to FAISS (all cores).

        Raises:
            ReleaseError: not a FAISS index, or not the one that the entry describes.
        """
        try:
            self._index = faiss.read_index(str(path))
        except RuntimeError as exc:
            raise ReleaseError(f"{path.name} is not a FAISS index: {str(exc).splitlines()[-1]}") from exc
        self._ivf = isinstance(self._index, faiss.IndexIVF)
        found = (
            "ivf" if self._ivf else "flat" if isinstance(self._index, faiss.IndexFlat) else type(self._index).__name__
        )
        if found != entry.type or self._index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ReleaseError(
                f"{path.name} is a {found} index of metric {self._index.metric_type}; not a {entry.type} inner_product"
            )
        if self._index.ntotal != entry.count:
            raise ReleaseError(f"{path.name} holds {self._index.ntotal} vectors; the manifest says {entry.count}")
        if self._ivf:
            self._index.make_direct_map()  # `vector` finds a row's vector through it
        self._settings = {name: int(value) for name, value in entry.search.items()}
        self._threads = threads
        self.count: int = self._index.ntotal
        self.dim: int = self._index.d

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.int64] | None = None
    ) -> Neighbours:
        """The k nearest rows of each query.

        Args:
            queries: float32 (q, d), L2-normalised.
            k: neighbours wanted.
            allowed: int64 (m,), the rows that may answer; None for all.

        Returns:
            At most as many neighbours as there are rows that may answer.
        """
        if self._threads:
            faiss.omp_set_num_threads(self._threads)  # OpenMP keeps the number for each calling thread apart
        k = min(k, self.count if allowed is None else max(1, len(allowed)))
        selector = None if allowed is None else self._selector(allowed)
        queries = np.ascontiguousarray(queries, np.float32)
        scores, rows = self._index.search(queries, k, params=self._parameters(selector))
        if self._ivf and (rows < 0).any():
            # The probed lists held fewer than k that may answer: look into all.
            everywhere = faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nlist)
            scores, rows = self._index.search(queries, k, params=everywhere)
        return Neighbours(rows, np.where(rows < 0, -np.inf, scores).astype(np.float32))

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The stored vector of a row: float32 (d,), L2-normalised."""
        vector: npt.NDArray[np.float32] = self._index.reconstruct(int(row))
        return vector / np.linalg.norm(vector)

    def _selector(self, allowed: npt.NDArray[np.int64]) -> faiss.IDSelector:
        bits = np.zeros(self.count, np.bool_)
        bits[allowed] = True
        return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))

    def _parameters(self, selector: faiss.IDSelector | None) -> faiss.SearchParameters | None:
        if self._ivf:
            return faiss.SearchParametersIVF(sel=selector, **self._settings)
        return None if selector is None else faiss.SearchParameters(sel=selector)
