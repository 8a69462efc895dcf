from dataclasses import replace

import numpy as np
import pytest

from lambda_app.model.session import ModelOutput
from lambda_app.search.vectors import unit
from training.index.parity import MIN_COSINE, SAMPLE, judge, reference, sample_rows
from training.index.ways import Way
from training.network.cached import ServedOutputs

DIM = 16


@pytest.fixture
def outputs(small_dataset):
    """Outputs for all photos: right categories, and vectors that are close for photos of a product."""
    rng = np.random.default_rng(0)
    count = len(small_dataset.photos)
    logits = rng.random((count, len(small_dataset.categories)), np.float32)
    logits[np.arange(count), small_dataset.category] += 2
    of_product = rng.normal(size=(small_dataset.product.max() + 1, DIM))[small_dataset.product]
    return ModelOutput(logits, unit((of_product + 0.1 * rng.normal(size=(count, DIM))).astype(np.float32)))


def way(outputs, precision="float32"):
    def of(rows):
        return ModelOutput(outputs.logits[rows], outputs.embedding[rows])

    return Way("served", precision, "cpu", of, outputs.logits.shape[1], DIM, 16, None)


def with_cosine(embedding, cosine, rows):
    """The embedding, turned in these rows so that its cosine with itself is so large."""
    across = np.roll(embedding, 1, axis=1)
    across -= (across * embedding).sum(axis=1, keepdims=True) * embedding
    turned = cosine * embedding + np.sqrt(1 - cosine**2) * unit(across)
    found = embedding.copy()
    found[rows] = turned[rows]
    return found


def test_the_sample_is_spread_over_every_split(small_dataset):
    rows = sample_rows(small_dataset)
    assert SAMPLE <= len(rows) <= SAMPLE + 2
    assert (np.diff(rows) > 0).all()
    for split in ("train", "validation", "test"):
        own = small_dataset.rows(split)
        inside = np.intersect1d(rows, own)
        assert abs(len(inside) / len(rows) - len(own) / len(small_dataset.photos)) < 0.02
        assert {own[0], own[-1]} <= set(inside)


def test_a_small_dataset_is_a_sample_of_itself(small_dataset):
    few = replace(small_dataset, photos=small_dataset.photos[:9], split=np.array([0, 0, 0, 0, 0, 2, 0, 1, 2]))
    assert sample_rows(few).tolist() == list(range(9))
    assert sample_rows(few, 2).tolist() == [0, 5, 6, 7]
    assert sample_rows(replace(few, split=np.zeros(9, np.uint8)), 3).tolist() == [0, 4, 8]


@pytest.mark.parametrize(("cosine", "passes"), [(0.99905, True), (0.9989, False)])
def test_a_single_low_cosine_of_the_sample_refuses_a_way(small_dataset, outputs, cosine, passes):
    row = sample_rows(small_dataset)[40]
    other = ModelOutput(outputs.logits, with_cosine(outputs.embedding, cosine, [row]))
    found = judge(small_dataset, way(other), reference(small_dataset, way(outputs), None))
    assert found.lowest_cosine == pytest.approx(cosine, abs=1e-5)
    assert found.gate is None
    assert (found.failure is None) == passes
    if not passes:
        assert found.failure == f"the lowest cosine with the served model is 0.99890, the limit is {MIN_COSINE}"


def test_another_category_in_the_sample_refuses_a_way(small_dataset, outputs):
    logits = outputs.logits.copy()
    row = sample_rows(small_dataset)[3]
    logits[row] = np.roll(logits[row], 1)
    found = judge(
        small_dataset, way(ModelOutput(logits, outputs.embedding)), reference(small_dataset, way(outputs), None)
    )
    assert found.lowest_cosine == pytest.approx(1, abs=1e-6)
    assert found.failure is not None
    assert "predicts the same category for 98" in found.failure


def test_outputs_that_are_no_numbers_refuse_a_way(small_dataset, outputs):
    other = ModelOutput(outputs.logits, outputs.embedding * np.nan)
    assert judge(small_dataset, way(other), reference(small_dataset, way(outputs), None)).failure is not None


def test_for_an_int8_model_its_own_gate_decides_and_not_the_cosine(small_dataset, outputs):
    rows = small_dataset.rows("validation")
    judged = ServedOutputs(rows, outputs.logits[rows], outputs.embedding[rows])
    expected = reference(small_dataset, way(outputs, "int8"), judged)
    rounded = ModelOutput(outputs.logits, with_cosine(outputs.embedding, 0.99, slice(None)))
    found = judge(small_dataset, way(rounded), expected)
    assert found.lowest_cosine == pytest.approx(0.99, abs=1e-5)
    assert found.failure is None
    assert found.gate is not None
    assert (found.gate.n, found.gate.passed) == (len(rows), True)


def test_a_gallery_in_which_int8_finds_fewer_products_is_refused(small_dataset, outputs):
    rows = small_dataset.rows("validation")
    judged = ServedOutputs(rows, outputs.logits[rows], outputs.embedding[rows])
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(DIM, DIM)))[0].astype(np.float32)
    turned = ModelOutput(outputs.logits, outputs.embedding @ turn)  # as good for itself
    found = judge(small_dataset, way(turned), reference(small_dataset, way(outputs, "int8"), judged))
    assert found.failure is not None
    assert found.failure.startswith(f"it fails the gate of int8 on {len(rows)} photos (same category 100.0%")


def test_without_the_outputs_of_its_gate_int8_is_judged_on_the_sample(small_dataset, outputs):
    expected = reference(small_dataset, way(outputs, "int8"), None)
    found = judge(small_dataset, way(outputs), expected)
    assert found.gate is not None
    assert found.gate.n == len(sample_rows(small_dataset))
    assert found.failure is None
