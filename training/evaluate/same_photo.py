"""How surely the same photo is recognised in this catalogue: the block `same_photo` of `metrics.json`.

The threshold is chosen on photos of the validation split and judged on those of the test split. Other photos of the
same product must not be taken for the same photo.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.likeness.fingerprint import FINGERPRINT_BYTES, VERSION, fingerprint_of
from training.dataset import Dataset
from training.evaluate.alterations import without_bars
from training.metrics.likeness.measured import (
    DEFAULT_THRESHOLD,
    FEWEST_PAIRS,
    Case,
    Measured,
    choose_threshold,
    measure,
    overview,
)

# At most this many photos of each split are altered, each in eight ways: about four seconds of one core.
PHOTOS = 128
_MOST_OTHERS = 4  # other photos of a product that each is compared with


def judge_same_photo(dataset: Dataset, most: int = PHOTOS, seed: int = 0) -> dict[str, Any]:
    """Choose the threshold of `same_photo`, and measure it.

    Args:
        most: at most this many photos of each split, drawn with the seed.

    Returns:
        `version` of the fingerprint; `threshold`; `chosen_on`: "validation", or "default" if its products have too few
        photos; `pairs`: the pairs of other photos that it was chosen on; `n`: test photos; `others`: their pairs;
        `precision`, null without such pairs; `recall`: by the name of the alteration, null without test photos.
    """
    validation = measure(cases(dataset, "validation", most, seed))
    enough = len(validation.others) >= FEWEST_PAIRS
    threshold = choose_threshold(validation) if enough else DEFAULT_THRESHOLD
    test: Measured = measure(cases(dataset, "test", most, seed), seed=1)
    return {
        "version": VERSION,
        "threshold": threshold,
        "chosen_on": "validation" if enough else "default",
        "pairs": len(validation.others),
        "n": test.photos,
        "others": len(test.others),
        "precision": test.precision(threshold) if len(test.others) else None,
        "recall": test.recall(threshold) if test.photos else dict.fromkeys(test.own),
    }


def cases(dataset: Dataset, split: str, most: int, seed: int) -> Iterator[Case]:
    """Photos of a split with other photos of their products; those of products with several photos come first."""
    rows = dataset.rows(split)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    several = np.bincount(dataset.product, minlength=1)[dataset.product[rows]] > 1
    for row in np.concatenate([rows[several], rows[~several]])[:most].tolist():
        own = np.flatnonzero(dataset.product == dataset.product[row])
        others = [other for other in own.tolist() if not _equal(dataset, row, other)][:_MOST_OTHERS]
        prints = [fingerprint_of(overview(_photo(dataset, other))) for other in others]
        stacked = np.array(prints, np.uint8).reshape(len(prints), FINGERPRINT_BYTES)
        yield Case(_photo(dataset, row), stacked)


def _photo(dataset: Dataset, row: int) -> Image.Image:
    pixels: npt.NDArray[np.uint8] = without_bars(dataset.photos[row])
    return Image.fromarray(np.ascontiguousarray(pixels))


def _equal(dataset: Dataset, row: int, other: int) -> bool:
    """Whether both rows have the same picture: a listing may name one photo twice."""
    return row == other or np.array_equal(dataset.photos[row], dataset.photos[other])
