import json
from dataclasses import replace

import numpy as np

from lambda_app.model.session import ModelOutput
from lambda_app.release.manifest import IndexEntry
from lambda_app.release.reference import Reference
from training.index.reference import centroids_of, held_out_rows, make_reference


def outputs_of(work) -> ModelOutput:
    return ModelOutput(np.load(work.index / "logits.npy"), np.load(work.index / "embeddings.npy"))


def test_the_reference_holds_the_test_and_validation_photos(trained, small_dataset):
    reference = Reference.model_validate_json((trained.index / "reference.json").read_bytes())
    held_out = np.concatenate([small_dataset.rows("test"), small_dataset.rows("validation")])
    assert set(reference.photos) == {small_dataset.image_ids[row] for row in held_out}
    rows = [small_dataset.image_ids.index(photo) for photo in reference.photos]
    outputs = outputs_of(trained)
    assert reference.categories == tuple(outputs.logits[rows].argmax(axis=1).tolist())
    cosines = outputs.embedding[rows] @ outputs.embedding.T
    cosines[np.arange(len(rows)), rows] = -2
    assert np.allclose(reference.scores, cosines.max(axis=1), atol=1e-3)
    counts = np.bincount(small_dataset.product)
    assert reference.known == tuple((counts[small_dataset.product[rows]] > 1).astype(int).tolist())


def test_the_release_has_the_reference(trained):
    manifest = json.loads((trained.release / "manifest.json").read_bytes())
    assert manifest["reference"] == json.loads((trained.index / "reference.json").read_bytes())


def test_a_dataset_without_held_out_photos_has_none(trained, small_dataset):
    entry = IndexEntry.model_validate_json((trained.index / "index.json").read_bytes())
    training_only = replace(small_dataset, split=np.zeros_like(small_dataset.split))
    assert make_reference(training_only, outputs_of(trained), trained.release, entry) is None


def test_test_photos_come_first_and_the_number_is_limited(small_dataset):
    test = set(small_dataset.rows("test").tolist())
    rows = held_out_rows(small_dataset, 0, most=len(test) + 3)
    assert set(rows[: len(test)]) == test
    assert set(rows[len(test) :]) < set(small_dataset.rows("validation").tolist())


def test_centroids_are_those_of_groups():
    random = np.random.default_rng(0)
    groups = np.linalg.qr(random.normal(size=(16, 16)))[0][:4]
    vectors = (groups[np.arange(64) % 4] + random.normal(0, 0.01, (64, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centroids = centroids_of(vectors, seed=0)
    assert centroids.shape == (4, 16)
    assert (centroids @ groups.T).max(axis=0).min() > 0.99
    assert (centroids == centroids_of(vectors, seed=0)).all()


def test_a_small_catalogue_has_few_centroids():
    vectors = np.eye(40, dtype=np.float32)
    assert len(centroids_of(vectors, 0)) == 2
    assert len(centroids_of(vectors[:5], 0)) == 1
