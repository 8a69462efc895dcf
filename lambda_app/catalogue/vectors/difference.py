"""What must be put into an index, and what must be deleted, to bring it from releases that it holds to another one.

Segments that two releases share are not read: only their dead rows differ. Rows of other segments are compared by image
id. So items that a compaction has moved to another file are not sent again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lambda_app.catalogue.vectors.rows import Held
from lambda_app.search.building.live_vectors import in_blocks

# A merge may store a vector in fewer bits. It keeps this cosine, or the whole index gets more bits (`merging.py`).
SAME_VECTOR = 0.998
_BLOCK = 500

_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Difference:
    """What to do, in this order.

    Attributes:
        puts: rows of the target.
        gone: rows whose photos are no longer there, of each release that the index may hold.
    """

    target: Held
    puts: _Rows
    gone: tuple[tuple[Held, _Rows], ...]

    @property
    def deletes(self) -> int:
        """How many vectors are deleted."""
        return sum(len(rows) for _, rows in self.gone)

    @property
    def size(self) -> int:
        """Vectors put and deleted."""
        return len(self.puts) + self.deletes


def difference(target: Held, held: Sequence[Held | None]) -> Difference:
    """The difference between releases that an index may hold and the target.

    Args:
        target: what the index shall hold.
        held: each photo in the index is as in one of these, or missing if it is missing in one; None: nothing.
    """
    known = [one for one in held if one is not None]
    if len(known) < len(held):
        puts = target.rows
    else:
        needed = [_changed(target, one) for one in known]
        puts = np.unique(np.concatenate(needed)) if needed else target.rows
    return Difference(target, puts, tuple((one, _gone(target, one)) for one in known))


def _changed(target: Held, base: Held) -> _Rows:
    """The rows of the target that are not the same in the base."""
    found = [np.empty(0, np.int64)]
    for rows in in_blocks(_arriving(target, base), _BLOCK):
        found.append(rows[~_same(target, base, rows.tolist())])
    return np.concatenate(found)


def _gone(target: Held, base: Held) -> _Rows:
    """The rows of the base whose photos the target lacks."""
    found = [np.empty(0, np.int64)]
    for rows in in_blocks(_arriving(base, target), _BLOCK):
        ids = [item.image_id for item in base.catalog.items(rows.tolist(), described=False)]
        present = target.find(ids)
        found.append(rows[[image_id not in present for image_id in ids]])
    return np.concatenate(found)


def _arriving(target: Held, base: Held) -> _Rows:
    """The rows of the target but those that are live in a segment that the base has too."""
    of_base = {base.contents(number): number for number in range(len(base.indexes))}
    found = []
    for number, start in enumerate(target.live.starts):
        same = of_base.get(target.contents(number))
        mask = target.mask_of(number)
        found.append(start + np.flatnonzero(mask if same is None else mask & ~base.mask_of(same)))
    return np.concatenate(found)


def _same(target: Held, base: Held, rows: list[int]) -> npt.NDArray[np.bool_]:
    """Which rows of the target the base has with the same photo and the same fields: bool (m,)."""
    items, fingerprints, vectors = target.photos(rows)
    olds = base.find([item.image_id for item in items])
    both = [(place, olds[item.image_id]) for place, item in enumerate(items) if item.image_id in olds]
    same = np.zeros(len(rows), np.bool_)
    if not both:
        return same
    places = [place for place, _ in both]
    old_items, old_fingerprints, old_vectors = base.photos([row for _, row in both])
    cosines = np.einsum("nd,nd->n", vectors[places], old_vectors)
    for place, old, old_fingerprint, cosine in zip(places, old_items, old_fingerprints, cosines, strict=True):
        # Of None, array_equal is true only with None.
        same_photo = np.array_equal(fingerprints[place], old_fingerprint)  # type: ignore[arg-type]
        same[place] = items[place] == old and same_photo and cosine >= SAME_VECTOR
    return same


def deleted_keys(changes: Difference, begin: int, end: int) -> Iterator[str]:
    """The keys of some of the deletions, which are numbered from 0 through all releases."""
    for base, rows in changes.gone:
        own = rows[max(begin, 0) : max(end, 0)].tolist()
        yield from (item.image_id for item in base.catalog.items(own, described=False))
        begin, end = begin - len(rows), end - len(rows)
