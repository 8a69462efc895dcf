import numpy as np
import torch

from training.network.embedding_net import EmbeddingNet
from training.network.forward import forward_rows
from training.network.input import to_input


def test_batches_give_the_answers_of_one_pass_in_the_order_of_the_rows(small_dataset):
    torch.manual_seed(0)
    model = EmbeddingNet("resnet10_half", len(small_dataset.categories))
    rows = np.array([7, 3, 11, 0, 5])
    found = forward_rows(model, small_dataset, rows, batch=2)
    assert not model.training
    with torch.no_grad():
        pooled = model.features(to_input(torch.from_numpy(small_dataset.photos[rows]), small_dataset.preprocessing))
        logits, embedding = model.heads(pooled)
    np.testing.assert_allclose(found.pooled, pooled.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.logits, logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(found.embedding, embedding.numpy(), atol=1e-5)
