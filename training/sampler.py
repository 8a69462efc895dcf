"""Which photos stand in a batch together: both photos of a product, so that the metric loss has its positive pair."""

import numpy as np
import numpy.typing as npt

from lambda_app.errors import SettingsError


def pair_batches(labels: npt.NDArray[np.int64], batch: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Shuffle one epoch into batches in which photos come in pairs of the same label.

    A label with two photos is one pair; one with more is cut into pairs at random; photos left alone are paired with
    one another, so that every unit is two photos and no cut between batches parts a pair. All batches have the same
    size: what does not fill the last one is left out of this epoch, at random, and returns in the next.

    Args:
        labels: int64 (n,), the product (or category) of each photo.
        batch: photos a batch, even. A smaller set makes one batch of all its photos.
        rng: what shuffles; the same state gives the same epoch.

    Returns:
        int64 (batch,) positions into `labels`, one array for each batch.

    Raises:
        SettingsError: the batch is odd or smaller than 2.
    """
    if batch < 2 or batch % 2:
        raise SettingsError(f"the batch is {batch}; it must be an even number of photos, so that pairs stay together")
    pairs, alone = _pair_up(labels, rng)
    singles = alone[: len(alone) // 2 * 2].reshape(-1, 2)
    units = rng.permutation(np.concatenate([pairs, singles]), axis=0)  # (units, 2)
    order = np.concatenate([units.reshape(-1), alone[len(singles) * 2 :]])
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
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)  # position within the group
    paired = place < np.repeat(counts // 2 * 2, counts)
    return order[paired].reshape(-1, 2), rng.permutation(order[~paired])
