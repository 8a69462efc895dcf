"""The photos of a period, or those of the reference, as columns that can be compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from lambda_app.release.manifest import Manifest
from lambda_app.release.reference import Reference
from operate.drift.answers import Answer

# With fewer known products than this, all held-out photos stand for them: a catalogue of single photos has none.
_FEW_KNOWN = 30
_UNLIKE_QUANTILE = 0.01


@dataclass(frozen=True)
class Sample:
    """Photos in columns, one entry for each.

    Attributes:
        group: int64 (n,), the day of the photo from 0, or its product: photos of one group are not independent.
        category: int64 (n,), index into the categories of the release; their number for a name that it lacks.
        cell: int64 (n,).
        score: float64 (n,), the highest cosine; NaN if the photo was not searched without a filter.
    """

    group: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]

    @property
    def count(self) -> int:
        """The number of photos."""
        return len(self.group)


def distinct(answers: Iterable[Answer]) -> list[Answer]:
    """The answers without photos of the catalogue itself, and with each photo once a day.

    Equal category, cell and score are the same photo sent again. Once a day, not once in all: else a longer period
    would count frequent photos less than a shorter one.
    """
    kept: dict[tuple[object, ...], Answer] = {}
    for answer in answers:
        if not answer.own_photo:
            # Without a score, photos cannot be told apart.
            photo = answer.request_id if answer.top_score is None else answer.top_score
            kept.setdefault((answer.day, answer.category, answer.cell, answer.filtered, photo), answer)
    return list(kept.values())


def of_answers(answers: Sequence[Answer], categories: Sequence[str]) -> Sample:
    """The sample of answers; the groups are the days."""
    days: Mapping[date, int] = {day: number for number, day in enumerate(sorted({answer.day for answer in answers}))}
    index = {name: number for number, name in enumerate(categories)}
    scores = [np.nan if answer.top_score is None or answer.filtered else answer.top_score for answer in answers]
    return Sample(
        np.array([days[answer.day] for answer in answers], np.int64),
        np.array([index.get(answer.category, len(categories)) for answer in answers], np.int64),
        np.array([answer.cell for answer in answers], np.int64),
        np.array(scores, np.float64),
    )


def of_reference(reference: Reference) -> Sample:
    """The sample of the held-out photos; the groups are the products. Only known products have a score."""
    return Sample(
        np.array(reference.products, np.int64),
        np.array(reference.categories, np.int64),
        np.array(reference.cells, np.int64),
        np.where(_known(reference), np.array(reference.scores, np.float64), np.nan),
    )


def unlike_below(reference: Reference) -> float:
    """The score that 99 % of the held-out photos of known products reach."""
    return float(np.quantile(np.array(reference.scores)[_known(reference)], _UNLIKE_QUANTILE))


def comparable(release: Manifest, live: Manifest) -> bool:
    """Whether cells and scores of two releases mean the same: the network and the centroids are the same."""
    if release.reference is None or live.reference is None:
        return False
    same_network = release.model.sha256 == live.model.sha256
    return same_network and release.reference.centroids == live.reference.centroids


def _known(reference: Reference) -> npt.NDArray[np.bool_]:
    known = np.array(reference.known) == 1
    return known if known.sum() >= _FEW_KNOWN else np.ones(len(known), bool)
