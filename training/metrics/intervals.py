"""How sure a figure is: 95 % intervals that know that photos of one product are no independent witnesses.

Two photos of a product are mostly both found or both missed, so n photos tell less than n independent ones would. The
variance of a share is therefore taken between products (the linearised variance of cluster sampling: Cochran 1977,
"Sampling Techniques", section 9), turned into the number of independent photos that would vary as much, and given to
Wilson's interval, which holds near 0 and 1, where errors are few (Wilson 1927; Franco et al. 2019, "Comparative Study
of Confidence Intervals for Proportions in Complex Sample Surveys").
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Groups = npt.NDArray[np.int64]
Interval = tuple[float, float]
_Z = 1.959963985  # of the standard normal, 2.5 % beyond it on either side
# The same of Student's t with 1, 2, ... degrees of freedom (Student 1908). Beyond the last, the last: a little wide.
_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)


def wilson(share: float, n: float) -> Interval:
    """The interval of a share of n independent trials (Wilson 1927), within [0, 1].

    Args:
        share: in [0, 1].
        n: positive; need not be whole.
    """
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    centre, scale = share + _Z**2 / (2 * n), 1 + _Z**2 / n
    # An interval holds its own share, which rounding may leave outside at 0 and 1.
    return min(share, max(0.0, (centre - spread) / scale)), max(share, min(1.0, (centre + spread) / scale))


def mean_interval(values: Values, groups: Groups) -> Interval | None:
    """The interval of a mean of values in [0, 1], such as hits; None without a value.

    Args:
        values: (n,).
        groups: int64 (n,); values of one group, such as a product's photos, may depend on each other.
    """
    if not len(values):
        return None
    return wilson(float(np.mean(values)), effective_count(values, groups))


def effective_count(values: Values, groups: Groups) -> float:
    """How many independent values would leave a mean of values in [0, 1] as uncertain as these do; at most n.

    Where nothing varies nothing is known of how they depend: each group then counts as one.
    """
    mean, variance = float(np.mean(values)), _variance_of_mean(values, groups)
    if variance is None or mean in (0.0, 1.0):
        return float(len(np.unique(groups)))
    if variance == 0.0:
        return float(len(values))
    return max(1.0, min(float(len(values)), mean * (1 - mean) / variance))


def mean_difference(first: Values, second: Values, groups: Groups) -> tuple[float, Interval | None]:
    """The mean of first - second, measured on the same n queries, and its normal interval.

    None for the interval where there are fewer than two groups.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, variance = float(differences.mean()), _variance_of_mean(differences, groups)
    if variance is None:
        return mean, None
    spread = _Z * math.sqrt(variance)
    return mean, (mean - spread, mean + spread)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, Interval | None]:
    """The mean of first - second, two figures of each of n runs alike in all else, and its t interval.

    None for the interval of a single run.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, count = float(differences.mean()), len(differences)
    if count < 2:
        return mean, None
    spread = _T[min(count - 1, len(_T)) - 1] * float(differences.std(ddof=1)) / math.sqrt(count)
    return mean, (mean - spread, mean + spread)


def _variance_of_mean(values: Values, groups: Groups) -> float | None:
    """None for fewer than two groups."""
    _, group = np.unique(groups, return_inverse=True)
    totals = np.bincount(group, np.asarray(values, np.float64) - np.mean(values))
    if len(totals) < 2:
        return None
    return float((totals**2).sum() / len(values) ** 2 * len(totals) / (len(totals) - 1))
