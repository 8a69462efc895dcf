"""How far the photos of a period have moved away from earlier ones, and whether this is more than chance.

Photos of one day are not independent: shops have campaigns, weekends and visitors that come back. So chance is measured
by resampling whole days (the cluster bootstrap; Davison and Hinkley 1997, section 3.8). A shift is a distance between
two samples, S. Each resampled sample deviates from its own sample as that one deviates from the truth. Distances obey
the triangle inequality, so the distance between the truths is at most E away from S, where E is the distance of the
deviations, which chance exceeds in one of 200 cases.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from operate.drift.samples import Sample

RESAMPLES = 2_000
# Four shifts are tested, so that a week without drift has a false alarm in at most 2 % of the cases.
CONFIDENCE = 0.995
FEWEST_GROUPS = 5
FEWEST_PHOTOS = 50
_THRESHOLDS = np.linspace(0.02, 0.98, 49)
_SEED = 0
Verdict = Literal["retrain", "no sign", "too few"]
Matrix = npt.NDArray[np.float64]
Distance = Callable[[Matrix], Matrix]


@dataclass(frozen=True)
class Kind:
    """One kind of shift.

    Attributes:
        name: what is compared.
        least: a smaller shift is no reason to retrain, however sure it is.
        visible: if not even a shift of this size would be told from chance, the photos are too few.
    """

    name: str
    least: float
    visible: float


KINDS = (
    Kind("categories", 0.10, 0.25),
    Kind("cells", 0.10, 0.40),
    Kind("top scores", 0.10, 0.15),
    Kind("unlike anything", 0.02, 0.05),
)


@dataclass(frozen=True)
class Shift:
    """How far one thing has moved.

    Attributes:
        kind: what is compared.
        value: the share of photos that would have to be others, beyond what chance explains on average.
        low, high: bounds of the true share, with confidence `CONFIDENCE`.
        photos: photos of the period that count here.
        needed: if they are too few, how many would do.
    """

    kind: Kind
    value: float
    low: float
    high: float
    photos: int
    verdict: Verdict
    needed: str | None = None


@dataclass(frozen=True)
class _Profile:
    """A sample as shares, in total and by group.

    Attributes:
        counts: float64 (groups, k), photos of a group in each bin, or below each threshold.
        totals: float64 (groups,), photos of each group.
    """

    counts: Matrix
    totals: Matrix

    @property
    def shares(self) -> Matrix:
        return np.asarray(self.counts.sum(axis=0) / max(self.totals.sum(), 1.0))

    def deviations(self, random: np.random.Generator) -> Matrix:
        """Of the shares of resampled groups from the shares of all: float64 (RESAMPLES, k)."""
        groups = len(self.totals)
        drawn = random.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float64)
        shares = drawn @ self.counts / np.maximum(drawn @ self.totals, 1.0)[:, np.newaxis]
        # Resampling m groups has (m - 1) / m of the variance between them.
        return np.asarray((shares - self.shares) * math.sqrt(groups / (groups - 1)))


def compare(before: Sample, now: Sample, categories: int, cells: int, unlike_below: float) -> list[Shift]:
    """The four shifts of a period against an earlier one, or against the reference.

    Args:
        categories: number of categories of the release.
        cells: number of its centroids.
        unlike_below: a photo with a lower score resembles nothing in the catalogue.
    """
    scored = before.score[~np.isnan(before.score)]
    thresholds = np.quantile(scored, _THRESHOLDS) if len(scored) else np.zeros(1)
    profiles: tuple[Callable[[Sample], _Profile], ...] = (
        lambda sample: _in_bins(sample, sample.category, categories + 1),
        lambda sample: _in_bins(sample, np.minimum(sample.cell, cells), cells + 1),
        lambda sample: _below(sample, thresholds),
        lambda sample: _below(sample, np.array([unlike_below])),
    )
    distances: tuple[Distance, ...] = (_total_variation, _total_variation, _most_below, _most_below)
    return [
        _shift(kind, profile(before), profile(now), distance)
        for kind, profile, distance in zip(KINDS, profiles, distances, strict=True)
    ]


def interval_of_share(groups: npt.NDArray[np.int64], hits: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The 95 % interval of a share, by resampling whole groups; (0, 1) with fewer than `FEWEST_GROUPS`."""
    numbers, inverse = np.unique(groups, return_inverse=True)
    if len(numbers) < FEWEST_GROUPS:
        return 0.0, 1.0
    totals = np.bincount(inverse).astype(np.float64)
    counts = np.asarray(np.bincount(inverse, hits), np.float64)[:, np.newaxis]
    profile = _Profile(counts, totals)
    low, high = np.quantile(profile.shares + profile.deviations(np.random.default_rng(_SEED)), (0.025, 0.975))
    return max(0.0, float(low)), min(1.0, float(high))


def _shift(kind: Kind, before: _Profile, now: _Profile, distance: Distance) -> Shift:
    photos = int(now.totals.sum())
    if min(_groups(before), _groups(now)) < FEWEST_GROUPS:
        return Shift(kind, 0.0, 0.0, 1.0, photos, "too few", f"photos of {FEWEST_GROUPS} days")
    if min(photos, before.totals.sum()) < FEWEST_PHOTOS:
        return Shift(kind, 0.0, 0.0, 1.0, photos, "too few", f"{FEWEST_PHOTOS} photos")
    random = np.random.default_rng(_SEED)
    found = float(distance(now.shares - before.shares))
    chance = distance(now.deviations(random) - before.deviations(random))
    margin = float(np.quantile(chance, CONFIDENCE))
    value = max(0.0, found - float(np.median(chance)))
    low, high = max(0.0, found - margin), min(1.0, found + margin)
    if low > 0 and found >= kind.least:
        return Shift(kind, value, low, high, photos, "retrain")
    if margin > kind.visible:
        enough = math.ceil(photos * (margin / kind.visible) ** 2)
        return Shift(kind, value, low, high, photos, "too few", f"about {enough:,} photos")
    return Shift(kind, value, low, high, photos, "no sign")


def _groups(profile: _Profile) -> int:
    return int((profile.totals > 0).sum())


def _in_bins(sample: Sample, bins: npt.NDArray[np.int64], count: int) -> _Profile:
    numbers, group = np.unique(sample.group, return_inverse=True)
    counts = np.zeros((len(numbers), count))
    np.add.at(counts, (group, bins), 1.0)
    return _Profile(counts, np.asarray(counts.sum(axis=1)))


def _below(sample: Sample, thresholds: Matrix) -> _Profile:
    scored = ~np.isnan(sample.score)
    numbers, group = np.unique(sample.group[scored], return_inverse=True)
    counts = np.zeros((len(numbers), len(thresholds)))
    np.add.at(counts, group, (sample.score[scored][:, np.newaxis] < thresholds).astype(np.float64))
    return _Profile(counts, np.bincount(group, minlength=len(numbers)).astype(np.float64))


def _total_variation(differences: Matrix) -> Matrix:
    """Half the sum of the absolute differences between shares, (..., k): the share that must move."""
    return np.asarray(np.abs(differences).sum(axis=-1) / 2)


def _most_below(differences: Matrix) -> Matrix:
    """How many more photos are below a threshold, at the threshold where it is most: one-sided Kolmogorov-Smirnov.

    One-sided, because photos that are more like the catalogue than before are no reason to retrain.
    """
    return np.asarray(np.maximum(differences, 0.0).max(axis=-1))
