import numpy as np
import pytest
from PIL import Image

from lambda_app.likeness.fingerprint import fingerprint_of
from training.metrics.likeness.copies import COPIES
from training.metrics.likeness.measured import Case, Measured, choose_threshold, measure


def photo(seed=0):
    patches = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), np.uint8)
    return Image.fromarray(patches).resize((150, 120), Image.Resampling.BICUBIC)


def measured(own, others):
    return Measured({"mirror": np.array(own, np.float32)}, np.array(others, np.float32))


def test_precision_counts_pairs_and_recall_counts_copies():
    found = measured([0.1, 0.2, 0.3, 0.6], [0.25, 0.5, 0.9])
    assert found.precision(0.3) == pytest.approx(3 / 4)
    assert found.recall(0.3) == {"mirror": pytest.approx(3 / 4)}
    assert found.precision(0.05) == 1
    assert found.photos == 4


def test_the_threshold_is_the_largest_with_the_precision():
    found = measured([0.05] * 90 + [0.2] * 10, [0.1501, 0.3, 0.3])
    assert choose_threshold(found, precision=0.995) == pytest.approx(0.15)
    assert choose_threshold(found, precision=0.98) == pytest.approx(0.2975)


def test_without_a_precise_threshold_it_is_0_and_never_more_than_comparisons_are_exact_for():
    assert choose_threshold(measured([0.3], [0.001]), precision=0.995) == 0
    assert choose_threshold(measured([0.3], [0.9]), precision=0.995) == pytest.approx(0.4)


def test_copies_are_near_their_photo_and_far_from_the_others():
    others = np.stack([fingerprint_of(photo(seed)) for seed in (7, 8)])
    found = measure([Case(photo(0), others), Case(photo(1), others[:1])])
    assert set(found.own) == set(COPIES)
    assert found.photos == 2
    assert len(found.others) == 3 * len(COPIES)
    assert max(max(own) for own in found.own.values()) < 0.4 < min(found.others)
    assert found.recall(choose_threshold(found)) == dict.fromkeys(COPIES, 1.0)
