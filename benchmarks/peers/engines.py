"""The engines that are measured beside ours: how each builds, opens and searches its files.

ScaNN, usearch and hnswlib are imported where they are used, because they are installed with the extra `peers` alone.
"""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.peers.faiss_engines import graph, lists, projected
from benchmarks.peers.search import Floats, K, Opened, Rows, Setting
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.row_set import RowSet
from lambda_app.search.building.choice import build_index
from lambda_app.search.faiss_index import VectorIndex

OURS = "ours"
# Neighbours of a node of a graph, and candidates while it is built.
CONNECTED, EXPANSION = 16, 100
_EXPANSIONS = (10, 15, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300, 400, 600, 800)
_LEAVES = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240)
_REORDERED = (20, 30, 40, 60, 80, 100, 150, 200, 300, 400)


# Builds an index of vectors, float16 (n, d), in a folder.
Build = Callable[[npt.NDArray[np.float16], Path], None]


@dataclass(frozen=True)
class Engine:
    """An engine.

    Attributes:
        package: what must be installed; None: it always is.
        build: writes the index to a folder.
        open: opens it to search on one thread.
        ladders: settings to try, in rows; along a row, recall and time rise. Ours chose its own when it was built.
        filters: whether a search can be restricted to a set of rows.
    """

    package: str | None
    build: Build
    open: Callable[[Path], Opened]
    ladders: Sequence[Sequence[Setting]]
    filters: bool = True

    def missing(self) -> str | None:
        """The package that is not installed."""
        return self.package if self.package and importlib.util.find_spec(self.package) is None else None


class _Ours:
    def __init__(self, folder: Path) -> None:
        entry = IndexEntry.model_validate_json((folder / "index.json").read_bytes())
        self._index = VectorIndex(folder / "index.faiss", entry, threads=1)

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        del setting  # it is in the manifest
        found: Rows = self._index.search(query[np.newaxis], K, allowed).rows[0]
        return found


def _build_ours(vectors: npt.NDArray[np.float16], folder: Path) -> None:
    (folder / "index.json").write_text(build_index(vectors, "auto", folder / "index.faiss", seed=0).model_dump_json())


class _Hnswlib:
    def __init__(self, folder: Path) -> None:
        import hnswlib

        shape = json.loads((folder / "shape.json").read_text())
        self._index = hnswlib.Index(space="ip", dim=shape["dim"])
        self._index.load_index(str(folder / "index.bin"), max_elements=shape["count"])
        self._index.set_num_threads(1)
        self._filter: tuple[RowSet, Callable[[int], bool]] | None = None

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        self._index.set_ef(setting[0])
        passes = None if allowed is None else self._passes(allowed)
        found: Rows = self._index.knn_query(query, K, num_threads=1, filter=passes)[0][0].astype(np.int64)
        return found

    def _passes(self, allowed: RowSet) -> Callable[[int], bool]:
        """The package asks a function of Python about each row; a set of rows is the fastest one."""
        if self._filter is None or self._filter[0] is not allowed:
            self._filter = (allowed, frozenset(allowed.rows.tolist()).__contains__)
        return self._filter[1]


def _build_hnswlib(vectors: npt.NDArray[np.float16], folder: Path) -> None:
    import hnswlib

    count, dim = vectors.shape
    index = hnswlib.Index(space="ip", dim=dim)
    index.init_index(max_elements=count, M=CONNECTED, ef_construction=EXPANSION, random_seed=0)
    for start in range(0, count, 65_536):
        index.add_items(np.asarray(vectors[start : start + 65_536], np.float32))
    index.save_index(str(folder / "index.bin"))
    (folder / "shape.json").write_text(json.dumps({"count": count, "dim": dim}))


class _Usearch:
    def __init__(self, folder: Path) -> None:
        from usearch.index import Index

        self._index = Index.restore(folder / "index.usearch", view=True)

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        del allowed
        self._index.expansion_search = setting[0]
        found: Rows = np.asarray(self._index.search(query, K, threads=1).keys).astype(np.int64)
        return found


def _build_usearch(vectors: npt.NDArray[np.float16], folder: Path) -> None:
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16", connectivity=CONNECTED, expansion_add=EXPANSION)
    for start in range(0, len(vectors), 65_536):
        block = np.asarray(vectors[start : start + 65_536], np.float32)
        index.add(np.arange(start, start + len(block)), block)
    index.save(folder / "index.usearch")


class _Scann:
    def __init__(self, folder: Path) -> None:
        import scann

        self._searcher = scann.scann_ops_pybind.load_searcher(str(folder.resolve()))
        self._searcher.set_num_threads(1)

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        del allowed
        leaves, reordered = setting
        found = self._searcher.search(
            query, final_num_neighbors=K, pre_reorder_num_neighbors=reordered, leaves_to_search=leaves
        )[0]
        return np.asarray(found, np.int64)


def _build_scann(quantised: bool) -> Build:
    def build(vectors: npt.NDArray[np.float16], folder: Path) -> None:
        import scann

        whole = np.asarray(vectors, np.float32)
        leaves = max(1, round(2 * len(whole) ** 0.5))
        kind = scann.ReorderType.INT8 if quantised else scann.ReorderType.FLOAT32
        searcher = (
            scann.scann_ops_pybind.builder(whole, K, "dot_product")
            .tree(leaves, 10, training_sample_size=min(len(whole), 250_000))
            .score_ah(2, anisotropic_quantization_threshold=0.2)
            .reorder(100, quantize=kind)
            .build()
        )
        searcher.serialize(str(folder.resolve()))

    return build


def _rows_of(first: Sequence[int], second: Sequence[int]) -> list[list[Setting]]:
    return [[(one, other) for other in second] for one in first]


_ONE_NUMBER: list[list[Setting]] = [[(expansion,) for expansion in _EXPANSIONS]]

ENGINES: dict[str, Engine] = {
    OURS: Engine(None, _build_ours, _Ours, [[()]]),
    "ScaNN, float reorder": Engine("scann", _build_scann(False), _Scann, _rows_of(_LEAVES, _REORDERED), filters=False),
    "ScaNN, int8 reorder": Engine("scann", _build_scann(True), _Scann, _rows_of(_LEAVES, _REORDERED), filters=False),
    "hnswlib": Engine("hnswlib", _build_hnswlib, _Hnswlib, _ONE_NUMBER),
    "usearch, float16": Engine("usearch", _build_usearch, _Usearch, _ONE_NUMBER, filters=False),
    "FAISS IVF,SQ8": Engine(None, *lists),
    "FAISS PCA64,IVF,SQ8 refined": Engine(None, *projected),
    "FAISS HNSW16": Engine(None, *graph),
}
