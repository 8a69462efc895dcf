"""How surely the same photo is recognised in this catalogue: the block `same_photo` of `metrics.json`.

The threshold is chosen on photos of the validation split and judged on those of the test split. Other photos of the
same product must not be taken for the same photo.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

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

# At most so many photos are altered, each in eight ways, to choose the threshold and to judge it: about twelve seconds
# of one core. With half as many, the nearest few of the wrong pairs decide.
CHOOSING, JUDGING = 256, 128
# Photos are compared in about this size: what a JPEG loses, and where a photo is cropped, depends on it.
_SIDE = 480
_MOST_OTHERS = 4  # other photos of a product that each is compared with


def judge_same_photo(
    dataset: Dataset, data: Path | None = None, choosing: int = CHOOSING, judging: int = JUDGING, seed: int = 0
) -> dict[str, Any]:
    """Choose the threshold of `same_photo`, and measure it.

    Args:
        data: the folder from which the dataset was prepared; without it, the photos of the cache are altered, which are
            smaller and without their borders.
        choosing, judging: at most so many photos of the validation and the test split, drawn with the seed.

    Returns:
        `version` of the fingerprint; `threshold`; `chosen_on`: "validation", or "default" if its products have too few
        photos; `pairs`: the pairs of other photos that it was chosen on; `n`: test photos; `others`: their pairs;
        `precision`, null without such pairs; `recall`: by the name of the alteration, null without test photos.
    """
    photos = DatasetPhotos(dataset, None if data is None else [data / item.photo for item in dataset.items()])
    validation = measure(cases(photos, "validation", choosing, seed))
    enough = len(validation.others) >= FEWEST_PAIRS
    threshold = choose_threshold(validation) if enough else DEFAULT_THRESHOLD
    test: Measured = measure(cases(photos, "test", judging, seed), seed=1)
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


@dataclass(frozen=True)
class DatasetPhotos:
    """The photos of a dataset.

    Attributes:
        files: of each row; None: not known.
    """

    dataset: Dataset
    files: Sequence[Path] | None

    def of(self, row: int) -> Image.Image:
        """The upright photo in RGB, its longest side about `_SIDE`."""
        photo = None if self.files is None else _opened(self.files[row])
        if photo is None:
            photo = Image.fromarray(np.ascontiguousarray(without_bars(self.dataset.photos[row])))
        factor = _SIDE / max(photo.size)
        width, height = (max(1, round(factor * side)) for side in photo.size)
        return photo.resize((width, height), Image.Resampling.BICUBIC)


def _opened(path: Path) -> Image.Image | None:
    """The photo of a file; None if it is no longer there or cannot be read, so that the cache is used."""
    try:
        with Image.open(path) as photo:
            photo.draft("RGB", (2 * _SIDE, 2 * _SIDE))
            return ImageOps.exif_transpose(photo).convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def cases(photos: DatasetPhotos, split: str, most: int, seed: int) -> Iterator[Case]:
    """Photos of a split with other photos of their products; those of products with several photos come first."""
    dataset = photos.dataset
    rows = dataset.rows(split)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    several = np.bincount(dataset.product, minlength=1)[dataset.product[rows]] > 1
    for row in np.concatenate([rows[several], rows[~several]])[:most].tolist():
        own = np.flatnonzero(dataset.product == dataset.product[row])
        others = [other for other in own.tolist() if not _equal(dataset, row, other)][:_MOST_OTHERS]
        prints = [fingerprint_of(overview(photos.of(other))) for other in others]
        stacked = np.array(prints, np.uint8).reshape(len(prints), FINGERPRINT_BYTES)
        yield Case(photos.of(row), stacked)


def _equal(dataset: Dataset, row: int, other: int) -> bool:
    """Whether both rows have the same picture: a listing may name one photo twice."""
    return row == other or np.array_equal(dataset.photos[row], dataset.photos[other])
