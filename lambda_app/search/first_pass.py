"""The first pass over an inverted file, for one query: as FAISS does it, with less work around it.

With a few thousand short vectors to compare, a third of FAISS's time is spent on other things: a heap of the nearest
centroids, which are compared one by one, and checks in Python. Here numpy compares all centroids in one matrix product.
That is the work of OpenBLAS, which has a limit of threads of its own: servers and benchmarks set it to one.
"""

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.search.vector_file import VectorFile

_Rows = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]


class FirstPass:
    """Finds candidates of a query. Immutable, so threads may share it."""

    def __init__(
        self, inverted: faiss.IndexIVF, transform: faiss.LinearTransform, centroids: _Floats, nprobe: int
    ) -> None:
        """Use `of`, which knows what can be searched in this way.

        Args:
            inverted: the inverted file.
            transform: projects a query to the dimensions of the lists.
            centroids: float32 (lists, dimensions of the lists).
            nprobe: how many lists a search reads.
        """
        self._inverted = inverted
        self._weights = faiss.vector_to_array(transform.A).reshape(transform.d_out, transform.d_in)
        self._bias = faiss.vector_to_array(transform.b) if transform.have_bias else np.zeros((), np.float32)
        # One row for each dimension: the product adds up whole rows, twice as fast as sums over short columns.
        self._centroids = np.ascontiguousarray(centroids.T)
        self._nprobe = nprobe
        self._parameters = faiss.SearchParametersIVF(nprobe=nprobe)

    @classmethod
    def of(cls, file: VectorFile, nprobe: int) -> "FirstPass | None":
        """The first pass of a file; None if the file is built in another way than `building.inverted` does it."""
        if file.inverted is None:
            return None
        base = file.first
        centroids = faiss.downcast_index(file.inverted.quantizer)
        if not isinstance(base, faiss.IndexPreTransform) or base.chain.size() != 1:
            return None
        transform = faiss.downcast_VectorTransform(base.chain.at(0))
        if not isinstance(transform, faiss.LinearTransform) or not isinstance(centroids, faiss.IndexFlatIP):
            return None
        count, dims = centroids.ntotal, centroids.d
        stored: _Floats = faiss.rev_swig_ptr(centroids.get_xb(), count * dims)
        return cls(file.inverted, transform, stored.reshape(count, dims), nprobe)

    def candidates(self, query: _Floats, wanted: int) -> _Rows:
        """The rows that are nearest to a query by the dimensions of the lists, best first.

        Args:
            query: float32 (1, d), L2-normalised.
            wanted: how many.

        Returns:
            int64 (1, wanted), padded with -1 if the lists have fewer.
        """
        projected = self._weights @ query[0]
        projected += self._bias
        closeness = projected @ self._centroids  # (lists,)
        lists = _highest(closeness, self._nprobe)
        distances = closeness[lists]
        scores = np.empty(wanted, np.float32)
        rows = np.empty((1, wanted), np.int64)
        self._inverted.search_preassigned_c(
            1,
            faiss.swig_ptr(projected),
            wanted,
            faiss.swig_ptr(lists),
            faiss.swig_ptr(distances),
            faiss.swig_ptr(scores),
            faiss.swig_ptr(rows),
            False,
            self._parameters,
        )
        return rows


def _highest(values: _Floats, count: int) -> _Rows:
    """The places of the highest values, best first: int64 (count,)."""
    first = len(values) - count
    sorted_in_part = values.copy()
    sorted_in_part.partition(first)
    places = (values >= sorted_in_part[first]).nonzero()[0]  # faster than argpartition
    if len(places) != count:  # equal values, or some that are no numbers
        places = values.argpartition(first)[first:]
    best_first: _Rows = places[values[places].argsort()[::-1]]
    return best_first
