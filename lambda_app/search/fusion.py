"""Two rankings of items, by words and by picture, made into one by reciprocal rank fusion.

An item's sum is that of 1 / (60 + rank) over the rankings that have it (Cormack, Clarke and Buettcher 2009, "Reciprocal
Rank Fusion outperforms Condorcet and individual Rank Learning Methods"). It needs no scale on which cosines and BM25
can be compared.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

# The constant of Cormack, Clarke and Buettcher.
FUSION = 60
# Rows of each ranking that are compared at first. Too few results are looked for again among so many times as many.
DEPTH, GROWTH = 200, 4


def fused(
    cosines: Mapping[int, float], near: int, bonuses: npt.NDArray[np.float64], by_words: npt.NDArray[np.int64]
) -> list[int]:
    """The candidates by reciprocal rank fusion, the highest sum first. Of equal ones, the higher cosine comes first.

    Args:
        cosines: of m candidates, by row.
        near: how many of them, the first ones, are the nearest of all rows. The others have lower cosines, and rank
            after these.
        bonuses: (m,), what is added to the cosines for the rank by picture.
        by_words: (m,), the rank by words from 1; 0 for a row that has none.
    """
    rows, values = np.array([*cosines], np.int64), np.array([*cosines.values()])
    beyond = np.arange(len(rows)) >= near
    by_picture = np.empty(len(rows), np.int64)
    by_picture[np.lexsort((rows, -values, -values - bonuses, beyond))] = np.arange(1, len(rows) + 1)
    sums = 1 / (FUSION + by_picture)
    having = by_words > 0
    sums[having] += 1 / (FUSION + by_words[having])
    return [int(row) for row in rows[np.lexsort((rows, -values, -sums))]]
