import numpy as np
import pytest

from training.metrics.intervals import effective_count, mean_difference, mean_interval, paired_difference, wilson


def test_wilson_intervals_match_published_ones():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81 of 263, and 0 of 20.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize("hits", [0, 1, 7, 12])
def test_an_interval_contains_its_share_and_is_within_0_and_1(hits):
    low, high = wilson(hits / 12, 12)
    assert 0 <= low <= hits / 12 <= high <= 1


def test_independent_values_count_one_each():
    values = np.random.default_rng(0).random(4_000) < 0.3
    assert effective_count(values, np.arange(4_000)) == pytest.approx(4_000, rel=0.01)


def test_photos_with_equal_values_per_product_count_once_per_product():
    products = np.repeat(np.arange(500), 2)
    values = (np.random.default_rng(1).random(500) < 0.6)[products]
    assert effective_count(values, products) == pytest.approx(500, rel=0.01)
    assert mean_interval(values, products) == pytest.approx(wilson(values.mean(), 500), abs=1e-3)


def test_the_effective_count_is_at_most_the_number_of_photos():
    assert effective_count(np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, 1, 1, 2, 2])) == 6


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_interval_has_a_width_even_if_all_values_are_equal(value):
    products = np.repeat(np.arange(10), 2)
    assert mean_interval(np.full(20, value), products) == wilson(value, 10)


def test_the_interval_covers_the_true_value_as_often_as_claimed():
    rng, products, covered = np.random.default_rng(2), np.repeat(np.arange(60), 2), 0
    for _ in range(1_000):
        interval = mean_interval((rng.random(60) < 0.8)[products], products)
        assert interval is not None
        covered += interval[0] <= 0.8 <= interval[1]
    assert 0.92 < covered / 1_000 < 0.98


def test_no_value_has_no_interval():
    assert mean_interval(np.empty(0), np.empty(0, np.int64)) is None


def test_a_paired_difference_has_a_narrower_interval_than_each_mean():
    rng = np.random.default_rng(3)
    second = (rng.random(300) < 0.5).astype(float)
    first = np.maximum(second, rng.random(300) < 0.2)
    difference, interval = mean_difference(first, second, np.arange(300))
    own = mean_interval(first, np.arange(300))
    assert interval is not None
    assert own is not None
    low, high = interval
    assert difference == pytest.approx(first.mean() - second.mean())
    assert 0 < low < difference < high
    assert high - low < own[1] - own[0]


def test_the_variance_of_few_products_is_the_sample_variance():
    """Cochran 1977, section 9: the totals of the 2 groups deviate by 1/3 and -1/3, with 1 degree of freedom."""
    difference, interval = mean_difference(np.array([1, 0, 0]), np.zeros(3), np.array([0, 0, 1]))
    variance = ((1 / 3) ** 2 + (1 / 3) ** 2) / 3**2 * 2 / (2 - 1)
    assert difference == pytest.approx(1 / 3)
    assert interval == pytest.approx((1 / 3 - 1.959964 * variance**0.5, 1 / 3 + 1.959964 * variance**0.5))


def test_one_product_gives_no_interval_of_a_difference():
    assert mean_difference(np.ones(2), np.zeros(2), np.zeros(2, np.int64)) == (1.0, None)


def test_a_paired_difference_has_the_t_interval():
    # Student 1908, "The probable error of a mean", section IX: additional sleep of two drugs; his ten patients.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    mean, interval = paired_difference(second, first)
    assert mean == pytest.approx(1.58)
    assert interval == pytest.approx((0.7001, 2.4599), abs=1e-3)


@pytest.mark.parametrize(("runs", "t"), [(2, 12.7062), (3, 4.3027), (5, 2.7764), (10, 2.2622)])
def test_a_paired_difference_has_one_degree_of_freedom_less_than_runs(runs: int, t: float):
    _, interval = paired_difference(np.arange(runs).tolist(), [0.0] * runs)
    spread = t * np.std(np.arange(runs), ddof=1) / runs**0.5
    assert interval == pytest.approx(((runs - 1) / 2 - spread, (runs - 1) / 2 + spread), abs=1e-3)


def test_one_pair_has_no_interval_and_many_use_the_last_entry_of_the_table():
    assert paired_difference([0.5], [0.25]) == (0.25, None)
    _, interval = paired_difference([0.0, 1.0] * 10, [0.0] * 20)
    assert interval is not None
    assert interval[1] - interval[0] == pytest.approx(2 * 2.2622 * 0.51299 / 20**0.5, abs=1e-3)
