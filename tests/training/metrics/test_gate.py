import numpy as np
import pytest

from lambda_app.model.session import ModelOutput
from lambda_app.search.vectors import unit
from training.metrics.gate import compare

COUNT, CLASSES, DIM = 40, 4, 8
LABELS = np.arange(COUNT) % CLASSES
PRODUCTS = np.arange(COUNT) // 2 + 100


@pytest.fixture
def outputs():
    """Outputs that predict every category rightly and find the other photo of every product."""
    rng = np.random.default_rng(0)
    labels = PRODUCTS % CLASSES
    logits = rng.random((COUNT, CLASSES)).astype(np.float32)
    logits[np.arange(COUNT), labels] += 2
    of_product = rng.normal(size=(COUNT, DIM))[PRODUCTS - 100]
    return labels, ModelOutput(logits, unit((of_product + 0.01 * rng.normal(size=(COUNT, DIM))).astype(np.float32)))


def test_outputs_pass_the_gate_against_themselves(outputs):
    labels, same = outputs
    gate = compare(same, same, labels, PRODUCTS)
    assert gate.passed
    assert (gate.n, gate.agreement, gate.accuracy_drop, gate.recall4_drop) == (COUNT, 1.0, 0.0, 0.0)


def test_one_other_prediction_of_forty_fails_the_gate(outputs):
    labels, expected = outputs
    logits = expected.logits.copy()
    logits[3] = np.roll(logits[3], 1)
    gate = compare(expected, ModelOutput(logits, expected.embedding), labels, PRODUCTS)
    assert not gate.passed
    assert gate.agreement == pytest.approx(39 / 40)
    assert gate.accuracy_drop == pytest.approx(1 / 40)
    assert gate.recall4_drop == 0.0


def test_more_accurate_predictions_pass_if_nearly_all_agree(outputs):
    labels, expected = outputs
    many = np.tile(np.arange(COUNT), 10)
    logits = expected.logits[many].copy()
    logits[3] = np.roll(logits[3], 1)
    products = np.arange(len(many))
    before = ModelOutput(logits, expected.embedding[many])
    gate = compare(before, ModelOutput(expected.logits[many], before.embedding), labels[many], products)
    assert gate.passed
    assert gate.accuracy_drop == pytest.approx(-1 / 400)
    assert gate.recall4_drop is None  # no product has two photos


def test_an_embedding_that_finds_fewer_products_fails_the_gate(outputs):
    labels, expected = outputs
    rolled = ModelOutput(expected.logits, np.repeat(np.roll(expected.embedding, 1, axis=0)[::2], 2, axis=0))
    spoilt = ModelOutput(expected.logits, np.random.default_rng(1).permutation(expected.embedding))
    assert compare(expected, rolled, labels, PRODUCTS).passed  # both photos of a product still have one vector
    gate = compare(expected, spoilt, labels, PRODUCTS)
    assert not gate.passed
    assert gate.recall4_drop is not None
    assert gate.recall4_drop > 0.5


def test_a_gallery_is_searched_by_the_expected_queries(outputs):
    """A turned space is as good as before for its own queries, and useless for those of the other space."""
    labels, expected = outputs
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(DIM, DIM)))[0].astype(np.float32)
    turned = ModelOutput(expected.logits, expected.embedding @ turn)
    assert compare(expected, turned, labels, PRODUCTS).passed
    gate = compare(expected, turned, labels, PRODUCTS, as_gallery=True)
    assert not gate.passed
    assert gate.recall4_drop is not None
    assert gate.recall4_drop > 0.5
    assert compare(expected, expected, labels, PRODUCTS, as_gallery=True).passed
