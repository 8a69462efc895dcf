"""How far altered copies of photos are from their own photo and from other ones; and what a threshold makes of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from lambda_app.likeness.comparison import distances
from lambda_app.likeness.fingerprint import fingerprint_of, views
from training.metrics.likeness.copies import COPIES, copy_of

PRECISION = 0.995
# The threshold is chosen for a higher precision, because it is judged on other photos.
_CHOSEN_FOR = 0.998
# Of releases whose catalogue has too few products with several photos to choose one. It is near the one of catalogues
# whose products look nearly the same on all of their photos, so it rather misses a copy.
DEFAULT_THRESHOLD = 0.15
FEWEST_PAIRS = 100  # pairs of different photos of a product
_FINEST, _LARGEST = 0.0025, 0.4
# Sides of the photo of which a fingerprint is made: see `lambda_app.photo.preprocessing.OVERVIEW`.
_OVERVIEW = 128
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measured:
    """Distances of altered copies.

    Attributes:
        own: to the photo that was altered, by the name of the alteration, float32 (n,) each.
        others: to other photos of the same product, or others that are alike, float32 (m,).
    """

    own: dict[str, Floats]
    others: Floats

    def precision(self, threshold: float) -> float:
        """The share of right ones among all pairs at most this far from each other; 1 without any such pair."""
        right = sum(int(np.count_nonzero(found <= threshold)) for found in self.own.values())
        wrong = int(np.count_nonzero(self.others <= threshold))
        return right / (right + wrong) if right + wrong else 1.0

    def recall(self, threshold: float) -> dict[str, float]:
        """The share of copies that are recognised, by the name of the alteration."""
        return {name: float(np.mean(found <= threshold)) for name, found in self.own.items()}

    @property
    def photos(self) -> int:
        """The number of photos that were altered, each in all ways."""
        return len(next(iter(self.own.values())))


@dataclass(frozen=True)
class Case:
    """A photo in RGB, and the fingerprints of other photos that are no copies of it, uint8 (m, 197)."""

    photo: Image.Image
    others: npt.NDArray[np.uint8]


def overview(photo: Image.Image) -> Image.Image:
    """A photo as its fingerprint is made of it: small, if it is large."""
    return photo.reduce(max(1, min(photo.size) // _OVERVIEW))


def measure(cases: Iterable[Case], seed: int = 0) -> Measured:
    """Alter each photo in all ways, and compare the copies with the photo itself and with the others."""
    own: dict[str, list[float]] = {name: [] for name in COPIES}
    others: list[Floats] = []
    for number, case in enumerate(cases):
        prints = np.concatenate([fingerprint_of(overview(case.photo))[np.newaxis], case.others])
        for name in COPIES:
            copy = copy_of(case.photo, name, np.random.default_rng([seed, number]))
            found = distances(views(overview(copy)), prints)
            own[name].append(float(found[0]))
            others.append(found[1:])
    together = np.concatenate(others) if others else np.empty(0, np.float32)
    return Measured({name: np.array(found, np.float32) for name, found in own.items()}, together)


def choose_threshold(measured: Measured, precision: float = _CHOSEN_FOR) -> float:
    """The largest distance at which pairs are the same photo with this precision.

    It is 0 if there is none, and at most 0.4: farther photos are not compared in detail.
    """
    tried = np.arange(_LARGEST, 0, -_FINEST)
    return next((round(float(most), 4) for most in tried if measured.precision(float(most)) >= precision), 0.0)
