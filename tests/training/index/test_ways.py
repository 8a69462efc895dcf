import numpy as np
import pytest
import torch

from lambda_app.model.session import Model
from training.export.onnx_file import predict
from training.index.ways import _ReadAhead, from_features, in_torch, served
from training.network.forward import forward_rows
from training.network.weights import load_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def expected(trained, small_dataset):
    """The outputs of the float32 ONNX file for all photos."""
    return predict(Model(trained.float32), small_dataset, np.arange(len(small_dataset.photos)))


@pytest.mark.parametrize("rows", [slice(3, 11), np.array([9, 2, 40])])
def test_every_way_gives_the_outputs_of_the_network(trained, small_dataset, expected, rows):
    weights = trained.weights
    everything = np.arange(len(small_dataset.photos))
    features = forward_rows(load_weights(weights)[0], small_dataset, everything, 64).pooled
    ways = (
        served(Model(trained.float32), small_dataset, trained.float32, "float32"),
        in_torch(weights, small_dataset, CPU, bfloat16=False),
        from_features(weights, features),
    )
    for way in ways:
        found = way.outputs(rows)
        np.testing.assert_allclose(found.logits, expected.logits[rows], atol=1e-3)
        np.testing.assert_allclose(found.embedding, expected.embedding[rows], atol=1e-4)
        assert (way.classes, way.dim) == (found.logits.shape[1], found.embedding.shape[1])
        assert found.logits.dtype == found.embedding.dtype == np.float32


def test_bfloat16_differs_by_rounding_alone(trained, small_dataset, expected):
    way = in_torch(trained.weights, small_dataset, CPU, bfloat16=True)
    found = way.outputs(slice(0, 20))
    cosines = (found.embedding * expected.embedding[:20]).sum(axis=1)
    assert way.precision == "bfloat16"
    assert not np.allclose(found.embedding, expected.embedding[:20], atol=1e-6)
    assert cosines.min() > 0.99


def test_a_way_is_named_in_messages(trained, small_dataset):
    assert str(in_torch(trained.weights, small_dataset, CPU, bfloat16=True)) == "torch on cpu in bfloat16"


def test_the_rows_that_follow_are_read_ahead_and_others_too():
    photos = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    read = _ReadAhead(photos)
    for rows in (slice(0, 8), slice(8, 16), slice(16, 20), slice(4, 6), slice(12, 14), slice(14, 16)):
        np.testing.assert_array_equal(read(rows), photos[rows])
