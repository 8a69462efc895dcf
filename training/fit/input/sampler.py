"""Which photos stand in a batch together: both photos of a product, and some other products of its category.

The metric loss has its positive pair in the one, and in the others the negatives that are hard to tell from it; those
of other categories are told apart before long, and teach no more.
"""

import numpy as np
import numpy.typing as npt

from lambda_app.errors import SettingsError

# Pairs of one category in a row. Fewer make the metric loss too easy; more leave too few categories in a small batch,
# whose statistics are then not those of all photos.
_RUN = 4


def pair_batches(
    labels: npt.NDArray[np.int64],
    batch: int,
    rng: np.random.Generator,
    categories: npt.NDArray[np.int64] | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Shuffle one epoch into batches in which photos come in pairs of the same label.

    A label with two photos is one pair; one with more is cut into pairs at random; photos left alone are paired with
    one another, so that every unit is two photos and no cut between batches parts a pair. All batches have the same
    size: what does not fill the last one is left out of this epoch, at random, and returns in the next.

    Args:
        labels: int64 (n,), the product (or category) of each photo.
        batch: photos a batch, even. A smaller set makes one batch of all its photos.
        rng: what shuffles; the same state gives the same epoch.
        categories: int64 (n,), of each photo; pairs of one come in short runs. None where the labels are categories.

    Returns:
        int64 (batch,) positions into `labels`, one array for each batch.

    Raises:
        SettingsError: the batch is odd or smaller than 2.
    """
    if batch < 2 or batch % 2:
        raise SettingsError(f"the batch is {batch}; it must be an even number of photos, so that pairs stay together")
    pairs, alone = _pair_up(labels, rng)
    alone, odd = np.split(alone, [len(alone) // 2 * 2])
    if categories is not None:
        alone = alone[np.argsort(categories[alone], kind="stable")]
    units = rng.permutation(np.concatenate([pairs, alone.reshape(-1, 2)]), axis=0)  # (units, 2)
    if categories is not None:
        units = units[_in_runs(categories[units[:, 0]], rng)]
    order = np.concatenate([units.reshape(-1), odd])
    if len(order) < batch:
        return [order]
    whole = len(order) // batch
    return list(order[: whole * batch].reshape(whole, batch))


def batches_per_epoch(photos: int, batch: int) -> int:
    """How many batches `pair_batches` makes of so many photos."""
    return max(1, photos // batch)


def first_of_each(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each position the first one with the same label: both int64 (n,)."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _pair_up(
    labels: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Random pairs of equal label, int64 (p, 2), and the photos left alone, shuffled."""
    shuffled = rng.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]  # grouped by label, random within
    counts = np.unique(labels[order], return_counts=True)[1]
    place = _places(counts)
    paired = place < np.repeat(counts // 2 * 2, counts)
    return order[paired].reshape(-1, 2), rng.permutation(order[~paired])


def _in_runs(categories: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """An order of units, int64 (u,), in which those of one category stand in runs of `_RUN`, the runs in random order.

    Args:
        categories: int64 (u,), of the units, which are shuffled already.
    """
    order = np.argsort(categories, kind="stable")
    counts = np.unique(categories, return_counts=True)[1]
    begins = _places(counts) % _RUN == 0
    run = np.cumsum(begins) - 1  # of each unit in `order`
    return order[np.argsort(rng.permutation(begins.sum())[run], kind="stable")]


def _places(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The position of each member within its group, of groups of so many members in a row."""
    ends = np.cumsum(counts)
    places: npt.NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return places
