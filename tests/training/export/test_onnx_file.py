from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import training
from lambda_app.model.session import Model
from training.errors import ExportError
from training.export.onnx_file import check_parity, opset_of, predict
from training.network.embedding_net import EmbeddingNet
from training.network.onnx_graph import OPSET
from training.network.weights import load_weights


@pytest.fixture
def exported(trained):
    return trained.float32


def test_the_file_gives_the_answers_of_the_network_for_any_number_of_photos(trained, exported, small_dataset):
    network, _ = load_weights(trained.weights)
    for count in (1, 3, 20):
        differences = check_parity(network, exported, small_dataset, np.arange(count))
        assert max(differences.values()) < 1e-4


def test_batch_norm_is_folded_into_convolutions_and_only_standard_operators_remain(exported):
    nodes = onnx.load(exported).graph.node
    of_convolutions = {name for node in nodes if node.op_type == "Conv" for name in node.output}
    left = [node for node in nodes if node.op_type == "BatchNormalization"]
    assert of_convolutions
    assert not [node.name for node in left if of_convolutions & {*node.input}]
    assert len(left) == 1  # the neck, after the pooling
    assert {node.domain for node in nodes} <= {"", "ai.onnx"}
    assert opset_of(exported) == OPSET


def test_no_paths_of_the_machine_are_in_the_file(exported):
    content = exported.read_bytes()
    for path in (Path(training.__file__).parent, Path(torch.__file__).parent, Path.home()):
        assert str(path).encode() not in content


def test_a_file_of_another_network_is_an_error_with_output_and_limit(exported, small_dataset):
    torch.manual_seed(3)
    other = EmbeddingNet("resnet10_half", len(small_dataset.categories)).eval()
    with pytest.raises(
        ExportError, match=r"float32.onnx differs from the .* on 4 photos: the largest difference of \w+ is .*limit"
    ):
        check_parity(other, exported, small_dataset, np.arange(4))


def test_answers_in_batches_equal_those_of_one_pass(exported, small_dataset):
    rows = np.array([5, 1, 9, 2, 7])
    one, parts = predict(Model(exported), small_dataset, rows, 5), predict(Model(exported), small_dataset, rows, 2)
    np.testing.assert_allclose(parts.logits, one.logits, atol=1e-5)
    np.testing.assert_allclose(parts.embedding, one.embedding, atol=1e-5)


def test_no_partial_files_are_left(exported):
    assert {path.suffix for path in exported.parent.iterdir()} == {".onnx", ".json", ".npz"}
    assert not [path for path in exported.parent.iterdir() if path.name.startswith(".")]
