"""FAISS's own indexes, as its factory makes them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from benchmarks.peers.search import Floats, K, Opened, Rows, Setting
from lambda_app.release.row_set import RowSet

_Parameters = Callable[[Setting, faiss.IDSelector | None], faiss.SearchParameters]

# Vectors for training: FAISS's k-means uses 256 a list at most.
_TRAINED_ON = 250_000
# Refined with float16 up to so many vectors and with 8 bits above, as ours.
_FLOAT16_UP_TO = 200_000
_NPROBES = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_REFINED = (2, 3, 4, 6, 8, 12, 16, 24)
_EXPANSIONS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)


class _Index:
    """An index of FAISS, mapped into memory as far as its type can be."""

    def __init__(self, folder: Path, parameters: _Parameters) -> None:
        faiss.omp_set_num_threads(1)
        self._index = faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP_IFC)
        self._parameters = parameters
        self._selector: tuple[RowSet, faiss.IDSelector] | None = None

    def search(self, query: Floats, setting: Setting, allowed: RowSet | None) -> Rows:
        selector = None
        if allowed is not None:
            if self._selector is None or self._selector[0] is not allowed:
                self._selector = (allowed, faiss.IDSelectorBitmap(allowed.bits))
            selector = self._selector[1]
        found: Rows = self._index.search(query[np.newaxis], K, params=self._parameters(setting, selector))[1][0]
        return found


def _opener(parameters: _Parameters) -> Callable[[Path], Opened]:
    return lambda folder: _Index(folder, parameters)


def _builder(name: Callable[[int], str]) -> Callable[[npt.NDArray[np.float16], Path], None]:
    def build(vectors: npt.NDArray[np.float16], folder: Path) -> None:
        count, dim = vectors.shape
        index = faiss.index_factory(dim, name(count), faiss.METRIC_INNER_PRODUCT)
        if isinstance(index, faiss.IndexHNSW):
            index.hnsw.efConstruction = 100
        sample = np.random.default_rng(0).choice(count, min(count, _TRAINED_ON), replace=False)
        index.train(np.asarray(vectors[np.sort(sample)], np.float32))
        for start in range(0, count, 65_536):
            index.add(np.asarray(vectors[start : start + 65_536], np.float32))
        faiss.write_index(index, str(folder / "index.faiss"))

    return build


def _lists_for(count: int) -> int:
    """The usual number of lists, four times the square root, as a power of two: 4,096 for a million."""
    return 1 << max(0, round(float(np.log2(4 * count**0.5))))


def _refined(count: int) -> str:
    stored = "SQfp16" if count <= _FLOAT16_UP_TO else "SQ8"
    return f"PCA64,IVF{_lists_for(count)},SQ8,Refine({stored})"


def _inverted(setting: Setting, selector: faiss.IDSelector | None) -> faiss.SearchParameters:
    return faiss.SearchParametersIVF(nprobe=setting[0], sel=selector)


def _refining(setting: Setting, selector: faiss.IDSelector | None) -> faiss.SearchParameters:
    inner = faiss.SearchParametersPreTransform(index_params=_inverted(setting, selector))
    return faiss.IndexRefineSearchParameters(k_factor=float(setting[1]), base_index_params=inner)


def _expanding(setting: Setting, selector: faiss.IDSelector | None) -> faiss.SearchParameters:
    return faiss.SearchParametersHNSW(efSearch=setting[0], sel=selector)


_Ladders = Sequence[Sequence[Setting]]
_Engine = tuple[Callable[[npt.NDArray[np.float16], Path], None], Callable[[Path], Opened], _Ladders]

lists: _Engine = (
    _builder(lambda count: f"IVF{_lists_for(count)},SQ8"),
    _opener(_inverted),
    [[(nprobe,) for nprobe in _NPROBES]],
)
projected: _Engine = (
    _builder(_refined),
    _opener(_refining),
    [[(nprobe, factor) for factor in _REFINED] for nprobe in _NPROBES],
)
graph: _Engine = (
    _builder(lambda _: "HNSW16,Flat"),
    _opener(_expanding),
    [[(expansion,) for expansion in _EXPANSIONS]],
)
