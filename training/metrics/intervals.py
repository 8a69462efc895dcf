"""95 % confidence intervals that account for the correlation between photos of one product.

Two photos of a product are usually both correct or both wrong, so n photos carry less information than n independent
ones. Therefore the variance of a proportion is computed between products (linearised variance of cluster sampling:
Cochran 1977, "Sampling Techniques", section 9). It is converted to an effective sample size: the number of independent
photos with the same variance. Wilson's interval uses that size; it is valid near 0 and 1, where errors are few (Wilson
1927; Franco et al. 2019, "Comparative Study of Confidence Intervals for Proportions in Complex Sample Surveys").
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Groups = npt.NDArray[np.int64]
Interval = tuple[float, float]
# A figure of fewer test photos is shown with its interval wherever it is shown.
FEW_PHOTOS = 30
_Z = 1.959963985  # quantile of the standard normal distribution: 2.5 % in each tail
# The same for Student's t with 1, 2, ... degrees of freedom (Student 1908). The last value is used beyond the table.
_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)


def wilson(share: float, n: float) -> Interval:
    """Wilson's interval for a proportion of n independent trials (Wilson 1927), within [0, 1].

    Args:
        share: the proportion, in [0, 1].
        n: positive; may be fractional.
    """
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    centre, scale = share + _Z**2 / (2 * n), 1 + _Z**2 / n
    # Rounding errors at 0 and 1 must not exclude the proportion itself.
    return min(share, max(0.0, (centre - spread) / scale)), max(share, min(1.0, (centre + spread) / scale))


def mean_interval(values: Values, groups: Groups) -> Interval | None:
    """The interval for the mean of values in [0, 1], such as hits (0 or 1); None if there are no values.

    Args:
        values: (n,).
        groups: int64 (n,); values of the same group, such as photos of one product, may be correlated.
    """
    if not len(values):
        return None
    return wilson(float(np.mean(values)), effective_count(values, groups))


def effective_count(values: Values, groups: Groups) -> float:
    """Effective sample size: the number of independent values whose mean has the same variance. In [1, n].

    If all values are 0 or all are 1, their correlation is unknown; each group then counts as one value.
    """
    mean, variance = float(np.mean(values)), _variance_of_mean(values, groups)
    if variance is None or mean in (0.0, 1.0):
        return float(len(np.unique(groups)))
    if variance == 0.0:
        return float(len(values))
    return max(1.0, min(float(len(values)), mean * (1 - mean) / variance))


def mean_difference(first: Values, second: Values, groups: Groups) -> tuple[float, Interval | None]:
    """The mean of first - second, measured on the same n queries, and its interval (normal distribution).

    The interval is None if there are fewer than two groups.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, variance = float(differences.mean()), _variance_of_mean(differences, groups)
    if variance is None:
        return mean, None
    spread = _Z * math.sqrt(variance)
    return mean, (mean - spread, mean + spread)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, Interval | None]:
    """The mean of first - second over n pairs of runs that differ in nothing else, and its t interval.

    The interval is None for a single pair.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, count = float(differences.mean()), len(differences)
    if count < 2:
        return mean, None
    spread = _T[min(count - 1, len(_T)) - 1] * float(differences.std(ddof=1)) / math.sqrt(count)
    return mean, (mean - spread, mean + spread)


def _variance_of_mean(values: Values, groups: Groups) -> float | None:
    """Variance of the mean, from the differences between groups; None for fewer than two groups."""
    _, group = np.unique(groups, return_inverse=True)
    totals = np.bincount(group, np.asarray(values, np.float64) - np.mean(values))
    if len(totals) < 2:
        return None
    return float((totals**2).sum() / len(values) ** 2 * len(totals) / (len(totals) - 1))
