"""Which test photos a person should see: the best and the worst of the ranking, some drawn at random, and the
classifier's most confident mistakes.

All of it is rows of the dataset; `training.evaluate.report.page` draws them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.metrics.retrieval import Floats, Labels, Ranking

SHOWN = 4  # neighbours of a case: as many as a visitor is shown
_CASES = 6
_MISTAKES = 12


@dataclass(frozen=True)
class Case:
    """A query and what it found.

    Attributes:
        query: row.
        mate: row of the nearest other photo of its product; None where there is none.
        mate_rank: its place among all neighbours, from 1; mate_score: its cosine.
        neighbours: rows, nearest first.
        scores: their cosines.
    """

    query: int
    mate: int | None
    mate_rank: int | None
    mate_score: float | None
    neighbours: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Mistake:
    """A photo whose predicted category is wrong: its row, the predicted category, and its probability."""

    row: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Gallery:
    """The cases to show.

    Attributes:
        worst: the largest lead of a wrong neighbour, worst first; all of them wrong ones.
        best: the largest lead of a right neighbour, one of each category first.
        drawn: at random, the same for the same number of queries.
        mistakes: most confident first.
    """

    worst: tuple[Case, ...]
    best: tuple[Case, ...]
    drawn: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]


def choose(
    ranking: Ranking,
    vectors: npt.NDArray[np.float32],
    products: Labels,
    categories: Labels,
    mistakes: Iterable[Mistake] = (),
) -> Gallery:
    """Choose the cases of a ranking by these vectors, (n, d).

    A query of a product with several photos is judged by its product: it is wrong where none of the first 4 is one of
    them. Where every product has one photo it is judged by category: wrong where any of the first 4 is of another.
    """
    if not ranking.found.size:
        return Gallery((), (), (), tuple(mistakes))
    first = (ranking.hits if ranking.paired else ranking.same)[:, :SHOWN]
    margin = _lead(ranking, vectors, _Mates(products)) if ranking.paired else _agreement(ranking, vectors)
    failed = ~np.asarray(first.any(axis=1) if ranking.paired else first.all(axis=1))
    led = first[:, 0] if ranking.paired else ~failed  # by a photo of the product
    order = np.argsort(margin, kind="stable")
    of_product, of_category = products[ranking.queries], categories[ranking.queries]
    worst = _spread(order[failed[order]], of_product)
    good = order[::-1][led[order[::-1]]]
    # The best of each category, then, where that leaves room, the next best.
    leaders = [int(i) for i in good[np.sort(np.unique(of_category[good], return_index=True)[1])]]
    best = _spread(np.array([*leaders, *good], np.int64), of_product)
    drawn = np.random.default_rng(0).permutation(len(ranking.queries))[:_CASES]

    def cases(chosen: Iterable[int]) -> tuple[Case, ...]:
        return tuple(_case(ranking, vectors, products, int(i)) for i in chosen)

    return Gallery(cases(worst), cases(best), cases(drawn), tuple(mistakes))


def confident_mistakes(probabilities: Floats, labels: Labels, rows: Labels) -> list[Mistake]:
    """The photos whose predicted category is wrong and has the highest probability.

    Args:
        probabilities: (n, classes).
        labels, rows: int64 (n,): the true categories, and the photos' rows in the dataset.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MISTAKES]
    return [Mistake(int(rows[i]), int(predicted[i]), float(confidence[i])) for i in order]


class _Mates:
    """The rows of each product."""

    def __init__(self, products: Labels) -> None:
        self._products = products
        self._order = np.argsort(products, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(products))])

    def of(self, row: int) -> Labels:
        """The other rows of a row's product, int64 (m,)."""
        product = self._products[row]
        rows: Labels = self._order[self._starts[product] : self._starts[product + 1]]
        others: Labels = rows[rows != row]
        return others


def _lead(ranking: Ranking, vectors: npt.NDArray[np.float32], mates: _Mates) -> npt.NDArray[np.float64]:
    """Cosine of the nearest photo of the product minus that of the nearest photo of another: float64 (q,)."""
    # The first wrong neighbour; where every one is right, the last of them stands for it.
    rival = np.where(ranking.hits.all(axis=1), ranking.hits.shape[1] - 1, ranking.hits.argmin(axis=1))
    lead = np.empty(len(ranking.queries))
    for i, query in enumerate(ranking.queries):
        own = vectors[mates.of(int(query))] @ vectors[query]
        lead[i] = own.max() - vectors[ranking.found[i, rival[i]]] @ vectors[query]
    return lead


def _agreement(ranking: Ranking, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sum of the cosines of the first neighbours, those of another category counted against it: float64 (q,)."""
    found, signs = ranking.found[:, :SHOWN], np.where(ranking.same[:, :SHOWN], 1.0, -1.0)
    scores = [vectors[rows] @ vectors[query] for query, rows in zip(ranking.queries, found, strict=True)]
    agreement: npt.NDArray[np.float64] = (np.stack(scores) * signs).sum(axis=1)
    return agreement


def _spread(order: Labels, products: Labels) -> list[int]:
    """The first few, one of a product: its photos tend to fail, and to succeed, together."""
    _, first = np.unique(products[order], return_index=True)
    return [int(i) for i in order[np.sort(first)][:_CASES]]


def _case(ranking: Ranking, vectors: npt.NDArray[np.float32], products: Labels, i: int) -> Case:
    query = int(ranking.queries[i])
    scores = vectors @ vectors[query]
    shown = ranking.found[i, :SHOWN]
    mates = np.flatnonzero(products == products[query])
    mates = mates[mates != query]
    mate = int(mates[scores[mates].argmax()]) if len(mates) else None
    ahead = None if mate is None else int((np.delete(scores, query) > scores[mate]).sum())
    return Case(
        query=query,
        mate=mate,
        mate_rank=None if ahead is None else ahead + 1,
        mate_score=None if mate is None else float(scores[mate]),
        neighbours=tuple(int(row) for row in shown),
        scores=tuple(float(scores[row]) for row in shown),
    )
