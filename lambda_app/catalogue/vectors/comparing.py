"""Compares an index with the catalogue of a release: which items it has, and what it holds of some of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.vectors.difference import SAME_VECTOR
from lambda_app.catalogue.vectors.index import VectorsIndex
from lambda_app.catalogue.vectors.rows import Held
from lambda_app.search.s3vectors.schema import MOST_GOT, metadata_of

SAMPLED, SEGMENTS = 1_000, 8
_NAMED = 5


@dataclass(frozen=True)
class Compared:
    """The result of a comparison.

    Attributes:
        listed: vectors in the index.
        sampled: items whose vectors and metadata were read.
        differences: in words; none if the index is what it should be.
    """

    listed: int
    sampled: int
    differences: tuple[str, ...]


def compare(index: VectorsIndex, target: Held, next_row: int, seed: int, sampled: int = SAMPLED) -> Compared:
    """Compare all keys, and vectors and metadata of a random sample.

    Args:
        index: of the release's model.
        target: the release.
        next_row: no item may have this row or a later one.
        seed: of the sample.
        sampled: how many items of it.

    Raises:
        StoreError: the service does not answer.
    """
    missing, strangers, listed = _listed(index, target)
    differences = []
    if len(missing):
        names = [item.image_id for item in target.catalog.items(missing[:_NAMED].tolist(), described=False)]
        differences.append(f"{len(missing):,} items are missing: {_some(names, len(missing))}")
    if strangers:
        differences.append(
            f"{len(strangers):,} vectors are not items of {target.manifest.release}: {_some(strangers, len(strangers))}"
        )
    there = np.setdiff1d(target.rows, missing, assume_unique=True)
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(there, min(sampled, len(there)), replace=False))
    differences += _contents(index, target, rows, next_row)
    return Compared(listed, len(rows), tuple(differences))


def _listed(index: VectorsIndex, target: Held) -> tuple[npt.NDArray[np.int64], list[str], int]:
    """The rows whose items the index lacks; keys that are no items; and the number of all keys."""
    seen = np.zeros(target.live.rows, np.bool_)
    strangers: list[str] = []
    listed = 0

    def segment(number: int) -> None:
        nonlocal listed
        for page in index.pages(number, SEGMENTS):
            found = target.find(page)
            seen[[*found.values()]] = True
            strangers.extend(key for key in page if key not in found)
            listed += len(page)

    with ThreadPoolExecutor(SEGMENTS, thread_name_prefix="list") as pool:
        for done in [pool.submit(segment, number) for number in range(SEGMENTS)]:
            done.result()
    rows = target.rows
    return rows[~seen[rows]], strangers, listed


def _contents(index: VectorsIndex, target: Held, rows: npt.NDArray[np.int64], next_row: int) -> Iterator[str]:
    """What differs in the vectors and metadata of these rows."""
    wrong: dict[str, list[str]] = {}
    numbers: set[int] = set()
    for begin in range(0, len(rows), MOST_GOT):
        items, fingerprints, vectors = target.photos(rows[begin : begin + MOST_GOT].tolist())
        found = index.get([item.image_id for item in items])
        for item, fingerprint, vector in zip(items, fingerprints, vectors, strict=True):
            one = found.get(item.image_id)
            if one is None:
                wrong.setdefault("were not found", []).append(item.image_id)
                continue
            metadata = one.get("metadata") or {}
            row = _row(metadata.get("row"))
            if not 0 <= row < next_row or row in numbers:
                wrong.setdefault(f"have no row of their own below {next_row:,}", []).append(item.image_id)
            numbers.add(row)
            if metadata != metadata_of(row, item, fingerprint):
                wrong.setdefault("have other metadata", []).append(item.image_id)
            if not _same(np.asarray(one["data"]["float32"], np.float32), vector):
                wrong.setdefault("have another vector", []).append(item.image_id)
    for what, ids in wrong.items():
        yield f"{len(ids):,} of {len(rows):,} sampled items {what}: {_some(ids, len(ids))}"


def _row(value: object) -> int:
    """The row in metadata; -1 if it is none. The service may answer a whole number as 7.0."""
    return int(value) if isinstance(value, int | float) and value == int(value) else -1


def _same(stored: npt.NDArray[np.float32], wanted: npt.NDArray[np.float32]) -> bool:
    """Whether a stored vector is the one of the release, as far as a merge may round it."""
    length = float(np.linalg.norm(stored))
    return stored.shape == wanted.shape and length > 0 and float(stored @ wanted) / length >= SAME_VECTOR


def _some(names: Sequence[str], count: int) -> str:
    shown = ", ".join(repr(name[:80]) for name in names[:_NAMED])
    return shown + (f" and {count - _NAMED:,} more" if count > _NAMED else "")
