"""The FAISS file of a release: its types, and how to open it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from lambda_app.errors import ReleaseError
from lambda_app.release.row_set import RowSet

# How `IndexRefine` stores the full vectors, by index type.
CODES = {
    "ivf-float16": faiss.ScalarQuantizer.QT_fp16,
    "ivf-int8": faiss.ScalarQuantizer.QT_8bit,
}


@dataclass(frozen=True)
class VectorFile:
    """An open index, mapped into memory.

    Attributes:
        type: as in the manifest: "flat", "ivf-float16", "ivf-int8"; FAISS's class name for any other index.
        searched: the whole index, which FAISS itself could search.
        stored: the index that returns the vector of a row.
        first: the part that finds neighbours ("flat") or candidates by a few dimensions (inverted file).
        inverted: the inverted file inside `first`; None for "flat".
    """

    type: str
    searched: faiss.Index
    stored: faiss.Index
    first: faiss.Index
    inverted: faiss.IndexIVF | None = None

    @property
    def lists(self) -> int:
        """The number of lists of the inverted file; 0 for "flat"."""
        return 0 if self.inverted is None else int(self.inverted.nlist)

    @cached_property
    def list_sizes(self) -> npt.NDArray[np.int64]:
        """The number of rows in each list: int64 (lists,)."""
        if self.inverted is None:
            raise ValueError(f"a {self.type} index has no lists")
        inverted_lists = self.inverted.invlists
        return np.array([inverted_lists.list_size(number) for number in range(self.lists)], np.int64)

    @cached_property
    def list_of_row(self) -> npt.NDArray[np.uint16]:
        """The number of each row's list: uint16 (n,), computed on first use. Two bytes per row."""
        if self.inverted is None:
            raise ValueError(f"a {self.type} index has no lists")
        found = np.zeros(self.inverted.ntotal, np.uint16)
        inverted_lists = self.inverted.invlists
        for number, size in enumerate(self.list_sizes.tolist()):
            if size:
                found[faiss.rev_swig_ptr(inverted_lists.get_ids(number), size)] = number
        return found

    def decoded(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The stored vectors of rows, as they are: float32 (m, d). Of a type that the manifest has.

        FAISS's own `reconstruct_batch` makes a decoder for each row, which takes several times as long.
        """
        codes = self._stored_codes
        # A file has its values at any byte. Of values that are not aligned, `take` first copies all.
        found = codes.take(rows, axis=0) if codes.flags.aligned else codes[rows]
        if self.type == "ivf-float16":
            return _of_float16(found)
        if self.type != "ivf-int8":
            return np.asarray(found, np.float32)
        step, first = self._steps
        vectors: npt.NDArray[np.float32] = np.multiply(found, step, dtype=np.float32)
        vectors += first
        return vectors

    @cached_property
    def _stored_codes(self) -> npt.NDArray[Any]:
        """The stored vectors in the mapped file: (n, d), float32, float16 or uint8."""
        count, dim = self.stored.ntotal, self.stored.d
        if self.type == "flat":
            vectors: npt.NDArray[np.float32] = faiss.rev_swig_ptr(self.stored.get_xb(), count * dim)
            return vectors.reshape(count, dim)
        size = self.stored.code_size
        codes: npt.NDArray[np.uint8] = faiss.rev_swig_ptr(self.stored.codes.data(), count * size).reshape(count, size)
        return codes.view(np.float16) if self.type == "ivf-float16" else codes

    @cached_property
    def _steps(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What a code of int8 stands for, by dimension: code times the first, plus the second. float32 (d,), twice."""
        lowest, width = faiss.vector_to_array(self.stored.sq.trained).reshape(2, -1)
        step = width / np.float32(255)
        return step, lowest + step / 2

    def parameters(
        self, nprobe: int, allowed: RowSet | None = None, lists: RowSet | None = None
    ) -> faiss.SearchParameters:
        """The FAISS parameters of one search of `first`.

        Args:
            nprobe: number of lists to search, in an inverted file.
            allowed: rows that may be returned; None: all.
            lists: lists that may be searched; None: all.
        """
        selector = _selector(allowed)
        if self.inverted is None:
            return faiss.SearchParameters(sel=selector)
        quantizer = faiss.SearchParameters(sel=_selector(lists))
        inverted = faiss.SearchParametersIVF(nprobe=nprobe, sel=selector, quantizer_params=quantizer)
        return faiss.SearchParametersPreTransform(index_params=inverted)


def _of_float16(codes: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Finite float16 as float32, exactly, and five times as fast as numpy's cast.

    Sign, exponent and mantissa are moved to their places in a float32. Its exponent then lacks the difference of both
    offsets, 127 - 15, which one product adds. Subnormal numbers are right, too.
    """
    bits = codes.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70000001)  # the shift copied the sign into three bits of the exponent
    values = bits.view(np.float32)
    values *= np.float32(2.0**112)
    return values


def _selector(rows: RowSet | None) -> faiss.IDSelector | None:
    return None if rows is None else faiss.IDSelectorBitmap(rows.bits)


def open_vectors(path: Path) -> VectorFile:
    """Map a FAISS file of any type into memory.

    Raises:
        ReleaseError: not a FAISS index.
    """
    try:
        # Pages are read when a search needs them, so a million vectors open in milliseconds.
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as exc:
        raise ReleaseError(f"{path.name} is not a FAISS index: {str(exc).splitlines()[-1]}") from exc
    if isinstance(index, faiss.IndexFlat):
        return VectorFile("flat", index, index, index)
    if isinstance(index, faiss.IndexRefine):
        stored = faiss.downcast_index(index.refine_index)
        base = faiss.downcast_index(index.base_index)
        inverted = faiss.try_extract_index_ivf(base)
        # FAISS frees `stored` together with `index`, so `stored` keeps the index alive. `base` and `inverted` need no
        # such reference: they are only used inside a VectorFile, which holds the index.
        stored.referenced_objects = [index]
        for name, codes in CODES.items():
            if inverted and isinstance(stored, faiss.IndexScalarQuantizer) and stored.sq.qtype == codes:
                return VectorFile(name, index, stored, base, inverted)
    return VectorFile(type(index).__name__, index, index, index)
