"""The vectors, queries and exact answers that all engines get."""

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.bench.neighbours.exact import exact_floor, recall_at_k
from benchmarks.inputs.synthetic import SyntheticCatalogue
from benchmarks.peers.search import Floats, Rows
from lambda_app.release.row_set import RowSet

QUERIES = 1_000  # for tuning, and as many for the reported figures


def write(folder: Path, catalogue: SyntheticCatalogue, queries: int = QUERIES) -> None:
    """Write a catalogue's vectors, queries, a filter (1 of 13 categories) and the exact tenth scores."""
    catalogue.write(folder / "vectors.npy")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    asked = catalogue.queries(2 * queries)
    allowed = RowSet.of_mask(catalogue.categories() == 0)
    np.save(folder / "queries.npy", asked)
    np.save(folder / "filter.npy", allowed.bits)
    np.savez(
        folder / "floors.npz",
        all=exact_floor(vectors, asked, None),
        filtered=exact_floor(vectors, asked[queries:], allowed),
    )


class Inputs:
    """What `write` wrote.

    Attributes:
        tuning: queries to choose settings with: float32 (q, d), L2-normalised.
        reported: as many others.
        allowed: the rows of one category.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder."""
        self._folder = folder
        queries = np.load(folder / "queries.npy")
        self.tuning: Floats = queries[: len(queries) // 2]
        self.reported: Floats = queries[len(queries) // 2 :]
        bits = np.load(folder / "filter.npy")
        self.allowed = RowSet(bits, int(np.bitwise_count(bits).sum()))

    def vectors(self) -> npt.NDArray[np.float16]:
        """The catalogue's vectors: float16 (n, d), L2-normalised; mapped."""
        vectors: npt.NDArray[np.float16] = np.load(self._folder / "vectors.npy", mmap_mode="r")
        return vectors

    def recall(self, found: Rows, of: str) -> float:
        """recall@10 of rows (q, 10) that were found for the first queries "tuning", "reported" or "filtered".

        Rows count that score at least as high as the exact tenth; a row of another category would be an error.
        """
        half, filtered = len(self.tuning), self._floors["filtered"]
        floors = {"tuning": self._floors["all"][:half], "reported": self._floors["all"][half:], "filtered": filtered}
        queries = self.tuning if of == "tuning" else self.reported
        if of == "filtered" and not self.allowed.holds(found[found >= 0]).all():
            raise ValueError("a search with a filter found rows that it leaves out")
        return recall_at_k(self.vectors(), queries[: len(found)], found, floors[of][: len(found)])

    @cached_property
    def _floors(self) -> dict[str, Floats]:
        with np.load(self._folder / "floors.npz") as file:
            return {name: file[name] for name in file.files}
