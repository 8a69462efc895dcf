import numpy as np
import pytest

from lambda_app.search.vectors import unit
from training.fit.heads.blend import Linear, blended, sampled, whitened
from training.fit.input.identities import Identities, identity_labels

RNG = np.random.default_rng(5)
LABELS = np.repeat(np.arange(200), 2)
# Photos of a product differ most in the first feature, products among each other in all.
FEATURES = (RNG.normal(size=(200, 12))[LABELS] + RNG.normal(size=(400, 12)) * ([6] + [0.5] * 11) + 3).astype(np.float32)


def layer(dim, seed=0):
    rng = np.random.default_rng(seed)
    return Linear(rng.normal(size=(dim, 12)).astype(np.float32), rng.normal(size=dim).astype(np.float32))


def found_first(vectors):
    similar = unit(vectors) @ unit(vectors).T
    np.fill_diagonal(similar, -np.inf)
    return float(np.mean(LABELS[similar.argmax(axis=1)] == LABELS))


def test_whitened_features_have_mean_zero_and_length_one():
    vectors = whitened(FEATURES, LABELS, 8)(FEATURES)
    assert vectors.shape == (400, 8)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-5)
    assert (vectors**2).sum(axis=1).mean() == pytest.approx(1, abs=1e-5)


def test_whitening_finds_photos_of_a_product_that_the_features_do_not():
    known, new = FEATURES[:200], slice(200, None)
    vectors = whitened(known, LABELS[:200], 12)(FEATURES)[new]
    similar, plain = (unit(v) @ unit(v).T - 2 * np.eye(200) for v in (vectors, FEATURES[new]))
    own = LABELS[new]
    assert np.mean(own[similar.argmax(1)] == own) > np.mean(own[plain.argmax(1)] == own) + 0.2


def test_a_narrow_network_gives_fewer_components():
    assert whitened(FEATURES, LABELS, 256).weight.shape == (12, 12)


@pytest.mark.parametrize("labels", [np.arange(400), np.zeros(400, np.int64)])
def test_any_labels_can_be_whitened(labels):
    assert np.isfinite(whitened(FEATURES, labels, 8).weight).all()


def test_photos_that_are_all_the_same_give_finite_weights():
    same = np.ones((6, 12), np.float32)
    whole = blended(layer(8), whitened(same, np.array([0, 0, 1, 1, 2, 2]), 8), same, 0.5)
    assert np.isfinite(whole.weight).all()
    assert np.isfinite(whole.bias).all()


def test_without_pooled_features_the_embedding_is_the_trained_one():
    trained = layer(8)
    assert blended(trained, whitened(FEATURES, LABELS, 8), FEATURES, 0) is trained


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_the_inner_products_are_the_weighted_sum_of_both_parts(share):
    trained, pooled = layer(5), whitened(FEATURES, LABELS, 4)
    # Of dimension 9, so that nothing is lost: the other rows of the trained part are zero.
    wide = Linear(np.pad(trained.weight, ((0, 4), (0, 0))), np.pad(trained.bias, (0, 4)))
    vectors = blended(wide, pooled, FEATURES, share)(FEATURES)
    assert vectors.shape == (400, 9)
    own = trained(FEATURES)
    own /= np.sqrt((own**2).sum(axis=1).mean())
    expected = (1 - share) * own @ own.T + share * pooled(FEATURES) @ pooled(FEATURES).T
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-4)


def test_a_part_of_the_features_helps_an_embedding_that_knows_nothing():
    trained, pooled = layer(8), whitened(FEATURES, LABELS, 8)
    assert found_first(blended(trained, pooled, FEATURES, 0.8)(FEATURES)) > found_first(trained(FEATURES))


def test_a_sample_keeps_photos_of_a_product_together():
    rows = sampled(identity_labels(LABELS, LABELS % 3), 100)
    assert len(rows) == 100
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(np.bincount(LABELS[rows])[np.unique(LABELS[rows])], 2)


def test_a_sample_of_categories_has_all_of_them():
    rows = sampled(Identities(np.repeat(np.arange(4), 100), "category"), 100)
    assert len(rows) == 100
    assert set(rows // 100) == {0, 1, 2, 3}


def test_few_photos_are_all_taken():
    np.testing.assert_array_equal(sampled(identity_labels(LABELS, LABELS), 400), np.arange(400))
