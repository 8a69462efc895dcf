import numpy as np
import pytest
import torch

from training.network import pooled
from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.network.pooled import forward_of, outputs_of, write_pooled

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(small_dataset):
    torch.manual_seed(0)
    return EmbeddingNet("resnet10_half", len(small_dataset.categories), size=32).eval()


@pytest.mark.parametrize("photos", [1, pooled.EXPORTED_FROM])
def test_features_are_those_of_the_network_whichever_library_computes_them(model, small_dataset, photos, tmp_path):
    rows = np.array([5, 2, 9])
    with forward_of(model, small_dataset, CPU, photos) as forward:
        write_pooled(forward, small_dataset, rows, model.width, tmp_path / "features.npy")
    expected = forward_rows(model, small_dataset, rows, 3).pooled
    np.testing.assert_allclose(np.load(tmp_path / "features.npy"), expected, atol=1e-4)


def test_mirrored_features_are_those_of_mirrored_photos(model, small_dataset, tmp_path):
    rows = np.array([5, 2])
    with forward_of(model, small_dataset, CPU, 2) as forward:
        write_pooled(forward, small_dataset, rows, model.width, tmp_path / "mirrored.npy", mirrored=True)
        expected = forward(np.stack([np.fliplr(photo) for photo in small_dataset.photos[rows]]))
    np.testing.assert_allclose(np.load(tmp_path / "mirrored.npy"), expected, atol=1e-5)


def test_all_outputs_are_those_of_the_network(model, small_dataset):
    rows = np.arange(4)
    with outputs_of(model, small_dataset, CPU, pooled.EXPORTED_FROM) as forward:
        found = forward(small_dataset.photos[rows])
    expected = forward_rows(model, small_dataset, rows, 4)
    for name in ("logits", "embedding", "pooled"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-4)


def test_a_failure_leaves_no_part_of_a_file(model, small_dataset, tmp_path):
    def fails(photos):
        raise MemoryError

    with pytest.raises(MemoryError):
        write_pooled(fails, small_dataset, np.arange(3), model.width, tmp_path / "features.npy")
    assert list(tmp_path.iterdir()) == []


class Unexportable(torch.nn.Module):
    """Its output depends on a computed value in a way that the exporter refuses."""

    def forward(self, images):
        return images.mean(dim=(2, 3)) if images.sum().item() > 0 else images.mean(dim=(2, 3)) * 2


def test_a_backbone_that_cannot_be_exported_is_computed_by_torch(model, small_dataset, caplog, monkeypatch):
    monkeypatch.setattr(model, "backbone", Unexportable())
    with caplog.at_level("INFO"), forward_of(model, small_dataset, CPU, pooled.EXPORTED_FROM) as forward:
        assert forward(small_dataset.photos[:3]).shape == (3, 3)
    assert "so torch computes its features" in caplog.text
