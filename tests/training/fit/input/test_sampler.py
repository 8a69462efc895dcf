import numpy as np
import pytest

from lambda_app.errors import SettingsError
from training.fit.input.sampler import (
    batches_per_epoch,
    first_with_same_label,
    pair_batches,
    view_sources,
    with_views,
)

# Ten products with two photos, four with one, one with three.
LABELS = np.array([*np.repeat(np.arange(10), 2), 10, 11, 12, 13, 14, 14, 14])


def partners_together(labels, batches):
    """For each label with two photos in the epoch: whether one batch holds both."""
    where: dict[int, list[int]] = {}
    for number, batch in enumerate(batches):
        for position in batch:
            where.setdefault(int(labels[position]), []).append(number)
    return [len(set(numbers)) == 1 for label, numbers in where.items() if label < 10 and len(numbers) == 2]


@pytest.mark.parametrize("seed", range(5))
def test_both_photos_of_a_product_are_in_one_batch(seed):
    together = partners_together(LABELS, pair_batches(LABELS, 6, np.random.default_rng(seed)))
    assert together
    assert all(together)


def test_batches_have_equal_size_and_no_photo_twice():
    batches = pair_batches(LABELS, 6, np.random.default_rng(0))
    assert [len(batch) for batch in batches] == [6] * batches_per_epoch(len(LABELS), 6)
    seen = np.concatenate(batches)
    assert len(set(seen.tolist())) == len(seen)


def test_every_photo_is_used_within_some_epochs():
    rng = np.random.default_rng(0)
    seen = np.concatenate([np.concatenate(pair_batches(LABELS, 6, rng)) for _ in range(20)])
    assert set(seen.tolist()) == set(range(len(LABELS)))


CATEGORIES = LABELS % 3  # of each product
MANY = np.repeat(np.arange(600), 2)
MANY_CATEGORIES = np.random.default_rng(0).permutation(MANY.max() + 1)[MANY] % 10


def in_runs(labels, batch, seed, categories):
    return pair_batches(labels, batch, np.random.default_rng(seed), categories)


@pytest.mark.parametrize("seed", range(5))
def test_runs_of_a_category_keep_pairs_together_and_use_every_photo_once(seed):
    batches = in_runs(LABELS, 6, seed, CATEGORIES)
    together = partners_together(LABELS, batches)
    assert together
    assert all(together)
    seen = np.concatenate(batches)
    assert len(seen) == 24
    assert len(set(seen.tolist())) == 24


def test_four_products_of_one_category_follow_each_other():
    order = MANY_CATEGORIES[np.concatenate(in_runs(MANY, 32, 0, MANY_CATEGORIES))[::2]]  # of each pair
    ends = np.flatnonzero(np.diff(order)) + 1
    lengths = np.diff(np.r_[0, ends, len(order)])
    assert np.median(lengths) == 4  # a run of eight is two runs of the same category by chance
    mixed = MANY_CATEGORIES[np.concatenate(in_runs(MANY, 32, 0, None))[::2]]
    assert (order[1:] == order[:-1]).mean() > 0.7 > 0.2 > (mixed[1:] == mixed[:-1]).mean()


def test_the_photos_in_a_run_change_from_epoch_to_epoch():
    rng = np.random.default_rng(0)
    first, second = (pair_batches(MANY, 32, rng, MANY_CATEGORIES) for _ in range(2))
    assert {frozenset(batch.tolist()) for batch in first}.isdisjoint(frozenset(batch.tolist()) for batch in second)


def test_runs_include_products_with_one_photo():
    labels = np.arange(9)  # no product has two photos
    rng = np.random.default_rng(0)
    seen = [np.concatenate(pair_batches(labels, 4, rng, labels % 2)) for _ in range(40)]
    assert [len(set(epoch.tolist())) for epoch in seen] == [8] * 40
    assert set(np.concatenate(seen).tolist()) == set(range(9))


def test_a_set_smaller_than_the_batch_is_one_batch():
    (batch,) = pair_batches(LABELS, 64, np.random.default_rng(0))
    assert sorted(batch.tolist()) == list(range(len(LABELS)))


def test_the_seed_determines_the_epoch():
    first, again, other = (np.concatenate(pair_batches(LABELS, 6, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("batch", [0, 1, 7])
def test_an_odd_batch_is_refused(batch):
    with pytest.raises(SettingsError, match=f"the batch is {batch}; it must be an even number"):
        pair_batches(LABELS, batch, np.random.default_rng(0))


def test_each_photo_follows_the_first_of_its_label():
    assert first_with_same_label(np.array([7, 3, 7, 5, 3])).tolist() == [0, 1, 0, 3, 1]


def test_in_a_share_of_the_pairs_the_first_photo_is_repeated():
    batch = np.random.default_rng(0).permutation(4_000)
    repeated = with_views(batch, 0.3, np.random.default_rng(1))
    assert np.array_equal(repeated[::2], batch[::2])
    same = repeated[1::2] == batch[::2]
    assert np.array_equal(repeated[1::2][~same], batch[1::2][~same])
    assert same.mean() == pytest.approx(0.3, abs=0.03)
    assert np.array_equal(with_views(batch, 0.3, np.random.default_rng(1)), repeated)


@pytest.mark.parametrize(("share", "views"), [(0.0, 0), (1.0, 5)])
def test_no_pair_or_every_pair_may_be_a_photo_and_its_view(share, views):
    batch = np.arange(11)  # the last photo has no partner
    repeated = with_views(batch, share, np.random.default_rng(0))
    sources = view_sources(repeated)
    assert (sources != np.arange(11)).sum() == views
    assert np.array_equal(repeated[sources], repeated)


def test_a_view_has_the_photo_before_it_as_its_source():
    assert view_sources(np.array([7, 7, 3, 9, 9, 3, 5, 5, 7])).tolist() == [0, 0, 2, 3, 4, 5, 6, 6, 8]
    assert view_sources(np.array([4, 1, 2, 4])).tolist() == [0, 1, 2, 3]  # the first is not a repetition of the last
