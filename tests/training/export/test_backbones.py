"""Networks of several kinds from training to an answer: fit, export, and the code that serves."""

import dataclasses

import numpy as np
import onnx
import pytest
import torch

from lambda_app.model.session import Model
from training.dataset import Dataset
from training.export import stage as export
from training.export.onnx_file import check_parity, predict, write_onnx
from training.export.quantise import quantise
from training.export.settings import ExportSettings
from training.fit import stage as fit
from training.fit.settings import FitSettings
from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.network.weights import load_weights
from training.pipeline.work_folder import WorkFolder


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone", ["test_vit", "test_convnext", "mobilenetv4_conv_small_035", "tf_efficientnet_lite0"]
)
def test_a_network_of_timm_is_trained_exported_and_served(backbone, trained, small_dataset, tmp_path):
    work = WorkFolder(tmp_path)
    work.dataset.symlink_to(trained.dataset)
    weights = "imagenet" if backbone == "tf_efficientnet_lite0" else "none"
    fit.run(work, FitSettings(backbone=backbone, weights=weights, epochs=1, batch=32, lr=1e-4))
    export.run(work, ExportSettings())
    network, categories = load_weights(work.release / "weights.safetensors")
    assert (network.name, network.size, categories) == (f"timm/{backbone}", 32, small_dataset.categories)
    rows = small_dataset.rows("test")
    expected = forward_rows(network, small_dataset, rows, len(rows))
    served = predict(Model(work.float32), small_dataset, rows)
    np.testing.assert_allclose(served.embedding, expected.embedding, atol=1e-4)
    chosen = predict(Model(work.model), small_dataset, rows)
    assert (chosen.embedding * expected.embedding).sum(axis=1).min() > 0.9


def with_size(dataset: Dataset, size: int) -> Dataset:
    """The same photos at twice, three times ... the size."""
    factor = size // dataset.preprocessing.size
    photos = dataset.photos[:40].repeat(factor, axis=1).repeat(factor, axis=2)
    return dataclasses.replace(
        dataset, photos=photos, preprocessing=dataset.preprocessing.model_copy(update={"size": size})
    )


def test_only_the_products_with_weights_of_a_transformer_become_int8(small_dataset, tmp_path):
    torch.manual_seed(0)
    dataset = with_size(small_dataset, 64)
    network = EmbeddingNet("test_vit", len(dataset.categories), size=64).eval()
    write_onnx(network, 64, tmp_path / "float32.onnx")
    quantise(tmp_path / "float32.onnx", tmp_path / "int8.onnx", dataset, np.arange(20))
    graph = onnx.load(tmp_path / "int8.onnx").graph
    eight_bits = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8}
    of_weights = [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in eight_bits]
    blocks = 6
    products = sum(node.op_type == "MatMul" for node in graph.node)
    assert products == 6 * blocks
    assert len([node for node in of_weights if node.input[0]]) >= 4 * blocks + 1  # the patches, and four for each block
    rows = np.arange(20, 40)
    exact, rounded = (predict(Model(tmp_path / name), dataset, rows) for name in ("float32.onnx", "int8.onnx"))
    assert (exact.embedding * rounded.embedding).sum(axis=1).min() > 0.99
    # The outputs of a photo do not depend on the other photos of its batch.
    alone = predict(Model(tmp_path / "int8.onnx"), dataset, rows[:1])
    np.testing.assert_allclose(alone.embedding, rounded.embedding[:1], atol=1e-6)


def test_branches_that_only_help_training_are_merged(small_dataset, tmp_path):
    torch.manual_seed(0)
    network = EmbeddingNet("mobileone_s0", len(small_dataset.categories), size=32).eval()
    branches = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    write_onnx(network, 32, tmp_path / "model.onnx")
    written = sum(node.op_type == "Conv" for node in onnx.load(tmp_path / "model.onnx").graph.node)
    assert written < branches / 2
    assert sum(isinstance(module, torch.nn.Conv2d) for module in network.modules()) == branches
    check_parity(network, tmp_path / "model.onnx", small_dataset, small_dataset.rows("validation")[:8])
