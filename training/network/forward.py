"""Outputs of the trained network for the photos of a dataset, in batches, without gradients."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from training.dataset import Dataset
from training.network.embedding_net import EmbeddingNet, device_of
from training.network.input import to_input


@dataclass(frozen=True)
class Outputs:
    """Outputs for n photos.

    Attributes:
        logits: float32 (n, classes).
        embedding: float32 (n, d), L2-normalised.
        pooled: float32 (n, width).
    """

    logits: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    pooled: npt.NDArray[np.float32]


def forward_batches(
    model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int
) -> Iterator[Outputs]:
    """Yield the outputs for rows of a dataset, batch by batch and in order. Sets the model to evaluation mode.

    Args:
        rows: int64 (n,).
        batch: photos per forward pass.
    """
    model.eval()
    device = device_of(model)
    for start in range(0, len(rows), batch):
        photos = torch.from_numpy(dataset.photos[rows[start : start + batch]]).to(device)
        images = to_input(photos, dataset.preprocessing).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            pooled = model.features(images)
            logits, embedding = model.heads(pooled)
        yield Outputs(logits.cpu().numpy(), embedding.cpu().numpy(), pooled.cpu().numpy())


def forward_rows(model: EmbeddingNet, dataset: Dataset, rows: npt.NDArray[np.int64], batch: int) -> Outputs:
    """The outputs for rows of a dataset, all in memory. There must be at least one row."""
    parts = list(forward_batches(model, dataset, rows, batch))
    return Outputs(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.embedding for part in parts]),
        np.concatenate([part.pooled for part in parts]),
    )
