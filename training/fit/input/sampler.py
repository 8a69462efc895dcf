"""Sample batches for the metric loss: pairs of photos of a product, next to pairs from the same category.

The two photos of a product are a positive pair. Other products of the same category are hard negatives. Products of
other categories are easy negatives: the network soon separates them, and then learns nothing more from them.
"""

import numpy as np
import numpy.typing as npt

from lambda_app.errors import SettingsError

# Number of consecutive pairs of one category. With fewer, the metric loss is too easy. With more, a small batch has too
# few categories, and its batch-norm statistics differ from those of the whole split.
_RUN = 4


def pair_batches(
    labels: npt.NDArray[np.int64],
    batch: int,
    rng: np.random.Generator,
    categories: npt.NDArray[np.int64] | None = None,
) -> list[npt.NDArray[np.int64]]:
    """Shuffle one epoch into batches in which photos come in pairs of the same label.

    The photos of a label are randomly grouped into pairs. Single photos that remain are paired with each other, so
    every unit has two photos, and no pair is split between two batches. All batches have the same size. Photos that do
    not fill another batch are left out of this epoch at random; they can appear in the next.

    Args:
        labels: int64 (n,), the product (or category) of each photo.
        batch: photos per batch, an even number. A smaller set gives one batch of all photos.
        rng: random generator for the shuffling; the same state gives the same epoch.
        categories: int64 (n,), category of each photo; pairs of one category come in short runs. None if the labels
            are categories.

    Returns:
        int64 (batch,) positions into `labels`, one array for each batch.

    Raises:
        SettingsError: the batch is odd or smaller than 2.
    """
    if batch < 2 or batch % 2:
        raise SettingsError(f"the batch is {batch}; it must be an even number of photos, so that pairs stay together")
    pairs, singles = _pair_up(labels, rng)
    singles, odd = np.split(singles, [len(singles) // 2 * 2])
    if categories is not None:
        singles = singles[np.argsort(categories[singles], kind="stable")]
    units = rng.permutation(np.concatenate([pairs, singles.reshape(-1, 2)]), axis=0)  # (units, 2)
    if categories is not None:
        units = units[_order_in_runs(categories[units[:, 0]], rng)]
    order = np.concatenate([units.reshape(-1), odd])
    if len(order) < batch:
        return [order]
    batches = len(order) // batch
    return list(order[: batches * batch].reshape(batches, batch))


def with_views(batch: npt.NDArray[np.int64], share: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The batch with, in about this share of its pairs, the first photo a second time instead of the second photo.

    The repeated photo is shown as an altered view. The metric loss then has it as a partner of its photo.

    Args:
        batch: int64 (n,), pairs of positions.
    """
    repeated = batch.copy()
    second = np.arange(1, len(batch), 2)
    chosen = second[rng.random(len(second)) < share]
    repeated[chosen] = batch[chosen - 1]
    return repeated


def view_sources(batch: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each photo of a batch, int64 (n,): its own position, or if it repeats the photo before it, that position."""
    each = np.arange(len(batch))
    repeats = (each % 2 == 1) & (batch == np.roll(batch, 1))
    return np.where(repeats, each - 1, each)


def batches_per_epoch(photos: int, batch: int) -> int:
    """Number of batches that `pair_batches` makes from this number of photos."""
    return max(1, photos // batch)


def first_with_same_label(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each position, the first position with the same label: both int64 (n,)."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def _pair_up(
    labels: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Random pairs with equal labels, int64 (p, 2), and the remaining single photos, shuffled."""
    shuffled = rng.permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]  # grouped by label, in random order within a group
    counts = np.unique(labels[order], return_counts=True)[1]
    position = _positions_in_group(counts)
    paired = position < np.repeat(counts // 2 * 2, counts)
    return order[paired].reshape(-1, 2), rng.permutation(order[~paired])


def _order_in_runs(categories: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """An order of units, int64 (u,): runs of `_RUN` units of one category, and the runs in random order.

    Args:
        categories: int64 (u,), category of each unit. The units are already shuffled.
    """
    order = np.argsort(categories, kind="stable")
    counts = np.unique(categories, return_counts=True)[1]
    starts = _positions_in_group(counts) % _RUN == 0
    run = np.cumsum(starts) - 1  # run number of each unit in `order`
    return order[np.argsort(rng.permutation(starts.sum())[run], kind="stable")]


def _positions_in_group(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For consecutive groups with these numbers of members: the position of each member within its group."""
    ends = np.cumsum(counts)
    positions: npt.NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return positions
