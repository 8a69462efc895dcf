import numpy as np
import pytest
import torch

from training.network.embedding_net import EmbeddingNet
from training.network.frozen_heads import FrozenHeads


@pytest.fixture
def heads():
    torch.manual_seed(1)
    shapes = {"classifier": (3, 448), "embedding": (256, 448), "probe": (3, 448)}
    state = {f"{name}.weight": torch.randn(shape) for name, shape in shapes.items()}
    return FrozenHeads(state | {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()})


def test_the_file_gives_the_same_heads(heads, tmp_path):
    heads.write(tmp_path / "heads.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["heads.safetensors"]
    read = FrozenHeads.read(tmp_path / "heads.safetensors")
    assert read.state.keys() == heads.state.keys()
    assert all(torch.equal(value, heads.state[key]) for key, value in read.state.items())


def test_the_outputs_are_those_of_a_network_with_these_heads(heads):
    model = EmbeddingNet("resnet10_half", classes=3)
    heads.load_into(model)
    pooled = torch.randn(5, 448)
    with torch.no_grad():
        logits, embedding = model.heads(pooled)
    np.testing.assert_allclose(heads.logits(pooled.numpy()), logits.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(heads.embedding(pooled.numpy()), embedding.numpy(), atol=1e-5)
    assert not np.allclose(heads.logits(pooled.numpy(), probe=True), logits.numpy())


def test_no_photos_have_no_outputs(heads):
    assert heads.logits(np.empty((0, 448), np.float32)).shape == (0, 3)
    assert heads.embedding(np.empty((0, 448), np.float32)).shape == (0, 256)
