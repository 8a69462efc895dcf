"""Photos that resemble nothing in the catalogue: what people look for and the shop does not have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operate.drift.answers import Answer
from operate.drift.shifts import interval_of_share

EXAMPLES = 3


@dataclass(frozen=True)
class Wanted:
    """How many photos resemble nothing in the catalogue.

    Attributes:
        category: the category predicted for them; None: all.
        photos: photos that were searched without a filter.
        unlike: of these, those that resemble nothing.
        low, high: 95 % interval of the share, by resampling whole days.
        examples: request ids, the least similar first.
    """

    category: str | None
    photos: int
    unlike: int
    low: float
    high: float
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the photos that resemble nothing."""
        return self.unlike / self.photos if self.photos else 0.0


def wanted(answers: Sequence[Answer], unlike_below: float) -> list[Wanted]:
    """All photos, and then the categories with most photos that resemble nothing.

    Args:
        unlike_below: a photo with a lower score resembles nothing in the catalogue.
    """
    searched = [answer for answer in answers if answer.top_score is not None and not answer.filtered]
    found = [_wanted(name, searched, unlike_below) for name in sorted({answer.category for answer in searched})]
    categories = sorted((one for one in found if one.unlike), key=lambda one: (-one.unlike, one.category))
    return [_wanted(None, searched, unlike_below), *categories]


def _wanted(category: str | None, searched: Sequence[Answer], unlike_below: float) -> Wanted:
    photos = [answer for answer in searched if category in (None, answer.category)]
    scores = np.array([answer.top_score for answer in photos], np.float64)
    hits = scores < unlike_below
    days = np.array([answer.day.toordinal() for answer in photos], np.int64)
    low, high = interval_of_share(days, hits)
    examples = tuple(photos[place].request_id for place in np.argsort(scores, kind="stable") if hits[place])
    return Wanted(category, len(photos), int(hits.sum()), low, high, examples[:EXAMPLES])
