"""Choose the test photos that the report shows: the best and worst queries, a random sample of queries, and the
classifier's most confident mistakes.

Cases refer to photos by their rows in the dataset. `training.evaluate.report.photos` loads the photos.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.metrics.retrieval import Floats, Labels, Ranking

SHOWN = 4  # neighbours of a case: the default number of results of the API
_CASES = 6
_MISTAKES = 12


@dataclass(frozen=True)
class Case:
    """A query and its nearest neighbours.

    Attributes:
        query: row of the query.
        mate: row of the nearest other photo of the query's product; None if there is none.
        mate_rank: rank of the mate among all neighbours, from 1.
        mate_score: cosine of the mate.
        neighbours: rows of the neighbours, nearest first.
        scores: cosines of the neighbours.
    """

    query: int
    mate: int | None
    mate_rank: int | None
    mate_score: float | None
    neighbours: tuple[int, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Mistake:
    """A photo with a wrong predicted category: its row, that category, and the probability of that category."""

    row: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Gallery:
    """The cases to show.

    Attributes:
        worst: failed queries with the smallest margin, worst first.
        best: successful queries with the largest margin; the best of each category come first.
        drawn: random queries. The choice depends only on the number of queries.
        mistakes: wrong predicted categories, most confident first.
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
    """Choose the cases of a ranking.

    If any product has two photos, a query fails if none of its first SHOWN neighbours is of the same product. Else it
    fails if any of them is of another category.

    Args:
        vectors: float32 (n, d), the vectors of the ranking.
        products, categories: int64 (n,).
        mistakes: added to the result unchanged.
    """
    if not ranking.found.size:
        return Gallery((), (), (), tuple(mistakes))
    first = (ranking.hits if ranking.paired else ranking.same)[:, :SHOWN]
    margin = _margin(ranking, vectors, _Mates(products)) if ranking.paired else _agreement(ranking, vectors)
    failed = ~np.asarray(first.any(axis=1) if ranking.paired else first.all(axis=1))
    succeeded = first[:, 0] if ranking.paired else ~failed  # with products: the nearest neighbour is of the product
    order = np.argsort(margin, kind="stable")
    of_product, of_category = products[ranking.queries], categories[ranking.queries]
    worst = _spread(order[failed[order]], of_product)
    good = order[::-1][succeeded[order[::-1]]]
    # The best of each category, then the next best of all.
    best_of_categories = [int(i) for i in good[np.sort(np.unique(of_category[good], return_index=True)[1])]]
    best = _spread(np.array([*best_of_categories, *good], np.int64), of_product)
    drawn = np.random.default_rng(0).permutation(len(ranking.queries))[:_CASES]

    def cases(chosen: Iterable[int]) -> tuple[Case, ...]:
        return tuple(_case(ranking, vectors, products, int(i)) for i in chosen)

    return Gallery(cases(worst), cases(best), cases(drawn), tuple(mistakes))


def confident_mistakes(probabilities: Floats, labels: Labels, rows: Labels) -> list[Mistake]:
    """The photos with the most probable wrong predicted categories, most probable first.

    Args:
        probabilities: (n, classes).
        labels: int64 (n,), true categories.
        rows: int64 (n,), rows of the photos in the dataset.
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
        """The other rows of the same product, int64 (m,)."""
        product = self._products[row]
        rows: Labels = self._order[self._starts[product] : self._starts[product + 1]]
        others: Labels = rows[rows != row]
        return others


def _margin(ranking: Ranking, vectors: npt.NDArray[np.float32], mates: _Mates) -> npt.NDArray[np.float64]:
    """Cosine of the nearest photo of the product minus that of the nearest photo of another: float64 (q,)."""
    # The first wrong neighbour, or the last neighbour if none is wrong.
    rival = np.where(ranking.hits.all(axis=1), ranking.hits.shape[1] - 1, ranking.hits.argmin(axis=1))
    margin = np.empty(len(ranking.queries))
    for i, query in enumerate(ranking.queries):
        mate_scores = vectors[mates.of(int(query))] @ vectors[query]
        margin[i] = mate_scores.max() - vectors[ranking.found[i, rival[i]]] @ vectors[query]
    return margin


def _agreement(ranking: Ranking, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Sum of the cosines of the first neighbours, negative for those of another category: float64 (q,)."""
    found, signs = ranking.found[:, :SHOWN], np.where(ranking.same[:, :SHOWN], 1.0, -1.0)
    scores = [vectors[rows] @ vectors[query] for query, rows in zip(ranking.queries, found, strict=True)]
    agreement: npt.NDArray[np.float64] = (np.stack(scores) * signs).sum(axis=1)
    return agreement


def _spread(order: Labels, products: Labels) -> list[int]:
    """The first queries, one per product, because photos of one product tend to fail or succeed together."""
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
